"""The PIN: both codings, five tries, locked for good, forgotten with the session (S2-020 to S2-023)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cards import PIN, new_card, ready, sale
from power import BrittleDisk, PowerCut

from tallystick.device.applet import Quirks, VirtualCard
from tallystick.device.applet.identity import STATE_FILE
from tallystick.device.secure_element import SecureElement, StatusWordError
from tallystick.wire.apdu import StatusWord

SELECT = bytes.fromhex("00A4040010A000000748464A492D546178436F7265")


@pytest.fixture
def card(tmp_path: Path) -> Iterator[VirtualCard]:
    made = VirtualCard.open(new_card(tmp_path))
    made.transmit(SELECT)
    yield made
    made.power_off()


def verify(card: VirtualCard, digits: bytes) -> int:
    return int.from_bytes(card.transmit(b"\x88\x11\x04\x00" + bytes((len(digits),)) + digits), "big")


def tries(card: VirtualCard) -> int:
    return card.transmit(bytes.fromhex("8816040000"))[0]


@pytest.mark.parametrize("coding", [bytes((2, 0, 1, 7)), b"2017"])
def test_s2_023_c_09_digits_and_ascii_are_both_taken(card: VirtualCard, coding: bytes) -> None:
    assert verify(card, coding) == StatusWord.OK


@pytest.mark.parametrize(
    ("version", "words"),
    [((3, 2, 1), [0x9000, 0x6302]), ((3, 2, 2), [0x9000, 0x9000]), ((3, 2, 8), [0x9000, 0x9000])],
)
def test_c_09_ascii_is_taken_from_3_2_2_on(tmp_path: Path, version: tuple[int, int, int], words: list[int]) -> None:
    """The digits of the text by every card; ASCII, as one client sends it, by the cards that it sends it to."""
    card = VirtualCard.open(new_card(tmp_path, version=version))
    card.transmit(SELECT)
    assert [verify(card, bytes((2, 0, 1, 7))), verify(card, b"2017")] == words
    card.power_off()


@pytest.mark.parametrize(
    "wrong", [bytes((2, 0, 1, 8)), b"2018", b"\0\0\0\0", b"\xff\xff\xff\xff", bytes((0x32, 0, 1, 7))]
)
def test_a_wrong_pin_costs_a_try(card: VirtualCard, wrong: bytes) -> None:
    assert verify(card, wrong) == StatusWord.PIN_WRONG
    assert tries(card) == 4


@pytest.mark.parametrize("size", [b"", b"\2", b"\2\0\1", b"\2\0\1\7\0", b"2017" * 5])
def test_a_wrong_size_costs_none(card: VirtualCard, size: bytes) -> None:
    apdu = b"\x88\x11\x04\x00" + (bytes((len(size),)) + size if size else b"")
    assert int.from_bytes(card.transmit(apdu), "big") == StatusWord.PIN_SIZE_WRONG
    assert tries(card) == 5


def test_a_right_pin_gives_the_tries_back(card: VirtualCard) -> None:
    for _ in range(4):
        verify(card, b"0000")
    assert tries(card) == 1
    assert verify(card, PIN.encode()) == StatusWord.OK
    assert tries(card) == 5


def test_five_wrong_pins_lock_the_card_for_good(tmp_path: Path) -> None:
    """Wire 7.6: the right PIN helps no more, nor does the power."""
    folder = new_card(tmp_path)
    card = VirtualCard.open(folder)
    session = ready(card)
    session.sign_invoice(sale(1))
    assert [verify(card, b"0000") for _ in range(5)] == [StatusWord.PIN_WRONG] * 4 + [StatusWord.PIN_TRIES_EXCEEDED]
    for _ in range(2):
        assert verify(card, PIN.encode()) == StatusWord.PIN_TRIES_EXCEEDED
        with pytest.raises(StatusWordError) as caught:
            session.sign_invoice(sale(2))
        assert caught.value.status_word == StatusWord.PIN_TRIES_EXCEEDED
        assert session.pin_tries_left() == 0
        assert session.last_signed_invoice() is not None
        card.power_off()
        card = VirtualCard.open(folder)
        session = SecureElement(card)
        session.select()
    card.power_off()


def test_a_wrong_pin_ends_the_verified_session(card: VirtualCard) -> None:
    session = ready(card)
    verify(card, b"0000")
    with pytest.raises(StatusWordError) as caught:
        session.sign_invoice(sale(1))
    assert caught.value.status_word == StatusWord.PIN_REQUIRED


@pytest.mark.parametrize("how", ["reset", "select", "other applet", "power"])
def test_the_session_forgets_the_pin(tmp_path: Path, how: str) -> None:
    """Wire 7.1: selecting or a reset drops it."""
    folder = new_card(tmp_path)
    card = VirtualCard.open(folder)
    session = ready(card)
    if how == "reset":
        card.reset()
    elif how == "power":
        card.power_off()
        card = VirtualCard.open(folder)
        session = SecureElement(card)
    elif how == "other applet":
        assert card.transmit(bytes.fromhex("00A404000BA000000397425446590009")) == b"\x90\0"
    session.select()
    with pytest.raises(StatusWordError) as caught:
        session.sign_invoice(sale(1))
    assert caught.value.status_word == StatusWord.PIN_REQUIRED
    card.power_off()


def test_selecting_what_is_not_there_leaves_the_session(card: VirtualCard) -> None:
    session = ready(card)
    assert card.transmit(bytes.fromhex("00A4040005A000000001")) == b"\x6a\x82"
    assert card.transmit(bytes.fromhex("00A4000002")) == b"\x6a\x86"
    assert session.sign_invoice(sale(1)).total_counter == 1


def test_some_cards_tell_the_tries_in_the_answer(tmp_path: Path) -> None:
    card = VirtualCard.open(new_card(tmp_path, quirks=Quirks(wrong_pin_tells_tries=True)))
    card.transmit(SELECT)
    assert [verify(card, b"0000") for _ in range(6)] == [0x63C4, 0x63C3, 0x63C2, 0x63C1, 0x6310, 0x6310]
    card.power_off()


def test_cutting_the_power_does_not_win_a_try(tmp_path: Path) -> None:
    """A thief who cuts the power before the wrong try is counted gets no answer; cut later, it is counted."""
    folder = new_card(tmp_path)
    image = (folder / STATE_FILE).read_bytes()
    answered = False
    for cut_at in range(2, 6):
        disk = BrittleDisk(image, cut_at=cut_at)
        card = VirtualCard.open(folder, disk=disk)
        card.transmit(SELECT)
        try:
            verify(card, b"0000")
            answered = True
        except PowerCut:
            answered = False
        for survivor in disk.survivors():
            again = VirtualCard.open(folder, disk=BrittleDisk(survivor))
            again.transmit(SELECT)
            assert tries(again) == 4 if answered else tries(again) in (4, 5)
    assert answered
