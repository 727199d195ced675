"""The card's side of vpcd against a small driver: orders, cut messages, a mute card, a driver that leaves."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cards import PIN, new_card, ready
from power import BrittleDisk

from tallystick.device.applet import VirtualCard
from tallystick.device.applet import vpcd as vpcd_module
from tallystick.device.applet.contacts import Transmission
from tallystick.device.applet.identity import STATE_FILE
from tallystick.device.applet.vpcd import CardServer, PoweredCard
from tallystick.device.secure_element import CardInUse
from tallystick.wire.vpcd import Order, frame

SELECT = bytes.fromhex("00A4040010A000000748464A492D546178436F7265")


class Driver:
    """Listens as vpcd does; one connection is one card in the reader."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(20)
        self.address: tuple[str, int] = self._listener.getsockname()
        self.connection: socket.socket | None = None

    def accept(self) -> None:
        self.connection, _ = self._listener.accept()
        self.connection.settimeout(20)

    def order(self, order: int) -> None:
        assert self.connection is not None
        self.connection.sendall(frame(bytes((order,))))

    def answer(self) -> bytes:
        size = int.from_bytes(self._exactly(2), "big")
        return self._exactly(size)

    def _exactly(self, size: int) -> bytes:
        assert self.connection is not None
        got = b""
        while len(got) < size:
            more = self.connection.recv(size - len(got))
            assert more, "the card left"
            got += more
        return got

    def send(self, apdu: bytes) -> bytes:
        assert self.connection is not None
        self.connection.sendall(frame(apdu))
        return self.answer()

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()
        self.connection = None

    def stop(self) -> None:
        self.close()
        self._listener.close()


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Driver]:
    monkeypatch.setattr(vpcd_module, "OUT_SECONDS", 0.01)
    made = Driver()
    yield made
    made.stop()


@contextmanager
def served(
    open_card: Callable[[], PoweredCard], driver: Driver, transmission: Transmission = Transmission.T1
) -> Iterator[CardServer]:
    server = CardServer(open_card, driver.address, transmission)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        driver.accept()
        yield server
    finally:
        server.stop()
        thread.join(20)
        assert not thread.is_alive()


@pytest.mark.parametrize("transmission", [*Transmission])
def test_orders_and_commands(driver: Driver, tmp_path: Path, transmission: Transmission) -> None:
    folder = new_card(tmp_path)
    with served(lambda: VirtualCard.open(folder), driver, transmission):
        driver.order(Order.ANSWER_TO_RESET)
        assert driver.answer() == transmission.answer_to_reset
        driver.order(Order.POWER_ON)
        assert driver.send(SELECT) == b"\x90\0"
        assert driver.send(bytes.fromhex("8816040001")) == b"\x05\x90\0"


@pytest.mark.parametrize("order", [Order.RESET, Order.POWER_OFF, Order.POWER_ON])
def test_each_change_of_power_ends_the_session(driver: Driver, tmp_path: Path, order: Order) -> None:
    folder = new_card(tmp_path)
    with served(lambda: VirtualCard.open(folder), driver):
        driver.send(SELECT)
        assert driver.send(b"\x88\x11\x04\x00\x04" + PIN.encode()) == b"\x90\0"
        driver.order(order)
        assert driver.send(bytes.fromhex("8816040000")) == b"\x6e\0"
        driver.send(SELECT)
        assert driver.send(bytes.fromhex("8821040000")) == b"\x63\x01"


def test_messages_may_come_byte_by_byte_or_together(driver: Driver, tmp_path: Path) -> None:
    folder = new_card(tmp_path)
    with served(lambda: VirtualCard.open(folder), driver):
        assert driver.connection is not None
        for byte in frame(SELECT):
            driver.connection.sendall(bytes((byte,)))
            time.sleep(0.001)
        assert driver.answer() == b"\x90\0"
        driver.connection.sendall(
            frame(bytes.fromhex("8816040000")) + frame(b"\4") + frame(bytes.fromhex("8814040000"))
        )
        assert [len(driver.answer()) for _ in range(3)] == [3, 14, 16]


@pytest.mark.parametrize("message", [b"\0\0", b"\0\1\x09", b"\0\1\xff"])
def test_an_unknown_message_is_no_driver_of_ours(driver: Driver, tmp_path: Path, message: bytes) -> None:
    """The card leaves such a reader and comes back."""
    folder = new_card(tmp_path)
    with served(lambda: VirtualCard.open(folder), driver):
        assert driver.connection is not None
        driver.connection.sendall(message)
        assert driver.connection.recv(10) == b""
        driver.close()
        driver.accept()
        assert driver.send(SELECT) == b"\x90\0"


def test_the_card_comes_back_without_a_pin_when_the_driver_does(driver: Driver, tmp_path: Path) -> None:
    folder = new_card(tmp_path)
    with served(lambda: VirtualCard.open(folder), driver):
        driver.send(SELECT)
        driver.send(b"\x88\x11\x04\x00\x04" + PIN.encode())
        driver.close()
        driver.accept()
        assert driver.send(bytes.fromhex("8821040000")) == b"\x6e\0"
        with pytest.raises(CardInUse):
            VirtualCard.open(folder)


class FailingDisk(BrittleDisk):
    """A disk that fails once."""

    fails = False

    def sync(self) -> None:
        if self.fails:
            self.fails = False
            raise OSError("no")
        super().sync()


def test_a_card_whose_memory_failed_is_powered_on_anew(driver: Driver, tmp_path: Path) -> None:
    """6581, then mute; the next power-on reads what is durable."""
    folder = new_card(tmp_path)
    disk = FailingDisk((folder / STATE_FILE).read_bytes())
    opened: list[VirtualCard] = []

    def open_card() -> VirtualCard:
        opened.append(VirtualCard.open(folder, disk=disk))
        return opened[-1]

    with served(open_card, driver):
        driver.send(SELECT)
        disk.fails = True
        assert driver.send(b"\x88\x11\x04\x00\x04" + PIN.encode()) == b"\x65\x81"
        assert driver.connection is not None
        driver.connection.sendall(frame(SELECT))
        assert driver.connection.recv(10) == b"", "mute"
        driver.close()
        driver.accept()
        assert driver.send(SELECT) == b"\x90\0"
        assert len(opened) == 2
    ready(VirtualCard.open(folder, disk=disk))


def test_there_must_be_a_card_to_begin_with(tmp_path: Path) -> None:
    folder = new_card(tmp_path)
    held = VirtualCard.open(folder)
    with pytest.raises(CardInUse):
        CardServer(lambda: VirtualCard.open(folder), ("127.0.0.1", 1)).run()
    held.power_off()


def test_a_card_that_waits_for_a_driver_can_be_stopped(tmp_path: Path) -> None:
    folder = new_card(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        address = closed.getsockname()
    server = CardServer(lambda: VirtualCard.open(folder), address)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    time.sleep(0.2)
    server.stop()
    thread.join(10)
    assert not thread.is_alive()
    VirtualCard.open(folder).power_off()
