"""The table of instructions: by version, by class, in every coding of lengths, never truncated (wire 16.3)."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from cards import NOW, PIN, country, new_card, ready, rsa_key, sale

from tallystick.crypto.certificates import read_card_certificate
from tallystick.crypto.keys import PublicKey
from tallystick.crypto.taxcore_oids import CertificateClass
from tallystick.device.applet import VirtualCard
from tallystick.device.applet.instructions import INSTRUCTIONS
from tallystick.device.secure_element import CardUnavailable, SecureElement
from tallystick.kernel.instants import unix_ms
from tallystick.wire.apdu import CommandApdu, ResponseApdu, StatusWord

SELECT = "00A4040010A000000748464A492D546178436F7265"


@pytest.fixture
def card(tmp_path: Path) -> Iterator[VirtualCard]:
    made = VirtualCard.open(new_card(tmp_path))
    yield made
    made.power_off()


def send(card: VirtualCard, text: str) -> ResponseApdu:
    return ResponseApdu.parse(card.transmit(bytes.fromhex(text)))


@pytest.mark.parametrize("form", [SELECT, SELECT + "00", SELECT + "0000", "00A40400000010" + SELECT[10:] + "0000"])
def test_select_in_every_form(card: VirtualCard, form: str) -> None:
    assert send(card, form).status_word == StatusWord.OK
    assert send(card, "8808040000").data.hex() == "000000030000000200000008"


@pytest.mark.parametrize("le", ["", "00", "01", "0000", "000000", "000001", "00FFFF"])
def test_answers_are_never_truncated_whatever_le_says(card: VirtualCard, le: str) -> None:
    """Field: `88 07 04 00 00` must return 259 bytes, Sign Invoice with one-byte Lc and Le 00 577 bytes."""
    session = ready(card)
    assert len(send(card, "88070400" + le).data) == 259
    assert len(send(card, "88040400" + le).data) == len(session.certificate())
    assert len(send(card, "88140400" + le).data) == 14
    data = sale(1).encode()
    assert len(send(card, f"88130400{len(data):02x}{data.hex()}" + le[:4]).data) == 577


def test_every_instruction_in_short_and_extended_form(card: VirtualCard) -> None:
    session = ready(card)
    session.sign_invoice(sale(1))
    lengths = {0x07: 259, 0x08: 12, 0x09: 12, 0x0A: 12, 0x12: 256, 0x14: 14, 0x15: 577, 0x16: 1, 0x21: 260, 0x33: 24}
    for instruction, length in lengths.items():
        for extended in (False, True):
            for le in (None, 256):
                apdu = CommandApdu(0x88, instruction, 4, 0, le=le).encode(extended=extended)
                answer = ResponseApdu.parse(card.transmit(apdu))
                assert (answer.status_word, len(answer.data)) == (StatusWord.OK, length), hex(instruction)


@pytest.mark.parametrize("p1_p2", ["0000", "0400", "0102", "FFFF"])
def test_p1_p2_are_ignored_where_crc_is_not_concerned(card: VirtualCard, p1_p2: str) -> None:
    send(card, SELECT)
    assert send(card, f"8808{p1_p2}00").status_word == StatusWord.OK
    assert send(card, f"8811{p1_p2}0402000107").status_word == StatusWord.OK
    assert len(send(card, f"8814{p1_p2}00").data) == 14


VERSIONS = {
    (2, 9, 9): {0x08, 0x16, 0x33},
    (3, 0, 0): {0x16, 0x33},
    (3, 1, 1): {0x33},
    (3, 2, 5): {0x33},
    (3, 2, 8): set(),
}


@pytest.mark.parametrize("version", VERSIONS)
def test_version_profiles(tmp_path: Path, version: tuple[int, int, int]) -> None:
    """Wire 16.3: 2.x (INS 09 only), 3.1.1, 3.2.5, 3.2.8."""
    card = VirtualCard.open(new_card(tmp_path, version=version))
    session = ready(card)
    assert session.version() == version
    unknown = {
        ins for ins in INSTRUCTIONS if send(card, f"88{ins:02x}040000").status_word == StatusWord.INSTRUCTION_UNKNOWN
    }
    assert unknown == VERSIONS[version]
    card.power_off()


def test_everything_else_is_unknown(card: VirtualCard) -> None:
    assert send(card, "8808040000").status_word == StatusWord.CLASS_UNKNOWN, "nothing is selected"
    send(card, SELECT)
    for instruction in set(range(256)) - set(INSTRUCTIONS):
        assert send(card, f"88{instruction:02x}040000").status_word == StatusWord.INSTRUCTION_UNKNOWN
    for cla in ("00", "80", "89", "FF"):
        assert send(card, f"{cla}08040000").status_word == StatusWord.CLASS_UNKNOWN


@pytest.mark.parametrize("apdu", ["", "88", "880804", "8813040005FF", "881304000000FF01"])
def test_damaged_commands_are_a_wrong_length(card: VirtualCard, apdu: str) -> None:
    send(card, SELECT)
    assert send(card, apdu).status_word == StatusWord.WRONG_LENGTH


def test_data_where_none_belongs_are_a_wrong_length(card: VirtualCard) -> None:
    ready(card)
    for instruction in (0x04, 0x07, 0x08, 0x12, 0x14, 0x15, 0x16, 0x21, 0x33):
        assert send(card, f"88{instruction:02x}04000101").status_word == StatusWord.WRONG_LENGTH


def test_s2_078_exports(card: VirtualCard) -> None:
    """INS 07 is K_enc, never K_poa; INS 33 is UID and validity in milliseconds (S2-007, S2-011)."""
    session = SecureElement(card)
    session.select()
    assert session.tax_core_public_key() == country().pki.public_key("package")
    assert PublicKey.from_card_export(send(card, "8807040000").data) != country().pki.public_key("poa")
    found = read_card_certificate(session.certificate())
    params = session.cert_params()
    assert params is not None
    assert params.uid == found.uid == "AB12CD34"
    assert (params.not_before_ms, params.not_after_ms) == (unix_ms(found.not_before), unix_ms(found.not_after))
    assert found.certificate_class is CertificateClass.V33


def test_a_card_without_power_is_unavailable(card: VirtualCard) -> None:
    card.power_off()
    card.power_off()
    with pytest.raises(CardUnavailable):
        card.transmit(bytes.fromhex(SELECT))


class T0Reader:
    """A reader that speaks T=0: long answers come in parts through `61 xx` and GET RESPONSE."""

    def __init__(self, card: VirtualCard) -> None:
        self._card = card
        self._rest = b""

    def transmit(self, apdu: bytes) -> bytes:
        if apdu[1] != 0xC0:
            answer = self._card.transmit(apdu)
            if len(answer) <= 2:
                return answer
            self._rest, status_word = answer[:-2], answer[-2:]
            assert status_word == b"\x90\0"
            return bytes((0x61, min(len(self._rest), 256) & 0xFF))
        size = apdu[4] or 256
        part, self._rest = self._rest[:size], self._rest[size:]
        return part + (bytes((0x61, min(len(self._rest), 256) & 0xFF)) if self._rest else b"\x90\0")


def test_the_session_works_over_t_0(card: VirtualCard) -> None:
    """Wire 16.3: T=0 GET RESPONSE path."""
    session = SecureElement(T0Reader(card))
    session.select()
    session.verify_pin(PIN)
    assert session.sign_invoice(sale(1)).total_counter == 1
    assert session.tax_core_public_key() == country().pki.public_key("package")
    assert len(session.start_audit()) == 260
    assert read_card_certificate(session.certificate()).uid == "AB12CD34"


@pytest.mark.parametrize(
    ("version", "aid"), [((3, 2, 8), "A000000397425446590009"), ((3, 1, 0), "A000000397425446590201")]
)
def test_the_pki_applet_shows_its_certificate(tmp_path: Path, version: tuple[int, int, int], aid: str) -> None:
    """Wire 7.7: VERIFY with ASCII, one PIN for both applets, certificate as a zlib stream behind four bytes."""
    card = VirtualCard.open(new_card(tmp_path, version=version))
    other = "A000000397425446590201" if aid.endswith("0009") else "A000000397425446590009"
    assert send(card, "00A404000B" + other).status_word == StatusWord.NOT_FOUND
    assert send(card, "00A404000B" + aid).status_word == StatusWord.OK
    assert send(card, "002000800432303138").status_word == 0x63C4
    assert send(card, "00200080").status_word == 0x63C4
    assert send(card, "002000810432303137").status_word == StatusWord.WRONG_P1_P2
    assert send(card, "002000800432303137").status_word == StatusWord.OK
    for p1_p2 in ("A010", "3FFF"):
        answer = send(card, f"00CB{p1_p2}075C0002DF020400").data
        assert answer[0] == 0x53
        assert int.from_bytes(answer[2:4], "big") == len(answer) - 4
        der = zlib.decompress(answer[8:])
        found = read_card_certificate(der)
        assert (found.certificate_class, found.public_key) == (CertificateClass.V34, rsa_key(1).public)
        assert found.is_valid_at(NOW)
    assert send(card, "00CBA010055C0002DF03").status_word == StatusWord.REFERENCED_DATA_NOT_FOUND
    assert send(card, "00CB0000055C0002DF02").status_word == StatusWord.WRONG_P1_P2
    assert send(card, "8808040000").status_word == StatusWord.CLASS_UNKNOWN
    assert send(card, "0008040000").status_word == StatusWord.INSTRUCTION_UNKNOWN
    answers = [send(card, "002000800430303030").status_word for _ in range(5)]
    assert answers == [0x63C4, 0x63C3, 0x63C2, 0x63C1, StatusWord.AUTHENTICATION_BLOCKED]
    assert send(card, "002000800432303137").status_word == StatusWord.AUTHENTICATION_BLOCKED
    (tmp_path / "pki.pem").unlink()
    assert send(card, "00CBA010075C0002DF020400").status_word == StatusWord.REFERENCED_DATA_NOT_FOUND
    card.power_off()
