"""The pipeline for national documents as data: which checks stand under which step, for each channel."""

from __future__ import annotations

from tallystick.authority.intake.check_list import ChannelChecks, Check, in_order
from tallystick.authority.intake.national import judging, proving
from tallystick.authority.intake.national.ports import NationalRules
from tallystick.authority.intake.national.values import DocumentInHand
from tallystick.authority.intake.steps import Step
from tallystick.authority.ledger.entry import Channel

_PROOF = (
    Check(Step.SIGNATURE, proving.signer_is_known),
    Check(Step.SIGNATURE, proving.environment_is_ours),
    Check(Step.SIGNATURE, proving.signature_is_good),
    Check(Step.BINDING, proving.names_agree),
)
_STATE = (
    Check(Step.DEVICE_STATE, judging.device_is_registered),
    Check(Step.DEVICE_STATE, judging.device_may_use_the_channel),
    Check(Step.DEVICE_STATE, judging.build_is_certified),
)
_CONTENT = (
    Check(Step.ORDER, judging.place_is_the_next),
    Check(Step.ARITHMETIC, judging.currency_is_ours),
    Check(Step.ARITHMETIC, judging.rate_group_was_valid),
    Check(Step.ARITHMETIC, judging.labels_are_known),
    Check(Step.ARITHMETIC, judging.amounts_are_in_range),
    Check(Step.ARITHMETIC, judging.taxes_are_right),
    Check(Step.ARITHMETIC, judging.totals_add_up),
    Check(Step.ARITHMETIC, judging.buyer_id_is_well_formed),
    Check(Step.ARITHMETIC, judging.shift_allows_it),
    Check(Step.REFERENCES, judging.original_allows_it),
    Check(Step.REFERENCES, judging.rest_is_enough),
)
_NOW = (
    Check(Step.FRESHNESS, judging.time_is_now),
    Check(Step.FRESHNESS, judging.nonce_is_new),
)
_VALID = (
    Check(Step.BINDING, proving.not_revoked),
    Check(Step.BINDING, proving.was_valid_then),
)


def _of(channel: Channel, *kept: Check[NationalRules, DocumentInHand]) -> ChannelChecks[NationalRules, DocumentInHand]:
    return ChannelChecks(in_order(channel, *_PROOF), in_order(channel, *kept))


NATIONAL_CHECKS = {
    Channel.ECR_ONLINE: _of(Channel.ECR_ONLINE, *_VALID, *_STATE, *_NOW, *_CONTENT),
    Channel.ERP: _of(Channel.ERP, *_VALID, *_STATE, *_NOW, *_CONTENT),
    Channel.ECR_OFFLINE: _of(Channel.ECR_OFFLINE, *_VALID, *_STATE, *_CONTENT),
}
"""On line a document that fails is refused, for no buyer has it. Off line it was sold: its time is judged by the batch,
and what is wrong with it is kept with it."""
