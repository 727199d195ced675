"""A virtual card in the virtual reader `vpcd`, so that every program of PC/SC can use it (S1-047, S1-049).

The driver listens, the card connects: an open connection is a card in the reader, a closed one an empty reader. When
pcscd ends, the card knocks until it is back. One command at a time, as a card does.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Iterator
from threading import Event
from typing import Protocol

from tallystick.device.applet.contacts import Card, T0Contacts, T1Contacts, Transmission, contacts
from tallystick.device.secure_element.exchange import TRAFFIC
from tallystick.device.secure_element.port import CardUnavailable
from tallystick.kernel.faults import Fault
from tallystick.kit.retry import backoff_seconds
from tallystick.wire.apdu import describe
from tallystick.wire.vpcd import CONTENT_BYTES_MAX, Order, frame, order_of, take_message

log = logging.getLogger(__name__)
traffic = logging.getLogger("tallystick.card")

KNOCK_FIRST_SECONDS = 0.1
KNOCK_MOST_SECONDS = 2.0
CONNECT_SECONDS = 5.0
OUT_SECONDS = 1.0
"""How long a card is out before it goes in again. pcscd looks about twice a second; a removal that it misses can leave
it believing in an empty reader until the card is out once more."""
_QUICK_ACK = getattr(socket, "TCP_QUICKACK", None)


class PoweredCard(Card, Protocol):
    """A card that is on; `VirtualCard` is one."""

    def power_off(self) -> None:
        """Let go of its memory."""


class CardServer:
    """Keeps one card in the reader at an address until `stop`. `open_card` powers it on, again after a failure."""

    def __init__(
        self,
        open_card: Callable[[], PoweredCard],
        address: tuple[str, int],
        transmission: Transmission = Transmission.T1,
        *,
        on_inserted: Callable[[], None] = lambda: None,
    ) -> None:
        self._open_card = open_card
        self._address = address
        self._transmission = transmission
        self._on_inserted = on_inserted
        self._stopped = Event()
        self._connection: socket.socket | None = None

    def run(self) -> None:
        """Serve until stopped. Raises `CardUnavailable` or `CardInUse` when there is no card to begin with."""
        card = self._open_card()
        knocks = _knocks()
        told = False
        while not self._stopped.is_set():
            try:
                connection = socket.create_connection(self._address, timeout=CONNECT_SECONDS)
            except OSError as error:
                if not told:
                    log.warning("no vpcd at %s:%d yet: %s", *self._address, error)
                told = True
                self._stopped.wait(next(knocks))
                continue
            knocks, told = _knocks(), False
            try:
                self._stay(connection, card)
            except CardUnavailable as error:  # its memory failed: a new power-on reads it anew
                log.error("the card is mute: %s", error)
                card = self._opened_anew(card)
            self._stopped.wait(OUT_SECONDS)
        card.power_off()

    def stop(self) -> None:
        """Take the card out, from any thread; what the card was doing is finished first."""
        self._stopped.set()
        connection = self._connection
        if connection is not None:
            try:
                connection.shutdown(socket.SHUT_RD)
            except OSError:
                return

    def _opened_anew(self, card: PoweredCard) -> PoweredCard:
        card.power_off()
        for pause in _knocks():
            try:
                return self._open_card()
            except CardUnavailable as error:
                log.error("the card cannot be powered on: %s", error)
            if self._stopped.wait(pause):
                break
        return card

    def _stay(self, connection: socket.socket, card: PoweredCard) -> None:
        """One stay in the reader; raises `CardUnavailable` when the card fell mute."""
        with connection:
            connection.settimeout(None)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._connection = connection
            log.info("card inserted into the reader at %s:%d", *self._address)
            self._on_inserted()
            slot = _Slot(contacts(card, self._transmission), self._transmission)
            try:
                while not self._stopped.is_set() and slot.serve(connection):
                    pass
            except (OSError, Fault) as error:
                log.warning("the reader went away: %s", error)
            finally:
                self._connection = None
                slot.power_off()
        log.info("card out of the reader")


class _Slot:
    """What happens on one connection."""

    def __init__(self, card: T0Contacts | T1Contacts, transmission: Transmission) -> None:
        self._card = card
        self._transmission = transmission
        self._received = b""

    def power_off(self) -> None:
        """The contacts lose power: nothing is selected any more, and no PIN verified."""
        self._card.reset()

    def serve(self, connection: socket.socket) -> bool:
        """Read one message and answer it; false when the reader closed. Raises `OSError`, `CardUnavailable`, `Fault`"""
        content = self._read(connection)
        if content is None:
            return False
        order = order_of(content)
        if order is None:
            connection.sendall(frame(self._answer(content)))
        elif order is Order.ANSWER_TO_RESET:
            connection.sendall(frame(self._transmission.answer_to_reset))
        else:
            self._card.reset()
        return True

    def _answer(self, apdu: bytes) -> bytes:
        answer = self._card.transmit(apdu)
        if traffic.isEnabledFor(TRAFFIC):  # the header alone: an enveloped command may carry a PIN
            traffic.log(TRAFFIC, "%s -> %d bytes, %s", describe(apdu[:4]), len(answer) - 2, answer[-2:].hex())
        return answer

    def _read(self, connection: socket.socket) -> bytes | None:
        while (taken := take_message(self._received)) is None:
            more = connection.recv(CONTENT_BYTES_MAX)
            if not more:
                return None
            self._received += more
            _acknowledge_at_once(connection)
        content, self._received = taken
        return content


def _acknowledge_at_once(connection: socket.socket) -> None:
    """The driver sends length and content apart and waits for the first to be acknowledged: 40 ms each time."""
    if _QUICK_ACK is not None:
        connection.setsockopt(socket.IPPROTO_TCP, _QUICK_ACK, 1)


def _knocks() -> Iterator[float]:
    return backoff_seconds(first_seconds=KNOCK_FIRST_SECONDS, most_seconds=KNOCK_MOST_SECONDS)
