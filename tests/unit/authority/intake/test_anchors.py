"""What an anchor is worth: our own clock always, a card's counter only while the card is one and whole (K-05)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tallystick.authority.intake.anchors import Anchor, AnchorKind, Standing
from tallystick.kernel.faults import Fault

REVOKED_AT = datetime(2026, 11, 27, 12, tzinfo=UTC)
OWN = Anchor(AnchorKind.OWN_ENTRY, REVOKED_AT - timedelta(hours=1), 7)
LATER = Anchor(AnchorKind.LATER_DOCUMENT, REVOKED_AT - timedelta(hours=3), 9)
COUNTER = Anchor(AnchorKind.CARD_COUNTER, REVOKED_AT - timedelta(hours=2))
TOO_LATE = Anchor(AnchorKind.OWN_ENTRY, REVOKED_AT, 11)


def test_our_own_clock_comes_before_the_cards_counter() -> None:
    assert Standing(REVOKED_AT, (LATER, COUNTER, OWN)).best == OWN
    assert Standing(REVOKED_AT, (COUNTER, LATER)).best == LATER
    assert Standing(REVOKED_AT, (TOO_LATE,)).best is None


def test_k_05_a_compromised_key_is_a_doubt_that_officers_read() -> None:
    assert "other hands" in Standing(REVOKED_AT, (LATER,), is_compromised=True).doubt
    for standing in (
        Standing(REVOKED_AT, (LATER,)),
        Standing(REVOKED_AT, (LATER, OWN), is_compromised=True),
        Standing(None, (LATER,), is_compromised=True),
    ):
        standing.check()
        assert standing.doubt == ""


def test_k_05_the_counters_of_a_card_that_is_there_twice_prove_nothing() -> None:
    cloned = Standing(REVOKED_AT, (LATER, COUNTER), is_doubled=True)
    with pytest.raises(Fault, match="bear one number") as caught:
        cloned.check()
    assert caught.value.code == "TS-3040"
    assert Standing(REVOKED_AT, (LATER, OWN), is_doubled=True).best == OWN
