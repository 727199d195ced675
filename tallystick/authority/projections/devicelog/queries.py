"""What may be asked of a device's log: a page behind a cursor."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import datetime, timedelta

import attrs

from tallystick.authority.ledger.device_records import device_records
from tallystick.authority.ledger.entry import EntryKind
from tallystick.authority.projections.devicelog.values import Cursor, LogEntry, LogPage
from tallystick.authority.room_queries import Connection, RoomQueries
from tallystick.kernel.instants import EPOCH, from_unix_ms
from tallystick.kernel.national_document import DocumentType
from tallystick.wire.batch_receipt import BatchReceipt, read_batch_answer
from tallystick.wire.device_command import read_result
from tallystick.wire.record import Record, read_record

_SQL = RoomQueries(__package__)
PAGE_MOST = 500
SCAN_MOST = 2_000
"""How many documents of the device are looked at for one page: most of them are sales, which have no line here."""
SETTLED_AFTER = timedelta(seconds=5)
"""Deeds are written a moment before they are visible: what is younger comes with the next page, so none is missed."""

_DOCUMENT_RANK = 50
_MICROSECOND = timedelta(microseconds=1)
_SHOWN: dict[int, str] = {
    DocumentType.SHIFT_OPENING: "shift-opened",
    DocumentType.SHIFT_CLOSING: "shift-closed",
    DocumentType.STATUS: "status-reported",
    DocumentType.REGISTRATION: "registration-reported",
    DocumentType.RE_REGISTRATION: "re-registration-reported",
    DocumentType.CLOSURE: "memory-closed",
    EntryKind.SETTLED_PLACE: "place-settled",
}
_SALES: dict[int, str] = {
    DocumentType.RECEIPT: "sold",
    DocumentType.RECEIPT_REFUND: "refunded",
    DocumentType.ACCOUNTABLE_FORM: "sold",
    DocumentType.ACCOUNTABLE_FORM_REFUND: "refunded",
    DocumentType.CORRECTION: "corrected",
    DocumentType.CORRECTION_REFUND: "corrected",
}
"""Documents that are shown where the reader asks for every one: there are hundreds a day."""


@attrs.frozen(slots=True, order=True)
class _Line:
    """An entry with its place in the row of all sources."""

    at_us: int
    rank: int
    key: str
    sequence: int
    entry: LogEntry = attrs.field(order=False)


def page(
    conn: Connection, uid: str, after: Cursor, until: datetime, *, limit: int = 100, has_sales: bool = False
) -> LogPage:
    """At most ``limit`` entries of a device behind a cursor up to a moment, oldest first; `PAGE_MOST` at most.

    With ``has_sales`` each sale, return and correction has its line; else only reports have. Who asks on from page to
    page sets the moment `SETTLED_AFTER` before now.
    """
    limit = min(limit, PAGE_MOST)
    documents, seen_to, horizon_us = _documents(conn, uid, after, until, _SHOWN | _SALES if has_sales else _SHOWN)
    lines = sorted([*_events(conn, uid, after, until, limit + 1), *documents])
    if horizon_us is not None:  # documents behind this moment were not looked at
        lines = [line for line in lines if line.sequence >= 0 or line.at_us <= horizon_us]
    shown = lines[:limit]
    left = [line.sequence for line in lines[limit:] if line.sequence >= 0]
    sequence = min(left) - 1 if left else seen_to
    newest = shown[-1] if shown else None
    cursor = attrs.evolve(after, sequence=sequence)
    if newest is not None:
        cursor = Cursor(newest.at_us, newest.rank, newest.key, sequence)
    return LogPage(tuple(line.entry for line in shown), cursor, len(lines) > limit or horizon_us is not None)


def _events(conn: Connection, uid: str, after: Cursor, until: datetime, limit: int) -> list[_Line]:
    rows = _SQL.rows(
        conn, "events", uid=uid, at=after.at, rank=after.rank, key=after.key, until=until, limit=limit
    )  # fmt: skip
    return [
        _Line(_microseconds(at), rank, key, -1, LogEntry(at, what, _opened(json.loads(facts))))
        for at, rank, key, what, facts in rows
    ]


def _opened(facts: dict[str, str]) -> dict[str, str]:
    """With what a device said of a command, and what became of a batch, out of the bytes that were signed."""
    if (receipt := facts.pop("receipt", None)) is not None:
        taken = read_batch_answer(base64.b64decode(receipt))
        assert isinstance(taken, BatchReceipt)
        counts = {"booked": taken.booked, "apart": taken.apart, "doubled": taken.doubled, "refused": taken.refused}
        return facts | {name: str(count) for name, count in counts.items()}
    if (signed := facts.pop("signed", None)) is None:
        return facts
    said = read_result(base64.b64decode(signed)).result
    told = {"outcome": str(said.outcome), "reason": said.reason, "sequence": str(said.sequence), "state": said.state}
    return facts | {name: one for name, one in told.items() if one}


def _documents(
    conn: Connection, uid: str, after: Cursor, until: datetime, shown: Mapping[int, str]
) -> tuple[list[_Line], int, int | None]:
    """Documents of the device behind the cursor that are shown; how far was looked, and up to which moment, if there is
    more.

    Documents are told by their place in the device's sequence: one never stands before an earlier one of the same
    device, whatever the clocks of two processes said.
    """
    rows = device_records(conn, uid, after.sequence, SCAN_MOST)
    lines: list[_Line] = []
    seen_to, newest_us = after.sequence, after.at_us
    for sequence, raw in rows:
        record = read_record(raw) if raw else None
        if record is not None and record.received_at:
            received = from_unix_ms(int(record.received_at))
            if received > until:
                return lines, seen_to, None
            newest_us = max(newest_us, _microseconds(received))
            what = shown.get(int(record.type)) if record.type else None
            if what is not None:
                entry = LogEntry(received, what, _facts(record))
                lines.append(_Line(newest_us, _DOCUMENT_RANK, f"{sequence:010}", sequence, entry))
        seen_to = sequence
    return lines, seen_to, newest_us if len(rows) == SCAN_MOST else None


def _facts(record: Record) -> dict[str, str]:
    facts = {"number": f"{record.device}-{record.se_total or record.device_seq}", "issued": record.issued_at}
    is_sale = int(record.type) in _SALES
    facts |= {"total": record.total, "original": record.refers_to} if is_sale else {"turnover": record.day_amount}
    if record.flags:
        facts["codes"] = " ".join(record.flags)
    if build := record.facts.get("build"):
        facts["build"] = build
    return {name: said for name, said in facts.items() if said}


def _microseconds(at: datetime) -> int:
    return (at - EPOCH) // _MICROSECOND
