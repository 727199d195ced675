"""After a stop: every line of the recovery table, first as a judgement, then with a real card and a real store."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from cards import sale
from esdc_bench import Bench, body, open_package

from tallystick.device.applet import VirtualCard
from tallystick.device.esdc.card_slot import VirtualReader
from tallystick.device.esdc.conversation import hold
from tallystick.device.esdc.device import Device
from tallystick.device.esdc.fiscalise import Order
from tallystick.device.esdc.recovery import (
    CardDisagrees,
    CardPosition,
    KeepSigned,
    NotConfigured,
    Verdict,
    judge,
    read_position,
    recover,
)
from tallystick.device.esdc.sale_needs import KeepIntent, KeepPackaged, Sign
from tallystick.device.esdc.store import Intent
from tallystick.device.secure_element import CardUnavailable, SecureElement
from tallystick.kernel.faults import PosFault
from tallystick.wire.card import SignAnswer, SignRequest


class PowerCut(BaseException):
    """The power fails; nothing catches it."""


def intent_for(request: SignRequest, before: int) -> Intent:
    return Intent(
        request_id=None,
        request_hash=bytes(32),
        request=b"{}",
        language="en-US",
        time_ms=request.time_ms,
        group_id=1,
        taxes=b"\x90",
        sign_request=request.encode(),
        counter_before=before,
    )


def result_of(request: SignRequest, counter: int) -> SignAnswer:
    return SignAnswer(
        time_ms=request.time_ms,
        tin=request.tin,
        buyer_id=request.buyer_id,
        invoice_type=request.invoice_type,
        transaction_type=request.transaction_type,
        amount=request.amount,
        type_counter=counter,
        total_counter=counter,
        encrypted_internal_data=bytes(256),
        signature=bytes(256),
    )


ASKED = sale(1)
OTHER = sale(2)


@pytest.mark.parametrize(
    ("card", "verdict"),
    [
        (CardPosition(7, result_of(OTHER, 7)), Verdict.NOT_SIGNED),
        (CardPosition(7, None), Verdict.NOT_SIGNED),
        (CardPosition(8, result_of(ASKED, 8)), Verdict.TAKE_ON),
        (CardPosition(8, result_of(OTHER, 8)), Verdict.USED_ELSEWHERE),
        (CardPosition(8, None), Verdict.SIGNED_WITHOUT_RESULT),
        (CardPosition(9, result_of(ASKED, 9)), Verdict.USED_ELSEWHERE),
        (CardPosition(9, None), Verdict.USED_ELSEWHERE),
        (CardPosition(6, result_of(OTHER, 6)), Verdict.USED_ELSEWHERE),
    ],
)
def test_the_table_by_counter_and_digest(card: CardPosition, verdict: Verdict) -> None:
    assert judge(intent_for(ASKED, before=7), card) is verdict


def cut_at(monkeypatch: pytest.MonkeyPatch, need: type[Any], *, after: bool) -> None:
    """The power fails right before or right after a need is performed, once."""
    perform: Callable[..., Any] = need.perform

    def cut(self: Any, means: Any) -> Any:
        monkeypatch.setattr(need, "perform", perform)
        if after:
            perform(self, means)
        raise PowerCut

    monkeypatch.setattr(need, "perform", cut)


def cut_sale(bench: Bench, monkeypatch: pytest.MonkeyPatch, need: type[Any], *, after: bool) -> Device:
    """Sell once, cut the power in a second sale, and start again."""
    bench.device.sell(Order(body=body(), request_id="first"))
    bench.clock.forward(seconds=1)
    cut_at(monkeypatch, need, after=after)
    with pytest.raises(PowerCut):
        bench.device.sell(Order(body=body(cashier="Eva"), request_id="second"))
    bench.device.abandon()
    device = bench.switch_on()
    device.verify_pin("2017")
    return device


def store_of(device: Device) -> Any:
    assert device.session is not None
    return device.session.store


def test_intent_and_counter_as_before_nothing_was_signed(ready: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    device = cut_sale(ready, monkeypatch, Sign, after=False)
    assert store_of(device).open_intents() == []
    assert device.find_invoice("second") is None
    sold = device.sell(Order(body=body(cashier="Eva"), request_id="second"))
    assert sold.signed is not None
    assert sold.signed.total_counter == 2


def test_intent_and_counter_one_further_the_result_is_taken_on(ready: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The POS that repeats its request gets the stored answer, and the card is not asked again."""
    device = cut_sale(ready, monkeypatch, Sign, after=True)
    stored = device.find_invoice("second")
    assert stored is not None
    assert json.loads(stored)["totalCounter"] == 2
    again = device.sell(Order(body=body(cashier="Eva"), request_id="second"))
    assert again.answer == stored
    assert again.signed is None
    data = open_package(store_of(device).package(2))
    assert data.request.cashier == "Eva"
    assert data.result.total_counter == 2


