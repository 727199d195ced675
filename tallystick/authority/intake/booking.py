"""Step 14 for audit packages: the entry that the sequencer gets."""

from __future__ import annotations

from functools import lru_cache

from tallystick.authority.intake.package import Package
from tallystick.authority.intake.ports import PackageRules
from tallystick.authority.intake.store import Quarantined
from tallystick.authority.ledger.entry import EntryKind, LeafFlag, NewEntry
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.identifiers import canonical_buyer
from tallystick.kernel.instants import epoch_day, unix_ms, utc_offset_minutes
from tallystick.kernel.invoice import InvoiceType, TransactionType, document_type_code
from tallystick.kernel.tax_rates import TaxRateGroup

MEDIA_TYPE = "application/json"

_LEAF_FLAGS = {
    "TS-1103": int(LeafFlag.INVALID_SECURE_ELEMENT),
    "TS-1409": int(LeafFlag.ARITHMETIC_DOUBT),
    "TS-2001": int(LeafFlag.ARITHMETIC_DOUBT),
    "TS-2002": int(LeafFlag.ARITHMETIC_DOUBT),
    "TS-2003": int(LeafFlag.ARITHMETIC_DOUBT),
    "TS-2004": int(LeafFlag.ARITHMETIC_DOUBT),
    "TS-2404": int(LeafFlag.LATE),
    "TS-2409": int(LeafFlag.ARITHMETIC_DOUBT),
}


def document_entry(rules: PackageRules, package: Package) -> NewEntry:
    """The entry of a package that is booked, plainly or with flags."""
    request, result, owner = package.request, package.result, package.owner
    local = package.signed_at.astimezone(rules.zone)
    codes = package.codes
    return NewEntry(
        kind=EntryKind.DOCUMENT,
        channel=package.channel,
        body=package.opened.plain,
        media_type=MEDIA_TYPE,
        received_at_ms=unix_ms(package.received_at),
        act_hash=package.act_hash,
        file_hash=package.file_hash,
        device=(result.requested_by, result.signed_by),
        tin=owner.tin,
        premises=str(owner.premises_id or ""),
        document_type=document_type_code(request.invoice_type, request.transaction_type),
        day=epoch_day(local),
        issued_at_ms=package.signed_ms,
        utc_offset_minutes=utc_offset_minutes(local),
        currency=rules.pack.currency,
        total=result.total_amount.scaled,
        day_amount=turnover(package),
        tax_totals=tax_totals(package),
        se_total=result.total_counter,
        se_type=result.type_counter,
        certificate_hash=package.element.certificate_hash,
        refers_to=request.referent_document_number or "",
        flags=codes,
        leaf_flags=leaf_flags(codes),
        verdict=int(package.verdict),
        buyer=canonical_buyer(request.buyer_id),
    )


def tax_totals(package: Package) -> dict[str, int]:
    """The stated tax by category order id; by the category's name where the rate group does not have the label."""
    known = {} if package.group is None else category_of_label(package.group)
    totals: dict[str, int] = {}
    for item in package.result.tax_items:
        key = known.get(item.label.upper(), item.category_name)
        totals[key] = totals.get(key, 0) + item.amount.scaled
    return totals


@lru_cache(maxsize=64)
def category_of_label(group: TaxRateGroup) -> dict[str, str]:
    """Upper-cased label to category order id, as text."""
    return {rate.label.upper(): str(one.order_id) for one in group.categories for rate in one.rates}


def event_entry(kind: EntryKind, package: Package, facts: dict[str, str]) -> NewEntry:
    """The entry of evidence about a package. Where the sequencer has entered these bytes already, it says so."""
    result = package.result
    return NewEntry(
        kind=kind,
        channel=package.channel,
        body=package.opened.plain,
        media_type=MEDIA_TYPE,
        received_at_ms=unix_ms(package.received_at),
        act_hash=package.act_hash,
        file_hash=package.file_hash,
        device=(result.requested_by, result.signed_by),
        tin=package.owner.tin,
        se_total=result.total_counter,
        flags=package.codes,
        facts=facts,
        buyer=canonical_buyer(package.request.buyer_id),
    )


def quarantine_entry(row: Quarantined) -> NewEntry:
    """The entry of a package that is kept apart. It takes no place in the device's sequence: that may still come."""
    return NewEntry(
        kind=EntryKind.QUARANTINE,
        channel=row.channel,
        body=row.body,
        media_type=row.media_type,
        received_at_ms=unix_ms(row.received_at),
        act_hash=row.act_hash,
        file_hash=row.file_hash,
        device=(row.requested_by, row.signed_by),
        tin=row.tin,
        se_total=row.ordinal,
        flags=tuple(row.codes),
        verdict=row.verdict,
        buyer=row.buyer,
    )


def turnover(package: Package) -> int:
    """What a package adds to the day's total, in ten-thousandths."""
    request = package.request
    return signed_turnover(request.invoice_type, request.transaction_type, package.result.total_amount)


def signed_turnover(invoice_type: InvoiceType, transaction_type: TransactionType, amount: Money) -> int:
    """The amount with its sign for fiscal receipts, 0 for the others (K-26)."""
    if not invoice_type.is_fiscal:
        return 0
    return -amount.scaled if transaction_type is TransactionType.REFUND else amount.scaled


def leaf_flags(codes: tuple[str, ...]) -> int:
    """The public flags of a booking that carries these codes."""
    flags = 0
    for code in codes:
        flags |= _LEAF_FLAGS.get(code, 0)
    return flags
