"""Places of a register that are lost: which ones lack before a document that lies apart, and asking to settle them.

A device chains its documents, so one that is damaged beyond reading, or rejected for good, would keep all later ones
out of the ledger. Two officers (``oversight.approvals``) settle its place; what follows can be booked then, and the
hole stays to be seen for ever. Where the sequence goes on is nobody's choice: the document behind the hole says it,
under the device's own signature.
"""

from __future__ import annotations

from datetime import datetime

import attrs

from tallystick.authority.intake import decision_store, place_store
from tallystick.authority.intake.anchors import CardCounters
from tallystick.authority.intake.decisions import anchor_of, check_undecided
from tallystick.authority.intake.held import Held
from tallystick.authority.ledger import queries as ledger
from tallystick.authority.oversight.approvals import operations as approvals
from tallystick.authority.oversight.approvals.values import Person
from tallystick.authority.room_queries import Connection
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import sha256
from tallystick.wire.document_jws import MEDIA_TYPE, read_signed
from tallystick.wire.settled_place import PLACES_MOST, PRESENTED_MOST

SETTLE = "quarantine.settle"
"""The deed; its object is the act of the document behind the places, so that one request about it is open at a time."""


@attrs.frozen(slots=True, kw_only=True)
class LostPlaces:
    """The places before a document that lies apart. ``presented`` are hashes of what came for them, by number."""

    device: str
    first: int
    last: int
    previous: bytes
    next: bytes
    next_entry: int
    presented: dict[bytes, int]
    doubt: str

    @property
    def content(self) -> dict[str, str]:
        """What two officers agree about: nothing else is settled than what both of them saw."""
        said = b"".join(digest + number.to_bytes(8, "big") for digest, number in sorted(self.presented.items()))
        return {
            "device": self.device,
            "doubt": self.doubt,
            "first": str(self.first),
            "last": str(self.last),
            "next": self.next.hex(),
            "nextEntry": str(self.next_entry),
            "presented": str(len(self.presented)),
            "presentedHash": sha256(said).hex(),
            "previous": self.previous.hex(),
        }

    @property
    def named(self) -> dict[str, int]:
        """What came, as far as an entry names it one by one."""
        found = sorted(self.presented.items(), key=lambda pair: (pair[1], pair[0]))[:PRESENTED_MOST]
        return {digest.hex(): number for digest, number in found}


def ask(conn: Connection, counters: CardCounters, by: Person, act_hash: bytes, reason: str, at: datetime) -> int:
    """Ask that what lacks before a document that lies apart be settled as lost; the request's number.

    Raises ``TS-4003`` (no such document), ``TS-4007`` (decided already), ``TS-3040`` (its signer is revoked, and
    nothing shows that it is older: a thief's word names no link), ``TS-3041`` (its arrival is not in the ledger yet),
    ``TS-1408`` (nothing lacks, or it cannot be settled), and what ``approvals.ask`` raises.
    """
    held = decision_store.held(conn, act_hash)
    if held is None:
        raise Fault("TS-4003", detail="no such document")
    lost = lost_before(conn, counters, held)
    content = lost.content | {
        "number": held.number,
        "behind": str(place_store.apart_behind(conn, lost.device, lost.last)),
    }
    return approvals.ask(conn, SETTLE, act_hash.hex(), content, reason, by, at)


def lost_before(conn: Connection, counters: CardCounters, held: Held) -> LostPlaces:
    """The places between the end of a device's sequence in the ledger and a document of it; raises as `ask` does."""
    check_undecided(held)
    assert held.entry_index is not None, "checked"
    entry = ledger.document_by_index(conn, held.entry_index)
    if entry is None or entry.media_type != MEDIA_TYPE:
        raise Fault("TS-1408", detail="only documents of registers are chained")
    doubt = anchor_of(conn, counters, held).doubt
    uid = held.signed_by
    head = ledger.device_head(conn, (uid, uid))
    if head is None:
        raise Fault("TS-2401", detail="the device is not registered in the ledger")
    first, last = head[0] + 1, held.ordinal - 1
    if last < first:
        raise Fault("TS-1408", detail=f"nothing lacks before it: the next document is number {first}")
    if last - first >= PLACES_MOST:
        raise Fault("TS-1408", detail=f"more than {PLACES_MOST} places lack before it: the device is entered anew")
    undecided = place_store.first_undecided(conn, uid, first, last)
    if undecided is not None:
        raise Fault("TS-1408", detail=f"number {undecided} lies apart: decide about it first")
    if counters.is_coming(conn, uid, first, last):
        raise Fault(
            "TS-1408", detail="a batch with one of these numbers is not booked yet: release the device, or wait"
        )
    return LostPlaces(
        device=uid,
        first=first,
        last=last,
        previous=head[1],
        next=read_signed(held.body, bytes_max=len(held.body)).header.previous,
        next_entry=held.entry_index,
        presented=_presented(conn, uid, first, last),
        doubt=doubt,
    )


def _presented(conn: Connection, uid: str, first: int, last: int) -> dict[bytes, int]:
    refused = place_store.refused_between(conn, uid, first, last)
    found = {signed.body_hash: int(signed.header.sequence) for signed, _ in refused}
    return found | place_store.came_between(conn, uid, first, last)
