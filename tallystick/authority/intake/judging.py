"""Steps 8 to 12 for audit packages: the sale has happened, so what is wrong here is kept, with a flag or apart.

The rules are the kernel's; here each gets what it needs. Every function passes silently or raises one fault. Which
number the device gets does not depend on this order: the first fault of `verdicts.WIRE_ORDER` is answered.
"""

from __future__ import annotations

from tallystick.authority.intake.package import Package
from tallystick.authority.intake.ports import PackageRules
from tallystick.authority.reference.registry.values import SecureElementState
from tallystick.kernel import judgement
from tallystick.kernel.faults import Fault
from tallystick.kernel.tax_rates import moment_for_rates

_REFERENCE_TIME = "/request/referentDocumentDT"


def device_is_registered(_: PackageRules, package: Package) -> None:
    """A closed device is status 8 and quarantine; one whose registration is not in the ledger yet is our doubt."""
    if package.element.state is SecureElementState.CLOSED:
        raise Fault("TS-2401", detail="the device is closed")
    if package.element.registration_index is None:
        raise Fault("TS-2401", detail="the registration is not in the ledger yet", audit_status=1)


def device_is_not_on_hold(_: PackageRules, package: Package) -> None:
    """Kept until an officer decides; the device may delete it."""
    if package.element.state is SecureElementState.HOLD:
        raise Fault("TS-2407", detail="the device is on hold")


def time_is_credible(rules: PackageRules, package: Package) -> None:
    """Status 67, 73, 75: the signed instant, against the arrival."""
    judgement.check_time(package.result.sdc_time, package.signed_ms, package.received_at, rules.tolerances)


def reference_time_is_credible(rules: PackageRules, package: Package) -> None:
    """Status 68, 74, 76, against the invoice's own time."""
    if any(fault.pointer == _REFERENCE_TIME for fault in package.data.reading_faults):
        raise Fault("TS-2009", detail="the reference time cannot be read", audit_status=68)
    judgement.check_reference_time(package.request, package.result.sdc_time, rules.tolerances)


def counters_only_rise(rules: PackageRules, package: Package) -> None:
    """Two invoices of one card whose counters contradict each other: booked, flagged."""
    if package.internal is not None:
        rules.counters.check(package.internal, package.result.requested_by)


def rate_group_was_valid(rules: PackageRules, package: Package) -> None:
    """Status 5: the group that the result names was the one in force at the moment that decides (S2-042 to S2-044)."""
    package.group = rules.rates.group(package.result.tax_group_revision)
    moment = moment_for_rates(package.request, package.signed_at)
    judgement.check_group(package.group, rules.rates.group_at(moment))


def labels_are_known(_: PackageRules, package: Package) -> None:
    """Status 69."""
    if package.group is not None:
        judgement.check_labels(package.request.items, package.result.tax_items, package.group)


def categories_are_known(_: PackageRules, package: Package) -> None:
    """Status 70. Counters at zero say nothing: a card has one for every number that it was personalised for."""
    if package.group is not None and package.internal is not None:
        counted = [
            total.order_id for total in package.internal.categories if total.sale_tax.scaled or total.refund_tax.scaled
        ]
        judgement.check_categories(counted, package.group)


def amounts_are_in_range(_: PackageRules, package: Package) -> None:
    """Flagged: negative or absurd amounts."""
    judgement.check_ranges(package.request)


def taxes_are_right(_: PackageRules, package: Package) -> None:
    """Flagged: a tax that differs from ours."""
    if package.group is not None:
        judgement.check_taxes(package.request.items, package.result.tax_items, package.group)


def totals_add_up(_: PackageRules, package: Package) -> None:
    """Flagged: the signed total is not the sum of the items."""
    judgement.check_totals(package.request.items, package.result.total_amount)


def buyer_id_is_well_formed(rules: PackageRules, package: Package) -> None:
    """Flagged: a buyer's identification that this country does not have."""
    judgement.check_buyer_id(package.request.buyer_id, rules.pack.buyer_id_pattern)


def reference_is_given(rules: PackageRules, package: Package) -> None:
    """Flagged: a copy or a refund without its original."""
    judgement.check_reference(package.request, time_required=rules.pack.reference_time_required)
