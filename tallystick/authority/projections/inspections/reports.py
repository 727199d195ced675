"""What registers report, against the ledger and the registry.

A register's own sums must be those of the documents that stand before it. The intake has compared them by the
register's fold when they came; here they are compared again with what the records of the ledger say, which is another
source. A shift of which much was given back is shown as well (S1-029), and a register that reports itself as another
one than was registered (S1-031, S1-032): that may be a slip, and somebody should look.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from tallystick.authority.projections.inspections import fold_store
from tallystick.authority.projections.inspections.ports import DeviceNumbers
from tallystick.authority.projections.inspections.reading import Entry
from tallystick.authority.projections.inspections.values import CaseKind, Evidence
from tallystick.authority.room_queries import Connection
from tallystick.kernel.faults import Fault
from tallystick.kernel.inspections import InspectionLimits
from tallystick.kernel.national_document import (
    CountAndSum,
    DocumentType,
    RegisterReport,
    ShiftReport,
    ShiftTotals,
)
from tallystick.wire.ledger_body import NATIONAL, open_national
from tallystick.wire.record import Record

DOCUMENTS_MOST = 200_000
"""Shifts of more documents are not added up here; no till sells so much in a day."""
_CLOSING = str(int(DocumentType.SHIFT_CLOSING))
_REGISTRATIONS = frozenset({str(int(DocumentType.REGISTRATION)), str(int(DocumentType.RE_REGISTRATION))})
_COUNTED = {
    DocumentType.RECEIPT: "sales",
    DocumentType.ACCOUNTABLE_FORM: "sales",
    DocumentType.RECEIPT_REFUND: "refunds",
    DocumentType.ACCOUNTABLE_FORM_REFUND: "refunds",
    DocumentType.CORRECTION: "corrections_up",
    DocumentType.CORRECTION_REFUND: "corrections_down",
}


def doubts(conn: Connection, entry: Entry, record: Record, limits: InspectionLimits) -> Iterator[Evidence]:
    """What a closing report shows against its register; nothing for any other document."""
    if record.media_type != NATIONAL or record.type != _CLOSING or entry.row is None or not entry.row.body:
        return
    try:
        report = open_national(entry.row.body)[1].content
    except Fault:
        return  # a body that cannot be read is another question
    if not isinstance(report, ShiftReport):
        return
    if 0 <= report.last - report.first < DOCUMENTS_MOST:
        wrong = _differences(report.totals, _booked(conn, record, report))
        if wrong:
            yield _evidence(CaseKind.REPORT_DIFFERS, entry, record, f"the ledger has other {', '.join(wrong)}", 0)
    back, sold = report.totals.refunds, report.totals.sales.total
    if back.count >= limits.refunds_least and back.total.scaled * 100 >= sold.scaled * limits.refund_percent:
        why = f"{back.count} refunds over {back.total}, sales over {sold}"
        yield _evidence(CaseKind.REFUNDS_HIGH, entry, record, why, back.total.scaled)


def is_registration(record: Record) -> bool:
    """Whether a register says in it what it is."""
    return record.media_type == NATIONAL and record.type in _REGISTRATIONS


def registration_doubts(entry: Entry, record: Record, numbers: DeviceNumbers | None) -> Iterator[Evidence]:
    """What a registration says otherwise than the registry; a number that the registry lacks is no question."""
    if numbers is None or entry.row is None or not entry.row.body:
        return
    try:
        report = open_national(entry.row.body)[1].content
    except Fault:
        return  # a body that cannot be read is another question
    if not isinstance(report, RegisterReport):
        return
    pairs = {
        "serial number": (report.serial_number, numbers.serial_number),
        "memory number": (report.memory_number, numbers.memory_number),
    }
    wrong = [f"{name} {said!r} for {ours!r}" for name, (said, ours) in pairs.items() if ours and said != ours]
    if wrong:
        yield _evidence(CaseKind.REGISTRATION_DIFFERS, entry, record, f"it reports {', '.join(wrong)}", 0)


def _booked(conn: Connection, record: Record, report: ShiftReport) -> ShiftTotals:
    """Counts and sums of a shift's documents, as the ledger's records have them."""
    requested_by, _, signed_by = record.device.partition("-")
    totals = ShiftTotals()
    for number, count, total in fold_store.sums_by_type(conn, (requested_by, signed_by), report.first, report.last):
        name = _COUNTED.get(DocumentType(number)) if number in set(DocumentType) else None
        if name is not None:
            so_far: CountAndSum = getattr(totals, name)
            more = CountAndSum(so_far.count + count, attrs.evolve(so_far.total, scaled=so_far.total.scaled + total))
            totals = attrs.evolve(totals, **{name: more})  # type: ignore[arg-type]  # the name is that of a CountAndSum
    return totals


def _differences(said: ShiftTotals, booked: ShiftTotals) -> list[str]:
    names = dict.fromkeys(_COUNTED.values())
    return [name.replace("_", " ") for name in names if getattr(said, name) != getattr(booked, name)]


def _evidence(kind: CaseKind, entry: Entry, record: Record, why: str, amount: int) -> Evidence:
    return Evidence(
        kind=kind,
        matter=record.device,
        item=entry.item,
        tin=record.taxpayer,
        device=record.device,
        amount=amount,
        facts={"entry": str(entry.index), "ordinal": record.se_total, "why": why},
    )
