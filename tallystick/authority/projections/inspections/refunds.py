"""Refunds by cards against their originals, of whatever channel (S0-059, K-21).

A card has signed before anybody could ask, so a refund that is more than is left is lawful evidence: it is booked with
its code, and becomes a case here. Where the original came after it, in a package that was late, nobody could tell at
the booking: both are compared when the later one of them is read. Registers are refused, or their batch tells of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import attrs

from tallystick.authority.ledger import queries as ledger
from tallystick.authority.ledger.entry import EntryKind
from tallystick.authority.projections.inspections.ports import Refund, Refunds
from tallystick.authority.projections.inspections.reading import Entry
from tallystick.authority.projections.inspections.values import CaseKind, Evidence
from tallystick.authority.room_queries import Connection
from tallystick.kernel.faults import Fault
from tallystick.kernel.given_back import IN_DOUBT, TAXCORE_REFUNDS, is_instalment, named_original
from tallystick.kernel.identifiers import SdcInvoiceNumber
from tallystick.wire.ledger_body import NATIONAL
from tallystick.wire.record import Record

_DOCUMENT = str(int(EntryKind.DOCUMENT))
_BEYOND = "more than is left of the original"
_FOREIGN = "the original is another taxpayer's"
_WHY = {"TS-2104": _BEYOND, "TS-2103": _FOREIGN}
Read = tuple[Entry, Record]


@attrs.frozen(slots=True)
class _Original:
    index: int
    total: int
    tin: str
    is_summed: bool
    """Whether its total is all that a refund may give back: an instalment stands for those before it as well."""


def doubts(conn: Connection, read: Sequence[Read], refunds: Refunds) -> Iterator[Evidence]:
    """What the documents of a span, in their order, show of refunds by cards; each refund once."""
    documents = [(entry, record) for entry, record in read if record.kind == _DOCUMENT and record.device]
    if not documents:
        return
    here = {number: one for one in documents if (number := _number(one[1])) is not None}
    wanted = set(here)
    for entry, record in documents:
        if not _is_of_a_card(record):
            continue
        told = [why for code, why in _WHY.items() if code in record.flags]
        if told:
            yield _evidence(entry.index, record, told[0])
        elif (original := named_original(record.refers_to)) is not None:
            wanted.add(original)
    span = range(documents[0][0].index, documents[-1][0].index + 1)
    yield from _late(conn, refunds.of(conn, wanted), here, span)


def _late(
    conn: Connection, found: Iterable[Refund], here: Mapping[SdcInvoiceNumber, Read], span: range
) -> Iterator[Evidence]:
    """Refunds that were booked before anybody knew their original: those of which the later one stands in the span."""
    by_original: dict[SdcInvoiceNumber, list[Refund]] = {}
    for one in found:
        by_original.setdefault(one.original, []).append(one)
    for number, refunds in by_original.items():
        original = _original(conn, number, here)
        if original is None:
            continue
        left = original.total
        for one in refunds:
            record = one.record
            if not IN_DOUBT.isdisjoint(record.flags):
                continue  # somebody was told of it
            is_foreign = record.taxpayer != original.tin
            left -= 0 if is_foreign else one.amount
            is_wrong = is_foreign or (left < 0 and original.is_summed)
            if is_wrong and _is_of_a_card(record) and max(one.index, original.index) in span:
                yield _evidence(one.index, record, _FOREIGN if is_foreign else _BEYOND)


def _original(conn: Connection, number: SdcInvoiceNumber, here: Mapping[SdcInvoiceNumber, Read]) -> _Original | None:
    """The document of a number; none where the ledger has none, or it cannot be read."""
    if number in here:
        entry, record = here[number]
        index = entry.index
    else:
        booked = ledger.document_by_number(conn, number.requested_by, number.signed_by, number.ordinal)
        if booked is None or not booked.acked:
            return None
        try:
            index, record = booked.index, booked.facts
        except Fault:
            return None  # a record that cannot be read is another question
    is_summed = not is_instalment(int(record.type), record.refers_to)
    return _Original(index, int(record.total or "0"), record.taxpayer, is_summed)


def _number(record: Record) -> SdcInvoiceNumber | None:
    return named_original(f"{record.device}-{record.se_total}")


def _is_of_a_card(record: Record) -> bool:
    return record.media_type != NATIONAL and record.type.isdecimal() and int(record.type) in TAXCORE_REFUNDS


def _evidence(index: int, record: Record, why: str) -> Evidence:
    return Evidence(
        kind=CaseKind.REFUND_CONTRADICTS,
        matter=record.device,
        item=f"entry {index}",
        tin=record.taxpayer,
        device=record.device,
        amount=int(record.total or "0"),
        facts={"entry": str(index), "ordinal": record.se_total, "original": record.refers_to, "why": why},
    )
