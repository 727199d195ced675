"""A real PC/SC stack between our session and our card: pcscd, its library, the virtual reader (S1-049, S2-026)."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cards import PIN, country, new_card, sale
from pcsc_bench import READER, Pcsc, until

from tallystick.crypto.certificates import read_card_certificate
from tallystick.device.applet import VirtualCard
from tallystick.device.applet.contacts import Transmission
from tallystick.device.secure_element import (
    CardAnswerUnreadable,
    CardExchanged,
    CardInUse,
    CardLate,
    CardPort,
    CardUnavailable,
    SecureElement,
    StatusWordError,
)
from tallystick.device.secure_element.pcsc import PcscReader
from tallystick.kernel.fixed_point import Money


@contextmanager
def reading(name: str = READER, *, answer_seconds: float = 20) -> Iterator[PcscReader]:
    reader = PcscReader(name, answer_seconds=answer_seconds)
    try:
        yield reader
    finally:
        reader.close()


def port_of(reader: PcscReader) -> CardPort:
    found: list[CardPort] = []

    def there() -> bool:
        port = reader.port()
        found[:] = [] if port is None else [port]
        return port is not None

    until(there, what="no card in the reader")
    return found[0]


def opened(folder: Path) -> Callable[[], VirtualCard]:
    return lambda: VirtualCard.open(folder)


@pytest.mark.parametrize("transmission", list(Transmission))
@pytest.mark.parametrize("crc", [False, True])
def test_s1_049_every_instruction_passes_over_t_0_and_t_1(
    daemon: Pcsc, tmp_path: Path, transmission: Transmission, crc: bool
) -> None:
    """With the long ones of both directions: 577 bytes out, 256 of a proof and 512 of a directive in."""
    folder = new_card(tmp_path / "card")
    with daemon.inserted(opened(folder), transmission), reading() as reader:
        card = SecureElement(port_of(reader), crc=crc)
        card.select()
        assert card.version() == (3, 2, 8)
        assert card.pin_tries_left() == 5
        card.verify_pin(PIN)
        assert card.tax_core_public_key() == country().pki.public_key("package")
        assert read_card_certificate(card.certificate()).uid == "AB12CD34"
        params = card.cert_params()
        assert params is not None
        assert params.uid == "AB12CD34"
        assert card.last_signed_invoice() is None
        signed = card.sign_invoice(sale(1, "40"))
        assert (signed.total_counter, card.last_signed_invoice()) == (1, signed)
        assert card.amount_status().sum == Money.of(40)
        assert len(card.export_audit_data()) == 256
        request = country().audit_request(card.start_audit())
        card.end_audit(country().proof(request))
        assert card.amount_status().sum == Money.of(0)
        card.forward_directive(country().directive(1, 1))
        with pytest.raises(StatusWordError):
            card.sign_invoice(sale(2))
    assert request.audit_sequence == 1, "a command whose answer was fetched in parts ran once"


def test_s2_026_insertions_and_removals_are_seen(daemon: Pcsc, tmp_path: Path) -> None:
    folder = new_card(tmp_path / "card")
    with reading() as reader:
        seen: list[int] = []
        reader.call_on_change(lambda: seen.append(reader.generation))
        assert reader.port() is None
        with daemon.inserted(opened(folder)):
            port = port_of(reader)
            SecureElement(port).select()
            inside = reader.generation
            assert reader.port() is port, "one connection for one insertion"
        until(lambda: reader.generation > inside, what="the removal was not seen")
        with pytest.raises(CardUnavailable) as caught:
            SecureElement(port).select()
        assert caught.value.code == "TS-3110"
        assert reader.port() is None
        daemon.wait_empty()
        with daemon.inserted(opened(folder)):
            SecureElement(port_of(reader)).select()
        assert len(seen) >= 3
        assert seen == sorted(set(seen)), "each change has a number of its own"


def test_a_reader_vanishes_and_comes_back_with_pcscd(daemon: Pcsc, tmp_path: Path) -> None:
    folder = new_card(tmp_path / "card")
    with daemon.inserted(opened(folder)), reading() as reader:
        port = port_of(reader)
        SecureElement(port).select()
        daemon.stop()
        with pytest.raises(CardUnavailable):
            SecureElement(port).select()
        assert reader.port() is None
        daemon.start()
        card = SecureElement(port_of(reader))
        card.select()
        card.verify_pin(PIN)
        assert card.sign_invoice(sale(1)).total_counter == 1


def test_the_card_is_held_alone_and_forgets_the_pin_when_it_is_let_go(daemon: Pcsc, tmp_path: Path) -> None:
    """Who shares a card shares its verified PIN."""
    folder = new_card(tmp_path / "card")
    with daemon.inserted(opened(folder)), reading() as first, reading() as second:
        card = SecureElement(port_of(first))
        card.select()
        card.verify_pin(PIN)
        with pytest.raises(CardInUse) as caught:
            SecureElement(port_of(second)).select()
        assert caught.value.code == "TS-3114"
        first.close()
        assert port_of(second).transmit(bytes.fromhex("8816040000")) == b"\x6e\0", "reset: nothing is selected"


class Meddler:
    """A card whose answers somebody spoils on their way; what it is told to do once, it does once."""

    def __init__(self, folder: Path) -> None:
        self.card = VirtualCard.open(folder)
        self.spoil: Callable[[bytes, bytes], bytes] | None = None

    def transmit(self, apdu: bytes) -> bytes:
        answer = self.card.transmit(apdu)
        spoil, self.spoil = self.spoil, None
        return answer if spoil is None else spoil(apdu, answer)

    def reset(self) -> None:
        self.card.reset()

    def power_off(self) -> None:
        self.card.power_off()


def test_a_late_answer_ends_the_session_in_bounded_time(daemon: Pcsc, tmp_path: Path) -> None:
    """The card signs all the same: the next session finds its result."""
    meddler = Meddler(new_card(tmp_path / "card"))
    go_on = threading.Event()

    def wait(_: bytes, answer: bytes) -> bytes:
        go_on.wait(20)
        return answer

    with daemon.inserted(lambda: meddler), reading(answer_seconds=0.5) as reader:
        card = SecureElement(port_of(reader))
        card.select()
        card.verify_pin(PIN)
        meddler.spoil = wait
        start = time.monotonic()
        with pytest.raises(CardLate) as caught:
            card.sign_invoice(sale(1))
        assert caught.value.code == "TS-3112"
        assert time.monotonic() - start < 5
        with pytest.raises(CardUnavailable):
            SecureElement(port_of(reader)).select()
        go_on.set()

        def is_back() -> bool:
            try:
                SecureElement(port_of(reader)).select()
            except CardUnavailable:
                return False
            return True

        until(is_back, what="the card was not let go")
        last = SecureElement(port_of(reader)).last_signed_invoice()
        assert last is not None
        assert last.total_counter == 1


def test_an_answer_cut_short_is_unreadable(daemon: Pcsc, tmp_path: Path) -> None:
    meddler = Meddler(new_card(tmp_path / "card"))
    with daemon.inserted(lambda: meddler), reading() as reader:
        card = SecureElement(port_of(reader))
        card.select()
        meddler.spoil = lambda _, answer: answer[:5] + answer[-2:]
        with pytest.raises(CardAnswerUnreadable) as caught:
            card.version()
        assert caught.value.code == "TS-3111"
        assert card.version() == (3, 2, 8)


def test_a_card_that_is_exchanged_gets_no_command_of_the_old_session(daemon: Pcsc, tmp_path: Path) -> None:
    first, second = new_card(tmp_path / "first"), new_card(tmp_path / "second", uid="ZZ99ZZ99")
    with reading() as reader:
        with daemon.inserted(opened(first)):
            card = SecureElement(port_of(reader))
            card.select()
            card.verify_pin(PIN)
        daemon.wait_empty()
        with daemon.inserted(opened(second)):
            with pytest.raises(CardUnavailable) as caught:
                card.sign_invoice(sale(1))
            assert isinstance(caught.value, CardExchanged) or caught.value.code == "TS-3110"
            other = SecureElement(port_of(reader))
            other.select()
            assert read_card_certificate(other.certificate()).uid == "ZZ99ZZ99"
            assert other.last_signed_invoice() is None


@pytest.mark.parametrize(("name", "reason"), [("Virtual PCD", "2 readers"), ("Nobody's", "no such reader")])
def test_a_reader_that_is_not_there_or_not_the_only_one(
    daemon: Pcsc, caplog: pytest.LogCaptureFixture, name: str, reason: str
) -> None:
    with caplog.at_level(logging.WARNING), reading(name) as reader:
        assert reader.port() is None
    assert "TS-3116" in caplog.text
    assert reason in caplog.text
