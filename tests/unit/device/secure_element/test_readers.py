"""What stands between the session and a reader: names, bounded calls, T=0 commands; without PC/SC on the machine."""

from __future__ import annotations

import importlib
import threading
import time
from collections.abc import Callable

import pytest

from tallystick.device.secure_element import CardLate, CardUnavailable, NoSuchReader
from tallystick.device.secure_element.bounded import BoundedThread
from tallystick.device.secure_element.pcsc import PcscReader, choose_reader
from tallystick.device.secure_element.port import CardExchanged, CardInUse, TokenUnusable
from tallystick.device.secure_element.t0 import T0Port
from tallystick.device.secure_element.winscard import ReaderState, Winscard, winscard
from tallystick.kernel.fault_catalogue import CATALOGUE
from tallystick.wire.apdu import CommandApdu

NAMES = ["ACS ACR39U 00 00", "Virtual PCD 00 00", "Virtual PCD 00 01"]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [("Virtual PCD 00 01", 2), ("ACR39U", 0), ("00 01", 2), ("ACS ACR39U 00 00", 0)],
)
def test_a_reader_by_its_name_or_a_part_that_only_it_has(wanted: str, found: int) -> None:
    assert choose_reader(NAMES, wanted) == NAMES[found]


@pytest.mark.parametrize("wanted", ["Virtual", "00 00", "Gemalto", ""])
def test_no_reader_or_several_are_no_choice(wanted: str) -> None:
    with pytest.raises(NoSuchReader, match="TS-3116"):
        choose_reader(NAMES, wanted)


def test_an_exact_name_wins_over_longer_ones() -> None:
    assert choose_reader(["Reader", "Reader 2"], "Reader") == "Reader"


def test_each_kind_of_failure_has_a_code_of_the_catalogue() -> None:
    kinds: list[type[CardUnavailable]] = [
        CardUnavailable,
        CardLate,
        CardExchanged,
        CardInUse,
        NoSuchReader,
        TokenUnusable,
    ]
    assert all(kind.code in CATALOGUE for kind in kinds)
    assert len({kind.code for kind in kinds}) == len(kinds)
    assert str(CardLate("x")) == "TS-3112 x"


def test_without_pyscard_a_reader_is_refused_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> object:
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(importlib, "import_module", absent)
    winscard.cache_clear()
    try:
        with pytest.raises(NoSuchReader, match="make card"):
            winscard()
    finally:
        winscard.cache_clear()


def test_a_bounded_call_gives_its_result_or_raises_its_error() -> None:
    thread = BoundedThread("test")

    def fail() -> int:
        raise CardInUse("held")

    assert thread.call(lambda: 7, 5) == 7
    with pytest.raises(CardInUse):
        thread.call(fail, 5)
    assert thread.call(lambda: 8, 5) == 8
    thread.close()


def test_a_call_that_does_not_come_back_is_given_up_and_tidied_when_it_ends() -> None:
    thread, go_on, tidied = BoundedThread("test"), threading.Event(), threading.Event()
    start = time.monotonic()
    with pytest.raises(CardLate, match="TS-3112"):
        thread.call(lambda: go_on.wait(20), 0.05, if_late=tidied.set)
    assert time.monotonic() - start < 5
    assert not tidied.is_set()
    go_on.set()
    assert tidied.wait(5)


class Standing(Winscard):
    """A library with one reader that stands as it is until the watching ends."""

    def __init__(self, state: ReaderState) -> None:
        self._state = state
        self._over = threading.Event()

    def establish(self) -> int:
        return 1

    def release(self, context: int) -> None:
        pass

    def cancel(self, context: int) -> None:
        self._over.set()

    def readers(self, context: int) -> list[str]:
        return ["R"]

    def state(self, context: int, reader: str) -> ReaderState:
        return self._state

    def wait(self, context: int, reader: str, known: ReaderState, milliseconds: int) -> ReaderState:
        self._over.wait(20)
        return known


def test_what_one_thread_saw_before_another_is_no_news() -> None:
    """Else a card would lose its session because of an old look at the reader."""
    reader = PcscReader("R", library=Standing(ReaderState(True, 2, 0)))
    end = time.monotonic() + 10
    while reader.generation == 0:
        assert time.monotonic() < end
    assert reader.observe(("R", ReaderState(True, 2, 7))) == 1, "the same insertion"
    assert reader.observe(("R", ReaderState(False, 3, 0))) == 2
    assert reader.observe(("R", ReaderState(True, 2, 0))) == 2, "older"
    assert reader.observe(None) == 3
    assert reader.observe(("R", ReaderState(True, 0, 0))) == 4, "pcscd began anew"
    reader.close()


class Wire:
    """Remembers T=0 commands, answers as it is told."""

    def __init__(self, answer: Callable[[bytes], bytes] = lambda _: b"\x90\0") -> None:
        self.sent: list[str] = []
        self._answer = answer

    def transmit(self, apdu: bytes) -> bytes:
        self.sent.append(apdu.hex())
        return self._answer(apdu)


@pytest.mark.parametrize(
    ("command", "sent"),
    [
        (CommandApdu(0x88, 0x08, 4, 0, le=256), ["8808040000"]),
        (CommandApdu(0x88, 0x04, 4, 0, le=65536), ["8804040000"]),
        (CommandApdu(0x88, 0x16, 4, 0, le=1), ["8816040001"]),
        (CommandApdu(0x88, 0x16, 4, 0), ["8816040000"]),
        (CommandApdu(0x88, 0x11, 4, 0, b"2017"), ["881104000432303137"]),
        (CommandApdu(0x88, 0x13, 4, 0, bytes(58), 65536), ["881304003a" + "00" * 58]),
    ],
)
def test_s1_049_t_0_commands_have_one_length(command: CommandApdu, sent: list[str]) -> None:
    wire = Wire()
    T0Port(wire).transmit(command.encode())
    assert wire.sent == sent


def test_s1_049_long_data_go_in_envelopes_until_one_is_refused() -> None:
    proof = bytes(range(256))
    wire = Wire()
    T0Port(wire).transmit(CommandApdu(0x88, 0x20, 4, 0, proof).encode())
    first, second = (bytes.fromhex(command) for command in wire.sent)
    assert first[:5].hex() == "00c20000ff"
    assert first[5:] + second[5:] == bytes.fromhex("88200400" + "000100") + proof
    refusing = Wire(lambda _: b"\x6d\0")
    assert T0Port(refusing).transmit(CommandApdu(0x88, 0x40, 4, 0, bytes(512)).encode()) == b"\x6d\0"
    assert len(refusing.sent) == 1
