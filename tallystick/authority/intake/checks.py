"""The pipeline for audit packages as data: which checks stand under which step, in their order.

Steps 1 to 5, 14 and 15 wait for others, and are carried out by `pipeline` and `keeping`.
"""

from __future__ import annotations

from tallystick.authority.intake import judging, proving
from tallystick.authority.intake.check_list import ChannelChecks, Check, in_order
from tallystick.authority.intake.package import Package
from tallystick.authority.intake.ports import PackageRules
from tallystick.authority.intake.steps import Step
from tallystick.authority.ledger.entry import Channel

PROOF_CHECKS = in_order(
    Channel.ESDC,
    Check(Step.SIGNATURE, proving.signer_is_known),
    Check(Step.SIGNATURE, proving.signature_is_good),
)
"""Who fails here is refused: nobody has shown that a card signed this."""

KEPT_CHECKS = in_order(
    Channel.ESDC,
    Check(Step.SIGNATURE, proving.not_revoked_then),
    Check(Step.SIGNATURE, proving.not_expired_then),
    Check(Step.BINDING, proving.names_agree),
    Check(Step.BINDING, proving.everything_was_read),
    Check(Step.BINDING, proving.url_is_present),
    Check(Step.BINDING, proving.mrc_is_well_formed),
    Check(Step.BINDING, proving.payment_is_present),
    Check(Step.BINDING, proving.journal_is_present),
    Check(Step.BINDING, proving.url_says_the_same),
    Check(Step.BINDING, proving.internal_data_opens),
    Check(Step.BINDING, proving.internal_data_agrees),
    Check(Step.DEVICE_STATE, judging.device_is_registered),
    Check(Step.DEVICE_STATE, judging.device_is_not_on_hold),
    Check(Step.FRESHNESS, judging.time_is_credible),
    Check(Step.FRESHNESS, judging.reference_time_is_credible),
    Check(Step.ORDER, judging.counters_only_rise),
    Check(Step.ARITHMETIC, judging.rate_group_was_valid),
    Check(Step.ARITHMETIC, judging.labels_are_known),
    Check(Step.ARITHMETIC, judging.categories_are_known),
    Check(Step.ARITHMETIC, judging.amounts_are_in_range),
    Check(Step.ARITHMETIC, judging.taxes_are_right),
    Check(Step.ARITHMETIC, judging.totals_add_up),
    Check(Step.ARITHMETIC, judging.buyer_id_is_well_formed),
    Check(Step.REFERENCES, judging.reference_is_given),
)
"""Who fails here was lawfully signed: booked with a flag, or kept in quarantine."""

_HOSTED_PROOF_CHECKS = in_order(
    Channel.VSDC,
    Check(Step.SIGNATURE, proving.hosted_pair_is_known),
    Check(Step.SIGNATURE, proving.signature_is_good),
)
_NOT_HOSTED = frozenset(
    {
        proving.names_agree,
        proving.everything_was_read,
        proving.url_is_present,
        proving.mrc_is_well_formed,
        proving.payment_is_present,
        proving.journal_is_present,
        proving.url_says_the_same,
        proving.internal_data_opens,
        judging.device_is_registered,
        judging.device_is_not_on_hold,
    }
)
"""What holds because this house wrote the document a moment ago, from what it signed; and the state of the POS, which
was judged before anything was signed."""

_HOSTED_KEPT_CHECKS = in_order(
    Channel.VSDC,
    Check(Step.SIGNATURE, proving.requester_was_admitted),
    *(check for check in KEPT_CHECKS if check.step == Step.SIGNATURE),
    Check(Step.BINDING, proving.hosted_names_agree),
    *(check for check in KEPT_CHECKS if check.step > Step.SIGNATURE and check.function not in _NOT_HOSTED),
)

CHECKS: dict[Channel, ChannelChecks[PackageRules, Package]] = {
    Channel.ESDC: ChannelChecks(PROOF_CHECKS, KEPT_CHECKS),
    Channel.VSDC: ChannelChecks(_HOSTED_PROOF_CHECKS, _HOSTED_KEPT_CHECKS),
}
"""One pipeline, a row of checks for each channel."""
