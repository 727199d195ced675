"""A real card reader through PC/SC: one card, held alone, over T=0 or T=1 (S2-003, S2-026, S1-049).

The reader may be absent, vanish and come back, as may the card and pcscd itself. A handle of PC/SC belongs to one
insertion: when the card was moved, nothing more passes through it, so no command reaches another card.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from functools import partial

from tallystick.device.secure_element.bounded import BoundedThread
from tallystick.device.secure_element.port import (
    CardExchanged,
    CardLate,
    CardPort,
    CardUnavailable,
    NoSuchReader,
)
from tallystick.device.secure_element.t0 import T0Port
from tallystick.device.secure_element.winscard import CardReset, CardTakenOut, ReaderState, Winscard, winscard

log = logging.getLogger(__name__)

ANSWER_SECONDS = 20.0
"""A card signs within two seconds; key generation, the slowest that any does, is not asked of it here."""
CALL_SECONDS = 10.0
WATCH_MILLISECONDS = 1000
PAUSE_SECONDS = 0.5


def choose_reader(names: list[str], wanted: str) -> str:
    """The reader of that name, else the only one whose name contains it; raises `NoSuchReader`."""
    if wanted in names:
        return wanted
    found = [name for name in names if wanted in name]
    if len(found) == 1:
        return found[0]
    reason = f"{len(found)} readers are called so: {', '.join(found)}" if found else "no such reader"
    raise NoSuchReader(f"{wanted!r}: {reason}")


def list_readers(library: Winscard | None = None) -> list[tuple[str, bool]]:
    """The readers of this machine, and whether a card is in; raises `NoSuchReader` without PC/SC."""
    library = library or winscard()
    context = library.establish()
    try:
        return [(name, library.state(context, name).has_card) for name in library.readers(context)]
    finally:
        library.release(context)


class PcscReader:
    """A `CardReader` over one reader of PC/SC. `port` and what it gives belong to one thread; the rest to any."""

    def __init__(self, name: str, *, answer_seconds: float = ANSWER_SECONDS, library: Winscard | None = None) -> None:
        """Begin to watch; raises `NoSuchReader` when pyscard is not installed. The reader itself may come later."""
        self.name = name
        self.answer_seconds = answer_seconds
        self.library = library or winscard()
        self._lock = threading.Lock()
        self._generation = 0
        self._seen: tuple[str, ReaderState] | None = None
        self._said = ""
        self._port: _Inserted | None = None
        self._on_change: Callable[[], None] = lambda: None
        self._closed = threading.Event()
        self._watching = 0
        self._thread = threading.Thread(target=self._watch, name=f"reader-{name}", daemon=True)
        self._thread.start()

    @property
    def generation(self) -> int:
        """Which insertion this is."""
        return self._generation

    def call_on_change(self, callback: Callable[[], None]) -> None:
        """Who wants to hear of insertions and removals, from the watching thread."""
        self._on_change = callback

    def port(self) -> CardPort | None:
        """The inserted card, held alone; none without reader or card. One that cannot be held says why when used."""
        held = self._port
        if held is not None and held.is_usable:
            return held.contacts
        self._let_go()
        try:
            self._port = _Inserted(self)
        except NoSuchReader as error:
            self._say(error)
            return None
        except CardTakenOut:
            return None
        except CardUnavailable as error:
            return _Refused(error)
        return self._port.contacts

    def close(self) -> None:
        """Let the card go, reset, and watch no more."""
        self._closed.set()
        if self._watching:
            self.library.cancel(self._watching)
        self._thread.join(2 * WATCH_MILLISECONDS / 1000)
        self._let_go()

    def _let_go(self) -> None:
        held, self._port = self._port, None
        if held is not None:
            held.close()

    def observe(self, seen: tuple[str, ReaderState] | None) -> int:
        """Take note of how the reader stands; gives the number of this insertion."""
        with self._lock:
            if _is_older(seen, self._seen):
                return self._generation
            changed = _essence(seen) != _essence(self._seen)
            self._seen = seen
            self._generation += changed
            generation = self._generation
        if changed:
            log.info("reader %s: %s", self.name, _words(seen))
            self._said = self._said if seen is None else ""
            self._on_change()
        return generation

    def _watch(self) -> None:
        while not self._closed.is_set():
            try:
                self._watch_one_context()
            except CardUnavailable as error:
                self._say(error)
                self.observe(None)
                self._closed.wait(PAUSE_SECONDS)

    def _watch_one_context(self) -> None:
        library = self.library
        context = self._watching = library.establish()
        try:
            while not self._closed.is_set():
                name = choose_reader(library.readers(context), self.name)
                state = library.state(context, name)
                self.observe((name, state))
                library.wait(context, name, state, WATCH_MILLISECONDS)
        finally:
            self._watching = 0
            library.release(context)

    def _say(self, error: CardUnavailable) -> None:
        """Each trouble once."""
        if str(error) != self._said:
            log.warning("reader %s: %s", self.name, error)
        self._said = str(error)


def _essence(seen: tuple[str, ReaderState] | None) -> tuple[str, bool, int] | None:
    return None if seen is None else (seen[0], seen[1].has_card, seen[1].events)


def _is_older(seen: tuple[str, ReaderState] | None, known: tuple[str, ReaderState] | None) -> bool:
    """Two threads look: what one saw before the other is no news. The count begins anew only after an absence."""
    return seen is not None and known is not None and seen[0] == known[0] and seen[1].events < known[1].events


def _words(seen: tuple[str, ReaderState] | None) -> str:
    if seen is None:
        return "not there"
    return "a card is in" if seen[1].has_card else "empty"


class _Refused:
    """A card that is there and cannot be had."""

    def __init__(self, reason: CardUnavailable) -> None:
        self._reason = reason

    def transmit(self, apdu: bytes) -> bytes:
        """Raises what kept us from the card."""
        raise type(self._reason)(*self._reason.args)


class _Inserted:
    """One connection with one insertion. After any failure it is not usable any more: the next begins anew."""

    def __init__(self, reader: PcscReader) -> None:
        self._reader = reader
        self._library = reader.library
        self._thread = BoundedThread(f"card-{reader.name}")
        self._context = self._handle = 0
        self._open = False
        try:
            self._protocol, self._generation = self._thread.call(self._connect, CALL_SECONDS, if_late=self._drop)
        except CardUnavailable:
            self._thread.close()
            raise
        self._open = self._holds = True
        self.contacts: CardPort = T0Port(self) if self._library.is_t0(self._protocol) else self
        log.info("reader %s: card held over T=%d", reader.name, not self._library.is_t0(self._protocol))

    def _connect(self) -> tuple[int, int]:
        library, reader = self._library, self._reader
        context = library.establish()
        try:
            name = choose_reader(library.readers(context), reader.name)
            state = library.state(context, name)
            generation = reader.observe((name, state))
            if not state.has_card:
                raise CardTakenOut("no card in the reader")
            self._handle, protocol = library.connect(context, name)
        except BaseException:
            library.release(context)
            raise
        self._context = context
        return protocol, generation

    @property
    def is_usable(self) -> bool:
        """Whether the card has not moved since, as far as is known."""
        return self._open and self._generation == self._reader.generation

    def transmit(self, command: bytes) -> bytes:
        """Send a command as it is; raises `CardUnavailable` and its kinds, and ends the connection then."""
        if not self.is_usable:
            raise CardTakenOut("the card was taken out")
        try:
            answer = self._thread.call(partial(self._send, command), self._reader.answer_seconds, if_late=self._drop)
        except CardUnavailable as error:
            self._open = False
            self._holds = not isinstance(error, CardLate)  # a call that is late lets the card go itself when it ends
            raise
        if self._generation != self._reader.generation:
            raise CardTakenOut("the card was taken out while it answered")
        return answer

    def _send(self, command: bytes) -> bytes:
        """In the bounded thread."""
        try:
            return self._library.transmit(self._handle, self._protocol, command)
        except CardReset as error:
            raise CardExchanged(f"the card was reset behind our back: {error.args[0]}") from error
        except CardTakenOut as error:
            if self._has_card():
                raise CardExchanged("the card was exchanged, or put in anew") from error
            raise

    def _has_card(self) -> bool:
        """Whether a card is in the reader by now; this handle knows of its own only."""
        try:
            return any(has_card for name, has_card in list_readers(self._library) if self._reader.name in name)
        except CardUnavailable:
            return False

    def close(self) -> None:
        """Let the card go, reset."""
        holds, self._open, self._holds = self._holds, False, False
        if not holds:
            return
        try:
            self._thread.call(self._drop, CALL_SECONDS)
        except CardUnavailable as error:
            log.warning("reader %s: %s", self._reader.name, error)
        self._thread.close()

    def _drop(self) -> None:
        if self._context:
            self._library.disconnect(self._handle)
            self._library.release(self._context)
