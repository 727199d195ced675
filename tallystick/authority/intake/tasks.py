"""Background work of the room: it follows the ledger, so that every refund in it has its claim.

Refunds claim before they are booked, so there is nothing to do but for those that an earlier version booked, and where
the table of claims was lost: then it is made again of the ledger.
"""

from __future__ import annotations

from datetime import datetime

from tallystick.authority.intake import claims, store
from tallystick.authority.intake.claims import RefundClaim
from tallystick.authority.ledger.entry import EntryKind
from tallystick.authority.room_queries import Connection
from tallystick.kernel.faults import Fault
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.given_back import GIVES_BACK, named_original
from tallystick.kernel.instants import from_unix_ms
from tallystick.wire.ledger_body import NATIONAL
from tallystick.wire.record import Record, read_record

ENTRIES_A_ROUND = 5_000
_READER = "refunds"
_DOCUMENT = str(int(EntryKind.DOCUMENT))


def follow_refunds(conn: Connection, most: int = ENTRIES_A_ROUND) -> int:
    """Take in what the ledger has since the last round; how many claims were missing.

    Idempotent: the place and the claims before it are committed together. Where the log has shrunk, the reader goes
    back with it.
    """
    position, size = store.hold_position(conn, _READER), store.acked_size(conn)
    first = min(position, size)
    last = min(first + most, size)
    found = 0
    for data in store.referring(conn, first, last):
        claimed = _claim_in(data)
        if claimed is not None:
            claim, at, beyond = claimed
            found += claims.put_booked(conn, claim, at, beyond=beyond)
    if last != position:
        store.move_position(conn, _READER, last)
    conn.commit()
    return found


def _claim_in(data: bytes) -> tuple[RefundClaim, datetime, bool] | None:
    """What a booked refund takes, when it came, and whether that was more than was left."""
    try:
        record = read_record(data)
        original = named_original(record.refers_to)
        if original is None or not _gives_back(record):
            return None
        claim = RefundClaim(
            original=original,
            amount=Money(int(record.total or "0")),
            act_hash=bytes.fromhex(record.act_hash),
            device=record.device.partition("-")[2],
            sequence=int(record.se_total),
            tin=record.taxpayer,
        )
        return claim, from_unix_ms(int(record.received_at)), "TS-2104" in record.flags
    except (Fault, ValueError):
        return None  # a record that cannot be read is told by others


def _gives_back(record: Record) -> bool:
    if record.kind != _DOCUMENT or int(record.type) not in GIVES_BACK:
        return False
    return record.media_type == NATIONAL or "TS-2103" not in record.flags
