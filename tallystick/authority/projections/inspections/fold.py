"""The fold of under-reporting: documents and executed proofs of audit become one row a device, in one pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

import msgspec

from tallystick.authority.ledger.entry import EntryKind
from tallystick.authority.projections.inspections import fold_store, refunds, reports
from tallystick.authority.projections.inspections.fold_store import Device, Key
from tallystick.authority.projections.inspections.ports import DeviceNumbers, Refunds
from tallystick.authority.projections.inspections.reading import Entry, entries
from tallystick.authority.projections.inspections.values import CaseKind, Evidence
from tallystick.authority.room_queries import Connection
from tallystick.kernel.faults import Fault
from tallystick.kernel.inspections import InspectionLimits, SellingHabit
from tallystick.kernel.instants import from_unix_ms
from tallystick.kernel.national_document import DocumentType
from tallystick.wire.audit_data import read_signed_part
from tallystick.wire.journal_amounts import shows_total
from tallystick.wire.ledger_body import NATIONAL
from tallystick.wire.record import Record

_DOCUMENT, _PROOF = str(int(EntryKind.DOCUMENT)), str(int(EntryKind.PROOF_OF_AUDIT))
_TAX_DOUBTS = frozenset({"TS-2002", "TS-2003"})
_HOUR_MS, _MINUTE_MS = 3_600_000, 60_000


def fold(
    conn: Connection,
    first: int,
    last: int,
    limits: InspectionLimits,
    high: int,
    numbers_of: Callable[[Connection, str], DeviceNumbers | None],
    given_back: Refunds,
) -> Iterator[Evidence]:
    """Take a span in; gives what single documents show. ``high`` is the unaudited sum (x 10000) that counts as high,
    ``numbers_of`` asks the registry, ``given_back`` the intake."""
    read = [(entry, entry.record) for entry in entries(conn, first, last) if entry.record is not None]
    wanted = [(entry, record) for entry, record in read if record.device and record.kind in (_DOCUMENT, _PROOF)]
    devices = fold_store.devices(conn, (_key(record) for _, record in wanted))
    touched: dict[Key, Device] = {}
    for entry, record in wanted:
        device = touched.get(_key(record)) or devices.get(_key(record))
        if record.kind == _PROOF:
            if device is not None and _take_proof(conn, device, entry, high):
                touched[device.key] = device
            continue
        if not _is_report(record):
            touched[_key(record)] = _take_document(device, record, high)
        yield from _doubts(entry, record)
        yield from reports.doubts(conn, entry, record, limits)
        if reports.is_registration(record):
            yield from reports.registration_doubts(entry, record, numbers_of(conn, _key(record)[1]))
    yield from refunds.doubts(conn, read, given_back)
    for device in sorted(touched.values(), key=lambda one: one.key):
        fold_store.put(conn, device, limits)


def _key(record: Record) -> Key:
    requested_by, _, signed_by = record.device.partition("-")
    return requested_by, signed_by


def _is_report(record: Record) -> bool:
    """Whether a register speaks of itself: that is no sale, and makes no habit of selling."""
    return record.media_type == NATIONAL and not _is_sale(record.type)


def _is_sale(document_type: str) -> bool:
    return document_type.isdecimal() and int(document_type) < DocumentType.SHIFT_OPENING


def _take_document(device: Device | None, record: Record, high: int) -> Device:
    offset, received_ms = int(record.utc_offset_minutes or "0"), int(record.received_at)
    # A clock that is set ahead must not make a device look busy.
    sold_ms = min(int(record.issued_at or record.received_at), received_ms)
    hour = (sold_ms + offset * _MINUTE_MS) // _HOUR_MS
    if device is None:
        key = _key(record)
        device = Device(key=key, tin=record.taxpayer, offset_minutes=offset, habit=SellingHabit.begin(hour))
    device.habit, device.offset_minutes = device.habit.sold(hour), offset
    if record.media_type == NATIONAL:
        return device  # no proof of audit: each document is here at once, or with its batch
    amount = abs(int(record.day_amount or "0"))
    if device.key[0] == device.key[1] and amount and int(record.se_total) > device.audited_up_to:
        received_at = from_unix_ms(received_ms)
        _set_unaudited(device, device.unaudited + amount, device.oldest_at or received_at, received_at, high)
    return device


def _set_unaudited(device: Device, amount: int, oldest_at: datetime | None, at: datetime, high: int) -> None:
    device.unaudited, device.oldest_at = amount, oldest_at if amount else None
    device.high_since = (device.high_since or at) if amount >= high else None


def _take_proof(conn: Connection, device: Device, entry: Entry, high: int) -> bool:
    """An executed proof: what lies behind its last ordinal is unaudited, and nothing else."""
    facts = _facts(entry)
    up_to = int(facts.get("totalCounter", "0"))
    if facts.get("event") != "executed" or up_to <= device.audited_up_to:
        return False
    device.audited_up_to = up_to
    amount, oldest_at = fold_store.unaudited_since(conn, device.key[1], up_to, entry.index)
    at = from_unix_ms(int(facts["reportedAt"]))
    device.high_since = None
    _set_unaudited(device, amount, oldest_at, at, high)
    return True


def _facts(entry: Entry) -> dict[str, str]:
    if entry.row is None or entry.row.body is None:
        return {}
    try:
        return msgspec.json.decode(entry.row.body, type=dict[str, str])
    except msgspec.DecodeError:
        return {}


def _doubts(entry: Entry, record: Record) -> Iterator[Evidence]:
    """What one sealed document shows against itself."""
    doubts = _TAX_DOUBTS.intersection(record.flags)
    if doubts:
        yield _evidence(CaseKind.TAXES_DIFFER, entry, record, f"booked with {', '.join(sorted(doubts))}")
    if entry.row is None or entry.row.body is None or record.media_type == NATIONAL:
        return  # a register's paper is made by its till from what it signs: no journal is sent
    try:
        said = read_signed_part(entry.row.body)
    except Fault:
        return  # a body that cannot be read is another question
    if said.invoice_type.is_fiscal and not shows_total(said.journal, said.total_amount):
        why = f"the journal does not show the signed total {said.total_amount}"
        yield _evidence(CaseKind.JOURNAL_DIFFERS, entry, record, why)


def _evidence(kind: CaseKind, entry: Entry, record: Record, why: str) -> Evidence:
    return Evidence(
        kind=kind,
        matter=record.device,
        item=entry.item,
        tin=record.taxpayer,
        device=record.device,
        amount=entry.amount,
        facts={"entry": str(entry.index), "ordinal": record.se_total, "why": why},
    )
