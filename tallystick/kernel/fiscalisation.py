"""What every SDC decides before it signs, at the premises or hosted: references, clock, rates, taxes (S2-028 to 033).

Each function passes or refuses with one `PosFault` in the codes of the POS API. The same request at the same moment
under the same rates gives the same taxes, whoever signs.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from tallystick.kernel.faults import Fault, PosFault, PropertyError
from tallystick.kernel.instants import from_unix_ms, to_milliseconds
from tallystick.kernel.invoice import InvoiceRequest, TaxItem
from tallystick.kernel.status_codes import StatusCode
from tallystick.kernel.tax import calculate_taxes
from tallystick.kernel.tax_rates import TaxRateGroup, group_at, moment_for_rates

CLOCK_NOT_SET_BEFORE = datetime(2000, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def check_reference(request: InvoiceRequest, now: datetime, *, time_required: bool) -> None:
    """Step 2, by the country: copies and refunds may need the time of what they refer to (C-17).

    Nothing refers to the future: the authority would answer 74, after the buyer has the receipt.
    """
    reference = request.referent_document_dt
    if reference is not None and reference > now:
        raise PosFault.single(StatusCode.INVALID_VALUE, "referentDocumentDT")
    if time_required and request.refers_back and reference is None:
        raise PosFault.single(StatusCode.FIELD_REQUIRED, "referentDocumentDT")


def check_clock(last_signed_ms: int, moment: datetime, tolerance: timedelta) -> None:
    """A clock before 2000, or clearly behind the last signed invoice, is not set: refuse with 1999."""
    if moment < CLOCK_NOT_SET_BEFORE or moment + tolerance < from_unix_ms(last_signed_ms):
        raise PosFault.single(StatusCode.UNDEFINED_WARNING)


def check_validity(not_after: datetime, moment: datetime) -> None:
    """Step 3: stop from the very moment of expiry on (S2-027, S2-030, K-25)."""
    if moment >= not_after:
        raise PosFault.single(StatusCode.SECURE_ELEMENT_EXPIRED)


def signing_time(last_signed_ms: int, now: datetime) -> datetime:
    """Whole milliseconds (S2-059), later than the last invoice: none is older than the one before, no two are alike.

    A card answers the same bytes with its old result, so equal baskets of one millisecond must differ in their time.
    """
    return max(to_milliseconds(now), from_unix_ms(last_signed_ms) + _MILLISECOND)


def choose_rate_group(request: InvoiceRequest, groups: Sequence[TaxRateGroup], moment: datetime) -> TaxRateGroup:
    """Step 4: the rates in force now, or at the reference's time (S2-031, S2-042 to S2-044)."""
    reference = moment_for_rates(request, moment)
    group = group_at(groups, reference)
    if group is None and reference is not moment:
        raise PosFault.single(StatusCode.INVALID_VALUE, "referentDocumentDT")
    if group is None:
        raise PosFault.single(StatusCode.NOT_CONFIGURED)
    return group


def tax_items(request: InvoiceRequest, group: TaxRateGroup) -> tuple[TaxItem, ...]:
    """Step 5: taxes by label; every unknown label is named (S2-032)."""
    try:
        return calculate_taxes(request.items, group)
    except Fault as fault:
        if fault.code != "TS-2001":
            raise
        wrong = tuple(PropertyError(field.pointer, StatusCode.INVALID_TAX_LABELS) for field in fault.fields)
        raise PosFault(wrong) from fault
