"""The published audit cases as conversations between card and authority (S2-105, S2-117 to S2-119)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest
from cards import country, new_card, ready, sale

from tallystick.device.applet import VirtualCard
from tallystick.device.secure_element import SecureElement, StatusWordError
from tallystick.kernel.fixed_point import Money
from tallystick.wire.apdu import StatusWord
from tallystick.wire.card import ArpContent


@attrs.define
class Play:
    """One card of limit 1,000 and what has been played so far: invoices are 100 each."""

    session: SecureElement
    signed: int = 0

    def invoices(self, count: int) -> None:
        for _ in range(count):
            self.signed += 1
            assert self.session.sign_invoice(sale(self.signed, "100")).total_counter == self.signed

    def refused(self) -> None:
        with pytest.raises(StatusWordError) as caught:
            self.session.sign_invoice(sale(999, "100"))
        assert caught.value.status_word == StatusWord.LIMIT_REACHED

    def start(self) -> ArpContent:
        return country().audit_request(self.session.start_audit())

    def end(self, request: ArpContent) -> int:
        try:
            self.session.end_audit(country().proof(request))
        except StatusWordError as error:
            return error.status_word
        return StatusWord.OK

    def unaudited(self, amount: int) -> None:
        assert self.session.amount_status().sum == Money.of(amount)


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Play]:
    card = VirtualCard.open(new_card(tmp_path))
    yield Play(ready(card))
    card.power_off()


def test_s2_117_case_1_one_package_an_audit(play: Play) -> None:
    for number in range(1, 4):
        play.invoices(1)
        request = play.start()
        assert (request.total_counter, request.proven_counter) == (number, number - 1)
        assert play.end(request) == StatusWord.OK
        play.unaudited(0)


def test_s2_118_case_2_invoices_after_the_start_wait_for_the_next_audit(play: Play) -> None:
    play.invoices(3)
    first = play.start()
    assert first.total_counter == 3
    play.invoices(3)
    assert play.end(first) == StatusWord.OK
    play.unaudited(300)
    second = play.start()
    assert (second.total_counter, second.proven_counter, second.unaudited) == (6, 3, Money.of(300))
    assert play.end(second) == StatusWord.OK
    play.unaudited(0)


def test_s2_118_a_proof_that_fails_leaves_the_audit_to_be_tried_again(play: Play) -> None:
    play.invoices(3)
    request = play.start()
    forged = attrs.evolve(request, nonce=b"x" * 32)
    assert play.end(forged) == StatusWord.WRONG_DATA
    play.unaudited(300)
    assert play.end(request) == StatusWord.OK
    play.unaudited(0)


def test_s2_119_case_3_the_second_start_cancels_the_first(play: Play) -> None:
    play.invoices(3)
    first = play.start()
    play.invoices(2)
    second = play.start()
    assert second.unaudited == Money.of(500)
    assert play.end(first) == StatusWord.WRONG_DATA
    play.unaudited(500)
    assert play.end(second) == StatusWord.OK
    play.unaudited(0)


def test_s2_095_the_limit_stops_the_card_and_a_proof_releases_it(play: Play) -> None:
    play.invoices(10)
    assert play.session.amount_status().is_reached
    play.refused()
    assert play.end(play.start()) == StatusWord.OK
    play.invoices(10)
    play.refused()


def test_the_crossing_invoice_during_an_open_audit_counts_towards_the_next(play: Play) -> None:
    play.invoices(9)
    request = play.start()
    play.invoices(1)
    play.refused()
    assert play.end(request) == StatusWord.OK
    play.unaudited(100)
    play.invoices(9)
    play.refused()
