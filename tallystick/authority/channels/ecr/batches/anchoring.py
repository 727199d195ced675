"""What shows the age of a register's documents that lie apart: links of its chain that were here by a moment (K-05).

Each document names the link of the one before it, so whoever showed us a link had all documents under it made by then,
and no other ones. A number shows nothing: a thief can report any head, and bring any document under a number that is
free, before a key is revoked, and make others afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

import attrs

from tallystick.authority.channels.ecr.batches import store
from tallystick.authority.intake import decision_store
from tallystick.authority.projections.audit.counters import AuditedCounters
from tallystick.authority.room_queries import Connection
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import device_link
from tallystick.wire.document_jws import HEADER_BYTES_MAX, header_of

_Kept = tuple[bytes, bytes, int, bytes, datetime]
_BEGINNING = HEADER_BYTES_MAX + 1
_REMEMBERED_MOST = 8
_Extent = tuple[tuple[int, int | None], int]


@attrs.define(slots=True)
class DeviceCounters:
    """Fits ``intake.anchors.CardCounters``: a card's counters stand in its audit requests, a register's documents in
    their chain. Remembers the chains of a few registers, for decisions come one by one."""

    _chains: dict[str, tuple[_Extent, Mapping[bytes, datetime]]] = attrs.field(factory=dict)

    def counted_by(self, conn: Connection, uid: str, ordinal: int) -> datetime | None:
        """When a request of the card first said that its counter had reached the ordinal; none when never."""
        return AuditedCounters().counted_by(conn, uid, ordinal)

    def chained_by(self, conn: Connection, uid: str, act_hash: bytes) -> datetime | None:
        """When a later document or a reported head came that holds the document's hash; none when nothing did."""
        return self.chained(conn, uid).get(act_hash)

    def chained(self, conn: Connection, uid: str) -> Mapping[bytes, datetime]:
        """The same of all documents of a register that lie apart, by act hash."""
        extent = decision_store.kept_extent(conn, uid), store.head_extent(conn, uid)
        known = self._chains.get(uid)
        if known is None or known[0] != extent:
            kept = decision_store.kept_of(conn, uid, _BEGINNING)
            self._chains.pop(uid, None)
            known = self._chains[uid] = extent, shown(kept, store.heads(conn, uid))
            if len(self._chains) > _REMEMBERED_MOST:
                del self._chains[next(iter(self._chains))]
        return known[1]

    def is_coming(self, conn: Connection, uid: str, first: int, last: int) -> bool:
        """Whether a batch that is not booked yet may hold a document with one of these numbers."""
        return store.is_coming(conn, uid, first, last)


def shown(kept: Iterable[_Kept], heads: Mapping[tuple[int, bytes], datetime]) -> dict[bytes, datetime]:
    """The earliest moment by which something was here that rests on a document, by its act hash.

    ``kept`` are its device's documents that lie apart, the highest number first, with the moment of arrival; ``heads``
    the heads that it reported. What rests on nothing that came is left out.
    """
    found: dict[bytes, datetime] = {}
    place, above, here = 0, dict[bytes, datetime](), dict[bytes, datetime]()
    for act_hash, body_hash, ordinal, beginning, came_at in kept:
        if ordinal != place:
            above = here if ordinal == place - 1 else {}
            place, here = ordinal, {}
        try:
            previous = header_of(beginning).previous
        except Fault:
            continue  # of another wire
        link = device_link(previous, ordinal, body_hash)
        later = [at for at in (above.get(link), heads.get((ordinal, link))) if at is not None]
        if later:
            found[act_hash] = min(later)
        by = min((came_at, *later))
        here[previous] = min(by, here.get(previous, by))
    return found
