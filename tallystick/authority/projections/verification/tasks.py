"""Background work of the room: it follows the ledger and notes which documents refer to which."""

from __future__ import annotations

from tallystick.authority.ledger.entry import EntryKind
from tallystick.authority.projections.verification import store
from tallystick.authority.projections.verification.claims import Claim
from tallystick.authority.room_queries import Connection
from tallystick.kernel.faults import Fault
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.given_back import named_original
from tallystick.wire.record import read_record

ENTRIES_A_ROUND = 5_000
_READER = "claims"
_DOCUMENT = str(int(EntryKind.DOCUMENT))


def follow(conn: Connection, most: int = ENTRIES_A_ROUND) -> int:
    """Take in what the ledger has since the last round, at most ``most`` entries; how many claims were found.

    Idempotent: the place and what was found before it are committed together, and a claim is noted once. Where the
    log has shrunk, the reader goes back with it.
    """
    position, size = store.hold_position(conn, _READER), store.acked_size(conn)
    first = min(position, size)
    last = min(first + most, size)
    found = 0
    for index, record in store.referring(conn, first, last):
        found += _note(conn, index, record)
    if last != position:
        store.move_position(conn, _READER, last)
    conn.commit()
    return found


def _note(conn: Connection, index: int, data: bytes) -> bool:
    try:
        record = read_record(data)
        on = named_original(record.refers_to)
        claim = Claim(int(record.type), Money(int(record.total or "0")))
    except (Fault, ValueError):
        return False  # what cannot be read is told by others
    if record.kind != _DOCUMENT or on is None or "TS-2103" in record.flags:
        return False  # it refers to a number that no device here has, or to another taxpayer's document
    store.add_claim(conn, on, index, claim)
    return True