def test_signed_and_cut_again_the_stored_result_is_enough(ready: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    ready.device.sell(Order(body=body(), request_id="first"))
    ready.clock.forward(seconds=1)
    cut_at(monkeypatch, Sign, after=True)
    with pytest.raises(PowerCut):
        ready.device.sell(Order(body=body(), request_id="second"))
    ready.device.abandon()
    cut_at(monkeypatch, KeepSigned, after=True)
    with pytest.raises(PowerCut):
        ready.switch_on()
    ready.device.abandon()
    device = ready.switch_on()
    assert store_of(device).open_intents() == []
    assert json.loads(device.find_invoice("second") or b"null")["totalCounter"] == 2


def test_packaged_and_not_answered_the_pos_gets_the_stored_answer(
    ready: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = cut_sale(ready, monkeypatch, KeepPackaged, after=True)
    stored = device.find_invoice("second")
    assert stored is not None
    assert device.sell(Order(body=body(cashier="Eva"), request_id="second")).answer == stored
    assert [ordinal for ordinal, _ in store_of(device).waiting(10)] == [1, 2]


def test_a_sale_cut_before_its_intent_never_was(ready: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Received only: dropped, the POS repeats."""
    device = cut_sale(ready, monkeypatch, KeepIntent, after=False)
    assert store_of(device).open_intents() == []
    assert device.find_invoice("second") is None


class BlindCard:
    """A card whose last result cannot be read any more but for its head."""

    def __init__(self, card: VirtualCard) -> None:
        self._card = card

    def transmit(self, apdu: bytes) -> bytes:
        answer = self._card.transmit(apdu)
        is_last_result = apdu[:2] == b"\x88\x15"
        return answer[:70] + answer[-2:] if is_last_result and len(answer) > 100 else answer


def test_signed_without_result_leaves_a_gap_document_and_goes_on(ready: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    ready.device.sell(Order(body=body(), request_id="first"))
    ready.clock.forward(seconds=1)
    cut_at(monkeypatch, Sign, after=True)
    with pytest.raises(PowerCut):
        ready.device.sell(Order(body=body(cashier="Eva"), request_id="second"))
    ready.device.abandon()
    ready.reader = VirtualReader(BlindCard(ready.card))
    device = ready.switch_on()
    gaps = store_of(device).gaps()
    document = json.loads(gaps[2])
    assert document["ordinal"] == 2
    assert json.loads(document["request"])["cashier"] == "Eva"
    assert document["taxes"][0]["label"] == "A"
    device.verify_pin("2017")
    assert device.find_invoice("second") is None
    sold = device.sell(Order(body=body(cashier="Eva"), request_id="second"))
    assert sold.signed is not None
    assert sold.signed.total_counter == 3


def test_a_card_used_elsewhere_stops_the_device(ready: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counter more than one further: 2220 until service has looked, and the intent stays as it is."""
    ready.device.sell(Order(body=body()))
    cut_at(monkeypatch, Sign, after=True)
    with pytest.raises(PowerCut):
        ready.device.sell(Order(body=body(cashier="Eva")))
    ready.device.abandon()
    elsewhere = SecureElement(ready.card)
    elsewhere.select()
    elsewhere.verify_pin("2017")
    elsewhere.sign_invoice(sale(5_000_000, "3"))
    device = ready.switch_on()
    device.verify_pin("2017")
    with pytest.raises(PosFault, match="2220"):
        device.sell(Order(body=body()))
    assert len(store_of(device).open_intents()) == 1


def test_a_card_that_went_back_stops_the_device(ready: Bench) -> None:
    """A card restored from an old image counts less than this store has seen."""
    image = (ready.folder / "TL5SYCK1" / "card.state").read_bytes()
    for _ in range(3):
        ready.device.sell(Order(body=body()))
    ready.device.close()
    ready.card.power_off()
    (ready.folder / "TL5SYCK1" / "card.state").write_bytes(image)
    ready.card = VirtualCard.open(ready.folder / "TL5SYCK1")
    ready.reader = VirtualReader(ready.card)
    device = ready.switch_on()
    device.verify_pin("2017")
    with pytest.raises(PosFault, match="2220"):
        device.sell(Order(body=body()))


def test_another_card_waits_for_its_own_store(ready: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Intent, and another card or none in the reader: the intent waits until its card is back (per-UID queue)."""
    from esdc_bench import make_card, setup_commands

    cut_at(monkeypatch, Sign, after=True)
    with pytest.raises(PowerCut):
        ready.device.sell(Order(body=body(), request_id="first"))
    ready.device.abandon()
    other = make_card(ready.folder / "OTHER001", uid="OTHER001")
    ready.reader.insert(other)
    device = ready.switch_on()
    device.obey_all(setup_commands("OTHER001"))
    device.verify_pin("2017")
    assert device.sell(Order(body=body(), request_id="first")).signed is not None
    ready.reader.insert(ready.card)
    stored = device.find_invoice("first")
    assert stored is not None
    assert json.loads(stored)["invoiceNumber"] == "TL5SYCK1-TL5SYCK1-1"
    device.close()
    other.power_off()


def test_without_configuration_a_signed_sale_waits(ready: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ready.device.session is not None
    cut_at(monkeypatch, Sign, after=True)
    with pytest.raises(PowerCut):
        ready.device.sell(Order(body=body()))
    with pytest.raises(NotConfigured):
        hold(recover(None, ready.clock()), ready.device.session)


def test_a_dead_card_is_not_taken_for_an_empty_one() -> None:
    class Dead:
        def transmit(self, apdu: bytes) -> bytes:
            raise CardUnavailable("nothing there")

    with pytest.raises(CardUnavailable):
        read_position(SecureElement(Dead()), Dead())


def test_a_card_that_never_signed_stands_at_zero(bench: Bench) -> None:
    session = SecureElement(bench.card)
    session.select()
    assert read_position(session, bench.card) == CardPosition(0, None)


def test_recover_says_what_disagrees(ready: Bench) -> None:
    """The words in the log name both counters."""
    assert ready.device.session is not None
    sale_number = ready.device.session.store.keep_intent(intent_for(ASKED, before=5))
    with pytest.raises(CardDisagrees, match="counts 0, the intent 5"):
        hold(recover(None, ready.clock()), ready.device.session)
    ready.device.session.store.void(sale_number)


def test_a_protection_that_is_switched_off_shows(ready: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the judgement (every intent voided) a signed sale would be lost: the test above must be able to fail."""
    monkeypatch.setattr("tallystick.device.esdc.recovery.judge", lambda intent, card: Verdict.NOT_SIGNED)
    device = cut_sale(ready, monkeypatch, Sign, after=True)
    assert device.find_invoice("second") is None
    assert store_of(device).package(2) is None
