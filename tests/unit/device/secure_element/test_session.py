"""The session as a playbook: these bytes go out, those come back."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from cards import NOW, NOW_MS, UID, country, new_card, ready, rsa_key, sale

from tallystick.crypto.certificates import pem_of
from tallystick.crypto.keys import store_private_key
from tallystick.device.applet import VirtualCard
from tallystick.device.secure_element import (
    BesideCard,
    CardUnavailable,
    SecureElement,
    StatusWordError,
    status_code_for,
)
from tallystick.device.secure_element.exchange import TRAFFIC
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.status_codes import StatusCode
from tallystick.wire.apdu import StatusWord
from tallystick.wire.card import AmountStatus, CertParams, with_crc


class Playbook:
    """A port that expects exactly these commands in this order."""

    def __init__(self, *lines: tuple[str, str]) -> None:
        self._lines = [(bytes.fromhex(command), bytes.fromhex(answer)) for command, answer in lines]

    def transmit(self, apdu: bytes) -> bytes:
        expected, answer = self._lines.pop(0)
        assert apdu.hex() == expected.hex()
        return answer

    def finished(self) -> bool:
        return not self._lines


def test_select_and_published_exchanges() -> None:
    """Wire 7.1, 7.2: SELECT by name, version and amount status as published, PIN as digits (S2-023)."""
    port = Playbook(
        ("00A4040010A000000748464A492D546178436F726500", "9000"),
        ("8808040000", "0000000300000002000000059000"),
        ("8814040000", "0000724AA18328038D7EA4C680009000"),
        ("881104000402000107", "9000"),
        ("8816040000", "059000"),
        ("8833040000", "41423132434433340000018BCFE56800000001A3185C50009000"),
    )
    card = SecureElement(port)
    card.select()
    assert card.version() == (3, 2, 5)
    assert card.amount_status() == AmountStatus(Money.of("49087837.06"), Money.of(100_000_000_000))
    card.verify_pin("2017")
    assert card.pin_tries_left() == 5
    assert card.cert_params() == CertParams(UID, 1_700_000_000_000, 1_800_000_000_000)
    assert port.finished()


def test_c_08_an_older_card_tells_its_version_elsewhere() -> None:
    port = Playbook(
        ("8808040000", "6D00"),
        ("8809040000", "0000000200000001000000009000"),
        ("8816040000", "6D00"),
        ("8833040000", "6D00"),
    )
    card = SecureElement(port)
    assert card.version() == (2, 1, 0)
    assert card.pin_tries_left() is None
    assert card.cert_params() is None


def test_t_0_answers_in_parts_are_collected() -> None:
    """Wire 7.1: `61 xx` and GET RESPONSE; `6C xx` asks for the command again with that Le."""
    port = Playbook(
        ("8814040000", "6C0E"),
        ("881404000E", "0000724AA183286107"),
        ("00C0000007", "038D7EA4C680009000"),
    )
    assert SecureElement(port).amount_status().limit == Money.of(100_000_000_000)
    assert port.finished()


def test_a_card_that_never_ends_is_unavailable() -> None:
    class Endless:
        def transmit(self, apdu: bytes) -> bytes:
            return b"x\x61\x01"

    with pytest.raises(CardUnavailable):
        SecureElement(Endless()).amount_status()


@pytest.mark.parametrize("answer", ["", "90", "019000", "00" * 13 + "9000"])
def test_an_answer_that_cannot_be_read_makes_the_card_unavailable(answer: str) -> None:
    class Broken:
        def transmit(self, apdu: bytes) -> bytes:
            return bytes.fromhex(answer)

    card = SecureElement(Broken())
    for ask in (card.version, card.amount_status, card.cert_params, card.tax_core_public_key):
        with pytest.raises(CardUnavailable):
            ask()
    with pytest.raises(CardUnavailable):
        card.sign_invoice(sale())


def test_crc_mode_goes_both_ways() -> None:
    """Wire 7.1: P1 P2 01 02, CRC behind the command data and behind the answer data; no data, no CRC."""
    poa = b"\1" * 256
    arp = b"\2" * 260
    port = Playbook(
        ("88210102000000", with_crc(arp).hex() + "9000"),
        ("88200102000104" + with_crc(poa).hex(), "9000"),
        ("88210102000000", (arp + b"\0" * 4).hex() + "9000"),
    )
    card = SecureElement(port, crc=True)
    assert card.start_audit() == arp
    card.end_audit(poa)
    with pytest.raises(CardUnavailable):
        card.start_audit()


@pytest.mark.parametrize("pin", ["", "123", "12345", "12a4", "１２３４", " 123"])
def test_a_pin_that_is_not_four_digits_never_reaches_the_card(pin: str) -> None:
    with pytest.raises(StatusWordError) as caught:
        SecureElement(Playbook()).verify_pin(pin)
    assert status_code_for(caught.value.status_word, caught.value.instruction) is StatusCode.PIN_NOT_OK


def test_card_traffic_is_logged_only_on_demand_and_never_a_pin(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    card = VirtualCard.open(new_card(tmp_path))
    with caplog.at_level(TRAFFIC, logger="tallystick.card"):
        session = ready(card)
        session.sign_invoice(sale())
        with pytest.raises(StatusWordError):
            session.verify_pin("9999")
    # The values that we log, not the record's own clock and process number: those hold any four digits some day.
    text = caplog.text + repr([(record.msg, record.args, record.getMessage()) for record in caplog.records])
    assert "88 11 04 00 [5 bytes not shown]" in caplog.text
    assert "88 13 04 00" in caplog.text
    for secret in ("02000107", "2017", "09090909", "9999", "\\x02\\x00\\x01\\x07"):
        assert secret not in text
    caplog.clear()
    with caplog.at_level(logging.DEBUG, logger="tallystick.card"):
        session.amount_status()
    assert caplog.text == ""
    card.power_off()


@pytest.mark.parametrize(
    ("status_word", "instruction", "code"),
    [
        (0x6301, 0x13, "1500"),
        (0x6302, 0x11, "2100"),
        (0x63C3, 0x11, "2100"),
        (0x6303, 0x11, "2100"),
        (0x6310, 0x11, "2110"),
        (0x6310, 0x13, "2110"),
        (0x6983, 0x20, "2110"),
        (0x6305, 0x13, "2210"),
        (0x6307, 0x13, "2210"),
        (0x6308, 0x13, "2809"),
        (0x6A80, 0x13, "2310"),
        (0x6A80, 0x20, "2220"),
        (0x6304, 0x13, "2220"),
        (0x63FF, 0x13, "2220"),
        (0x6700, 0x13, "2220"),
        (0x6985, 0x15, "2220"),
        (0x6D00, 0x13, "2220"),
        (0x1234, 0x13, "2220"),
    ],
)
def test_wire_7_5_status_words_become_codes_for_the_pos(status_word: int, instruction: int, code: str) -> None:
    assert status_code_for(status_word, instruction) == code


def test_status_word_errors_read_well() -> None:
    assert str(StatusWordError(0x13, StatusWord.LIMIT_REACHED)) == "instruction 13: LIMIT_REACHED"


def test_the_client_key_lies_beside_its_own_card(tmp_path: Path) -> None:
    """S2-092: certificate and key by UID; a folder of another card, or half a folder, gives nothing."""
    folder = new_card(tmp_path / "card")
    identity = BesideCard(folder).token_client(UID)
    assert identity.certificate.read_bytes().startswith(b"-----BEGIN CERTIFICATE")
    assert identity.key.stat().st_mode & 0o777 == 0o600
    for missing in ("ZZ99ZZ99", ""):
        with pytest.raises(CardUnavailable):
            BesideCard(folder).token_client(missing)
    with pytest.raises(CardUnavailable):
        BesideCard(tmp_path / "nothing").token_client(UID)
    half = tmp_path / "half"
    half.mkdir()
    subject = country().subject()
    (half / "pki.pem").write_bytes(pem_of(country().pki.issue_pki_client(subject, rsa_key(1).public.spki, at=NOW)))
    with pytest.raises(CardUnavailable):
        BesideCard(half).token_client(UID)
    store_private_key(half / "pki-key.pem", rsa_key(1))
    assert BesideCard(half).token_client(UID).key == half / "pki-key.pem"


def test_the_test_country_starts_at_noon() -> None:
    assert sale(5).time_ms == NOW_MS + 5
