"""Whether a stretch of plain sales may be booked as it is: the ordered part of judging, once for all of them.

What does not fit is judged document by document, and gets its findings there; so this may say no whenever it is in
doubt, and never yes where one of its documents would have a finding.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from tallystick.authority.intake.national import judging, proving
from tallystick.authority.intake.national.checks import NATIONAL_CHECKS
from tallystick.authority.intake.national.offline.opening import Arrival
from tallystick.authority.intake.national.offline.segments import Stretch
from tallystick.authority.intake.national.offline.values import OfflineBatch
from tallystick.authority.intake.national.ports import NationalRules
from tallystick.authority.intake.national.standing import Standing
from tallystick.authority.intake.national.values import DocumentInHand
from tallystick.authority.intake.steps import Step
from tallystick.authority.ledger.entry import Channel
from tallystick.kernel.faults import Fault
from tallystick.kernel.instants import from_unix_ms
from tallystick.kernel.sales_sum import sold
from tallystick.wire.document_jws import read_signed
from tallystick.wire.national_document import read_document

_CHECKS = NATIONAL_CHECKS[Channel.ECR_OFFLINE]
OF_THE_SIGNER = (
    *[check for check in _CHECKS.proof if check.function is not proving.signature_is_good],
    *[check for check in _CHECKS.kept if check.step < Step.ORDER],
    *[check for check in _CHECKS.kept if check.function is judging.shift_allows_it],
)
"""Checks whose answer is one for all documents of a stretch: they ask for the signer, the build, the shift, and the
time, where they are asked about the earliest and the latest."""
OF_THE_PLACE = tuple([check for check in _CHECKS.kept if check.step is Step.ORDER])
"""Done here once for all: within a stretch the numbers follow and the links join."""
OF_REFERENCES = tuple([check for check in _CHECKS.kept if check.step is Step.REFERENCES])
"""A plain sale refers to nothing."""


def fits(
    rules: NationalRules,
    batch: OfflineBatch,
    standing: Standing,
    stretch: Stretch,
    first: bytes,
    arrival: Arrival,
    before_ms: int,
) -> bool:
    """``first`` is the compact form of its first document; ``before_ms`` when the one before it was made."""
    earliest, latest = from_unix_ms(stretch.earliest_ms), from_unix_ms(stretch.latest_ms)
    channels = rules.pack.channels
    if standing.state.lacks:  # each carries a code: what its shift holds is not known
        return False
    if batch.revoked or (stretch.first, stretch.previous) != (standing.sequence + 1, standing.link):
        return False
    if stretch.first_ms < before_ms - channels.time_window_seconds * 1000:
        return False
    if latest > arrival.received_at + channels.time_window:
        return False
    if batch.lateness.may_reach((stretch.first, stretch.last), (earliest, latest), arrival.received_at):
        return False
    if not sold(standing.state, stretch.sales, stretch.last).can_be_said:  # sales only add: so may one before the last
        return False
    try:
        for hand in _at_both_ends(stretch, standing, first, arrival):
            for check in OF_THE_SIGNER:
                check.function(rules, hand)
    except Fault:
        return False
    return True


def _at_both_ends(stretch: Stretch, standing: Standing, first: bytes, arrival: Arrival) -> Iterator[DocumentInHand]:
    """The first document as if it had been made when the earliest was, and the latest."""
    signed = read_signed(first)
    document = read_document(signed.payload)
    for moment_ms in dict.fromkeys((stretch.earliest_ms, stretch.latest_ms)):
        yield DocumentInHand(
            signed=attrs.evolve(signed, header=attrs.evolve(signed.header, time_ms=moment_ms)),
            document=document,
            sender=arrival.sender,
            received_at=arrival.received_at,
            channel=Channel.ECR_OFFLINE,
            standing=standing,
        )
