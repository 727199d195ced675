"""What may be asked about seals: those of a day, with all that proves them."""

from __future__ import annotations

import attrs

from tallystick.authority.assurance.seals import store
from tallystick.authority.ledger import queries as ledger
from tallystick.authority.room_queries import Connection

REVISIONS_SHOWN = 100


@attrs.frozen(slots=True)
class PublishedSeal:
    """A seal that is in the ledger: its bytes, the entry, and the record with the salt that opens its commitment."""

    revision: int
    body: bytes
    index: int
    record: bytes
    salt: bytes
    leaf: bytes


def of_day(conn: Connection, day: int) -> list[PublishedSeal]:
    """The seals of a day (days since 1970) behind the gate, newest first."""
    found = []
    for revision, body, index in store.of_day(conn, day, REVISIONS_SHOWN):
        entry = ledger.document_by_index(conn, index)
        if entry is not None and entry.acked:
            found.append(PublishedSeal(revision, body, index, entry.record, entry.salt, entry.leaf))
    return found
