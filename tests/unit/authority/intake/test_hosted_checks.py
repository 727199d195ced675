"""What the pipeline asks of a hosted document, and what a card may not pretend."""

from __future__ import annotations

import asyncio

import pytest
from intake_bench import Bench

from tallystick.authority.intake.checks import CHECKS
from tallystick.authority.intake.steps import steps_of
from tallystick.authority.ledger.entry import Channel
from tallystick.crypto.taxcore_oids import CertificateClass


@pytest.mark.parametrize("of_class", [CertificateClass.V32, CertificateClass.V34, CertificateClass.V35])
def test_a_package_is_signed_by_a_card_and_by_nothing_else(bench: Bench, of_class: CertificateClass) -> None:
    """A POS certificate stands in the registry too: its key must not pass for a card's. Without the check: 4."""
    entry = bench.card.entry()
    vars(entry)["certificate_class"] = of_class
    bench.directory.entries[bench.card.uid] = entry
    assert asyncio.run(bench.submit(bench.card.package())).status == 8
    assert bench.ledger.entries == []


def test_both_channels_have_their_checks_in_the_order_of_the_steps() -> None:
    for channel in (Channel.ESDC, Channel.VSDC):
        steps = [check.step for check in (*CHECKS[channel].proof, *CHECKS[channel].kept)]
        assert steps == sorted(steps)
        assert set(steps) <= set(steps_of(channel))
    hosted = {check.name for check in CHECKS[Channel.VSDC].kept}
    assert {"hosted_names_agree", "requester_was_admitted", "taxes_are_right", "counters_only_rise"} <= hosted
