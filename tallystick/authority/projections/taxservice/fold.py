"""The fold: every document behind the ledger's gate becomes an item of the queue, once."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from tallystick.authority.projections.taxservice import store, tally
from tallystick.authority.projections.taxservice.kinds import UNREADABLE_TYPE
from tallystick.authority.projections.taxservice.store import LedgerRow, NewItem
from tallystick.authority.projections.taxservice.tally import Tally
from tallystick.authority.projections.taxservice.values import State
from tallystick.authority.room_queries import Connection
from tallystick.kernel.faults import Fault
from tallystick.kernel.instants import from_unix_ms
from tallystick.wire.leaf import read_leaf
from tallystick.wire.record import Record, read_record

SPAN_ENTRIES = 1_000


def fold(conn: Connection, zone: ZoneInfo, now: datetime, most: int = SPAN_ENTRIES) -> int:
    """Take the next entries in, in the caller's transaction; how many entries that were.

    What the service has a receipt for comes in as accepted: a queue that was thrown away sends none of it again.
    """
    first = store.hold_position(conn)
    last = min(store.acked_size(conn), first + most)
    if last <= first:
        return 0
    receipts = store.receipts_between(conn, first, last)
    figures, items, registers, points = Tally(zone, now), [], [], []
    for row in store.span(conn, first, last):
        item, booked_at, record = _item(row)
        accepted_at = receipts.get(row.log_index)
        if accepted_at is None:
            items.append(item)
        else:
            figures.accepted(booked_at, accepted_at)
        figures.entered(item.document_type, booked_at, State.WAITING if accepted_at is None else State.ACCEPTED)
        if record is not None:
            day = figures.local_day(booked_at)
            registers.append((day, record.device.partition("-")[0]))
            points.append((day, record.taxpayer, record.premises))
    if items:
        store.add_items(conn, items)
    figures.first_seen("registers", tally.see_registers(conn, registers))
    figures.first_seen("points", tally.see_points(conn, points))
    figures.put(conn)
    store.move_position(conn, last)
    return last - first


def _item(row: LedgerRow) -> tuple[NewItem, datetime, Record | None]:
    """A document whose record lacks or is damaged is an item as well: it is not lost, and a person will look at it."""
    try:
        if row.record is None:
            raise Fault("TS-1220", detail="the record lacks")
        record = read_record(row.record)
        booked_ms = int(record.received_at)
        return NewItem(row.log_index, int(record.type), record.taxpayer, booked_ms), from_unix_ms(booked_ms), record
    except (Fault, ValueError):
        booked_ms = read_leaf(row.leaf).received_ms
        return NewItem(row.log_index, UNREADABLE_TYPE, row.tin, booked_ms), from_unix_ms(booked_ms), None
