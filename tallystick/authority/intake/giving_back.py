"""Step 12 for audit packages that give money back: what they take is noted before they are booked (S0-059).

A card has signed, so nothing is refused here: what is more than is left of the original, and what names another
taxpayer's, is booked with its code, and inspectors see it.
"""

from __future__ import annotations

from datetime import datetime

from tallystick.authority.intake.claims import RefundClaim, Taken
from tallystick.authority.intake.examining import at_step
from tallystick.authority.intake.package import Finding, Package
from tallystick.authority.intake.ports import RefundStores
from tallystick.authority.intake.steps import Step
from tallystick.kernel.faults import Fault
from tallystick.kernel.fixed_point import ZERO_MONEY
from tallystick.kernel.given_back import TAXCORE_REFUNDS, named_original
from tallystick.kernel.invoice import document_type_code

_ANOTHERS_WORD = frozenset({"TS-1104", "TS-1313"})
"""Whoever signs with a revoked card, or under another's name, takes nothing: should officers re-admit it, it will."""
_FAULTS = {
    Taken.BEYOND: ("TS-2104", "more than is left of the original"),
    Taken.FOREIGN: ("TS-2103", "the original is another taxpayer's"),
}


async def take_from_original(stores: RefundStores, package: Package, at: datetime, *, readmitted: bool = False) -> None:
    """Note what a refund takes, and find what is wrong with it; nothing for any other document.

    ``at`` is now: whoever follows claims by their time would miss one that is dated back.
    Raises ``TS-5009`` when nobody can tell now: then the package comes again.
    """
    claim = claim_of(package)
    if claim is None or not (readmitted or _ANOTHERS_WORD.isdisjoint(package.codes)):
        return
    try:
        fault = _FAULTS.get(await stores.take(claim, at))
    except Fault as doubt:
        raise at_step(Step.REFERENCES, doubt) from None
    if fault is not None:
        package.findings.append(Finding.of(Step.REFERENCES, Fault(fault[0], detail=fault[1])))


def claim_of(package: Package) -> RefundClaim | None:
    """What a package takes; none where it gives nothing back, or names no original that this log can have."""
    request, result = package.request, package.result
    if document_type_code(request.invoice_type, request.transaction_type) not in TAXCORE_REFUNDS:
        return None
    original = named_original(request.referent_document_number)
    if original is None:
        return None
    return RefundClaim(
        original=original,
        amount=max(result.total_amount, ZERO_MONEY),
        act_hash=package.act_hash,
        device=result.signed_by,
        sequence=result.total_counter,
        tin=package.owner.tin,
    )
