"""The pipeline for audit packages as data: which checks stand under which step, in their order.

Steps 1 to 5, 14 and 15 are named here too, but carried out by the pipeline itself: they wait for others.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import attrs

from tallystick.authority.intake import judging, proving
from tallystick.authority.intake.package import Package
from tallystick.authority.intake.ports import PackageRules

CheckFunction = Callable[[PackageRules, Package], Awaitable[None] | None]


@attrs.frozen(slots=True)
class Check:
    """One check: the number of its step, and the function, which passes silently or raises one fault."""

    step: int
    function: CheckFunction

    @property
    def name(self) -> str:
        """What it says."""
        return self.function.__name__


PROOF_CHECKS = (
    Check(6, proving.signer_is_known),
    Check(6, proving.signature_is_good),
)
"""Who fails here is refused: nobody has shown that a card signed this."""

KEPT_CHECKS = (
    Check(6, proving.not_revoked_then),
    Check(6, proving.not_expired_then),
    Check(7, proving.names_agree),
    Check(7, proving.everything_was_read),
    Check(7, proving.url_is_present),
    Check(7, proving.mrc_is_well_formed),
    Check(7, proving.payment_is_present),
    Check(7, proving.url_says_the_same),
    Check(7, proving.internal_data_opens),
    Check(7, proving.internal_data_agrees),
    Check(8, judging.device_is_registered),
    Check(8, judging.device_is_not_on_hold),
    Check(9, judging.time_is_credible),
    Check(9, judging.reference_time_is_credible),
    Check(10, judging.counters_only_rise),
    Check(11, judging.rate_group_was_valid),
    Check(11, judging.labels_are_known),
    Check(11, judging.categories_are_known),
    Check(11, judging.amounts_are_in_range),
    Check(11, judging.taxes_are_right),
    Check(11, judging.totals_add_up),
    Check(11, judging.buyer_id_is_well_formed),
    Check(12, judging.reference_is_given),
)
"""Who fails here was lawfully signed: booked with a flag, or kept in quarantine."""
