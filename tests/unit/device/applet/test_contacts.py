"""The contacts of a virtual card: its answer to reset, and T=0 with its parts, repeats and envelopes (S1-049)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cards import PIN, country, new_card, ready, sale

from tallystick.device.applet import VirtualCard
from tallystick.device.applet.contacts import T0Contacts, T1Contacts, Transmission, contacts
from tallystick.device.secure_element import SecureElement
from tallystick.device.secure_element.t0 import T0Port
from tallystick.kernel.fixed_point import Money
from tallystick.wire.apdu import CommandApdu

SELECT = "00A4040010A000000748464A492D546178436F7265"


@pytest.fixture
def card(tmp_path: Path) -> Iterator[VirtualCard]:
    made = VirtualCard.open(new_card(tmp_path))
    yield made
    made.power_off()


@pytest.fixture
def send(card: VirtualCard) -> Callable[[str], str]:
    link = T0Contacts(card)
    return lambda command: link.transmit(bytes.fromhex(command)).hex().upper()


def test_s1_049_the_answer_to_reset_names_the_protocol() -> None:
    """ISO 7816-3: TD1 = 01 announces T=1 and asks for the check byte; without TD1 it is T=0."""
    assert Transmission.T0.answer_to_reset.hex() == "3b0a54616c6c79737469636b"
    assert Transmission.T1.answer_to_reset.hex() == "3b8a0154616c6c79737469636ba1"
    check = 0
    for byte in Transmission.T1.answer_to_reset[1:]:
        check ^= byte
    assert check == 0


def test_over_t_1_a_command_passes_as_it_is(card: VirtualCard) -> None:
    link = contacts(card, Transmission.T1)
    assert isinstance(link, T1Contacts)
    assert link.transmit(bytes.fromhex(SELECT + "00")) == b"\x90\0"
    assert len(link.transmit(bytes.fromhex("8807040000"))) == 261


def test_wire_16_3_6c_tells_the_length(card: VirtualCard, send: Callable[[str], str]) -> None:
    """Asked again with that length the command answers; what waits is gone with the next command."""
    ready(card)
    assert send("88160400FF") == "6C01"
    assert send("8816040001") == "059000"
    assert send("8808040010") == "6C0C"
    assert send("880804000C") == "0000000300000002000000089000"
    assert send("00C0000000") == "6985", "nothing waits"
    assert send("8807040000").endswith("6103")
    assert send("8816040001") == "059000"
    assert send("00C0000003") == "6985", "the key's rest is gone"


@pytest.mark.parametrize("length", ["00", "01", "FF", ""])
def test_wire_16_3_an_audit_starts_once_whatever_length_is_asked_for(
    card: VirtualCard, send: Callable[[str], str], length: str
) -> None:
    """A second start would void the first: its 260 bytes come in parts, never by asking again."""
    ready(card)
    answer = bytes.fromhex(send("88210400" + length))
    arp, word = answer[:-2], answer[-2:]
    while word[0] == 0x61:
        answer = bytes.fromhex(send(f"00C00000{word[1]:02X}"))
        arp, word = arp + answer[:-2], answer[-2:]
    assert word == b"\x90\0"
    assert country().audit_request(arp).audit_sequence == card._core.state.audit.sequence == 1


def test_get_response_in_steps(card: VirtualCard, send: Callable[[str], str]) -> None:
    ready(card)
    data = sale(1).encode()
    assert send(f"88130400{len(data):02X}{data.hex()}") == "6100"
    assert send("00C0000000").endswith("6100")
    assert send("00C0000000").endswith("6141")
    assert send("00C00000FF") == "6C41"
    assert send("00C0000040").endswith("6101")
    assert send("00C0000001").endswith("9000")
    assert send("00C0000001") == "6985"
    assert card._core.state.total_counter == 1


def test_a_reset_forgets_what_waits(card: VirtualCard) -> None:
    link = T0Contacts(card)
    ready(card)
    link.transmit(bytes.fromhex("8807040000"))
    link.reset()
    assert link.transmit(bytes.fromhex("00C0000003")) == b"\x69\x85"
    assert link.transmit(bytes.fromhex("8808040000")) == b"\x6e\0", "and the applet"


def test_refusals_pass_as_they_are(card: VirtualCard, send: Callable[[str], str]) -> None:
    assert send("8808040000") == "6E00"
    assert send(SELECT) == "9000"
    assert send("8813040000") == "6301"
    assert send("88990400") == "6D00"
    assert send("88") == "6700"
    assert send("") == "6700"


def test_long_data_come_in_envelopes(card: VirtualCard) -> None:
    """A proof of 256 bytes and a directive of 512, with and without CRC."""
    for crc in (False, True):
        session = SecureElement(T0Port(T0Contacts(card)), crc=crc)
        session.select()
        session.verify_pin(PIN)
        session.forward_directive(country().directive(1 + 2 * crc, 2))
        session.sign_invoice(sale(1 + crc, "40"))
        proof = country().proof(country().audit_request(session.start_audit()))
        session.end_audit(proof)
        assert session.amount_status().sum == Money(0)


@pytest.mark.parametrize("damage", ["short", "empty", "without length", "too long"])
def test_damaged_envelopes_are_a_wrong_length_and_leave_nothing(
    card: VirtualCard, send: Callable[[str], str], damage: str
) -> None:
    ready(card)
    proof = country().proof(country().audit_request(SecureElement(card).start_audit()))
    whole = CommandApdu(0x88, 0x20, 4, 0, proof).encode(extended=True)
    assert send("00C20000FF" + whole[:255].hex()) == "9000"
    if damage == "short":
        assert send("00C2000010AA") == "6700"
    elif damage == "empty":
        assert send("00C2000000") == "6700"
    elif damage == "without length":
        assert send("00C20000") == "6700"
    else:
        huge = CommandApdu(0x88, 0x20, 4, 0, bytes(2000)).encode(extended=True)
        assert send("8816040001").endswith("9000"), "a command between ends what was begun"
        words = [send(f"00C20000FF{huge[at : at + 255].hex()}") for at in range(0, 1275, 255)]
        assert words == ["9000"] * 4 + ["6700"], "1,024 bytes are the most"
    assert card._core.state.audit.is_open, "the proof did not arrive"
    for part in (whole[:255], whole[255:]):
        assert send(f"00C20000{len(part):02X}{part.hex()}") == "9000"
    assert not card._core.state.audit.is_open
