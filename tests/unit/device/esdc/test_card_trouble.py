"""Answers of a card that are cut short, late, in unknown words or of another card: each has its code, none two numbers.

The same rows as bad input from any other side: refused with a code, nothing changed that the card did not change.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from esdc_bench import PIN, UID, Bench, body, make_card

from tallystick.device.applet import VirtualCard
from tallystick.device.esdc.card_slot import VirtualReader
from tallystick.device.esdc.fiscalise import Order
from tallystick.device.secure_element import CardInUse, CardLate, CardPort, CardUnavailable
from tallystick.kernel.faults import PosFault

Spoil = Callable[[bytes, Callable[[bytes], bytes]], bytes]
SIGN = 0x13


class Meddler:
    """Stands between reader and card, and spoils the next Sign Invoice as it is told."""

    def __init__(self, card: CardPort) -> None:
        self.card = card
        self.spoil: Spoil | None = None

    def transmit(self, apdu: bytes) -> bytes:
        if self.spoil is None or apdu[1] != SIGN:
            return self.card.transmit(apdu)
        spoil, self.spoil = self.spoil, None
        return spoil(apdu, self.card.transmit)


class Scene(Bench):
    """A bench whose card is spoilt on its way."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.meddler = Meddler(self.card)
        self.reader = VirtualReader(self.meddler)
        self.device.close()
        self.switch_on()

    def sell(self, request_id: str) -> str:
        order = Order(body=body(), request_id=request_id)
        return str(json.loads(self.device.sell(order).answer)["invoiceNumber"])

    def refused(self, request_id: str) -> str:
        with pytest.raises(PosFault) as caught:
            self.sell(request_id)
        return caught.value.errors[0].code


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path)
    made.ready()
    yield made
    made.close()


def _raise(error: CardUnavailable, signs: bool) -> Spoil:
    def spoil(apdu: bytes, send: Callable[[bytes], bytes]) -> bytes:
        if signs:
            send(apdu)
        raise error

    return spoil


TROUBLES: dict[str, tuple[Spoil, str]] = {
    "cut to the head": (lambda apdu, send: send(apdu)[:61] + b"\x90\0", "TS-3111"),
    "one byte short": (lambda apdu, send: send(apdu)[:576] + b"\x90\0", "TS-3111"),
    "one byte long": (lambda apdu, send: send(apdu)[:-2] + b"\0\x90\0", "TS-3111"),
    "no data": (lambda apdu, send: send(apdu)[-2:], "TS-3111"),
    "no status word": (lambda apdu, send: send(apdu)[:0], "TS-3111"),
    "one byte": (lambda apdu, send: send(apdu)[:1], "TS-3111"),
    "late, signed": (_raise(CardLate("no answer within 20 seconds"), signs=True), "TS-3112"),
    "late, not signed": (_raise(CardLate("no answer within 20 seconds"), signs=False), "TS-3112"),
    "one bit of the signature": (lambda apdu, send: _flip(send(apdu), 400), "TS-3113"),
    "one bit of the internal data": (lambda apdu, send: _flip(send(apdu), 100), "TS-3113"),
    "held by another": (_raise(CardInUse("sharing violation"), signs=False), "TS-3114"),
    "unknown status word, signed": (lambda apdu, send: send(apdu)[:0] + b"\x6f\xaa", "TS-3115"),
    "unknown status word, not signed": (lambda apdu, send: b"\x12\x34", "TS-3115"),
    "power lost": (_raise(CardUnavailable("no power"), signs=True), "TS-3110"),
}


def _flip(answer: bytes, at: int) -> bytes:
    return answer[:at] + bytes((answer[at] ^ 1,)) + answer[at + 1 :]


@pytest.mark.parametrize("name", TROUBLES)
def test_each_trouble_has_its_code_and_no_number_is_given_twice(
    scene: Scene, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    """The POS hears 2220; after its PIN the same request gets one number, the next request the next."""
    spoil, code = TROUBLES[name]
    assert scene.sell("1") == f"{UID}-{UID}-1"
    scene.meddler.spoil = spoil
    with caplog.at_level(logging.INFO):
        assert scene.refused("2") == "2220"
    assert code in caplog.text
    try:
        scene.device.verify_pin(PIN)
    except PosFault as refusal:
        raise AssertionError("the card is there and the PIN is right") from refusal
    assert scene.sell("2") == f"{UID}-{UID}-2"
    assert scene.sell("3") == f"{UID}-{UID}-3"
    assert scene.card._core.state.total_counter == 3


class Socket(CardPort):
    """A socket whose card is exchanged without the reader noticing."""

    def __init__(self, card: VirtualCard) -> None:
        self.card = card

    def transmit(self, apdu: bytes) -> bytes:
        return self.card.transmit(apdu)


def test_a_card_exchanged_under_us_signs_nothing(
    scene: Scene, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The reader saw nothing; the other card knows no applet and no PIN of ours, and gets a session of its own."""
    socket = Socket(scene.card)
    scene.meddler.card = socket
    assert scene.sell("1") == f"{UID}-{UID}-1"
    other = make_card(tmp_path / "TL5SYCK2", uid="TL5SYCK2")
    socket.card = other
    with caplog.at_level(logging.ERROR):
        assert scene.refused("2") == "2220"
    assert "TS-3113" in caplog.text
    session = scene.device.refresh()
    assert session is not None
    assert (session.facts.uid, session.pin_verified) == ("TL5SYCK2", False)
    assert other._core.state.total_counter == 0
    socket.card = scene.card
    scene.reader.insert(scene.meddler)
    scene.device.verify_pin(PIN)
    assert scene.sell("2") == f"{UID}-{UID}-2"
    other.power_off()


def test_a_card_exchanged_and_unlocked_under_us_gets_nothing_into_the_first_cards_store(
    scene: Scene, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Worst case: the other card is selected and unlocked by somebody else. Its signature is by another key."""
    socket = Socket(scene.card)
    scene.meddler.card = socket
    other = Bench(tmp_path / "other", uid="TL5SYCK2", keys=(7, 8))
    other.ready()
    socket.card = other.card
    with caplog.at_level(logging.ERROR):
        assert scene.refused("1") == "2220"
    assert "TS-3113" in caplog.text
    socket.card = scene.card
    scene.reader.insert(scene.meddler)
    scene.device.verify_pin(PIN)
    assert scene.sell("1") == f"{UID}-{UID}-1"
    assert scene.card._core.state.total_counter == 1
    other.close()
