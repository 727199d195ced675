"""PC/SC as this project uses it: the calls of `winscard` through pyscard, with its return codes as our exceptions.

pyscard is not needed to run; `make card` installs it. It is imported when the first reader is asked for.
"""

from __future__ import annotations

import importlib
from functools import cache
from typing import Any

import attrs

from tallystick.device.secure_element.port import CardAnswerUnreadable, CardInUse, CardUnavailable, NoSuchReader

_TAKEN_OUT = ("SCARD_W_REMOVED_CARD", "SCARD_E_NO_SMARTCARD", "SCARD_W_UNPOWERED_CARD")
_RESET = ("SCARD_W_RESET_CARD",)
_HELD = ("SCARD_E_SHARING_VIOLATION", "SCARD_E_SERVER_TOO_BUSY")
_NO_READER = (
    *("SCARD_E_READER_UNAVAILABLE", "SCARD_E_UNKNOWN_READER", "SCARD_E_NO_READERS_AVAILABLE"),
    *("SCARD_E_NO_SERVICE", "SCARD_E_SERVICE_STOPPED", "SCARD_E_INVALID_HANDLE", "SCARD_F_COMM_ERROR"),
)


class CardTakenOut(CardUnavailable):
    """The reader says that the card of this connection is gone."""


class CardReset(CardUnavailable):
    """Somebody reset the card of this connection."""


@attrs.frozen(slots=True)
class ReaderState:
    """Whether a card is in, how many insertions and removals the reader has seen, and the library's own number."""

    has_card: bool
    events: int
    raw: int


class Winscard:
    """Every method may raise `CardUnavailable` and its kinds. Handles and contexts are the library's numbers."""

    def __init__(self, library: Any) -> None:
        self._library = library
        self._kinds: dict[int, type[CardUnavailable]] = {}
        for names, kind in (
            (_TAKEN_OUT, CardTakenOut),
            (_RESET, CardReset),
            (_HELD, CardInUse),
            (_NO_READER, NoSuchReader),
        ):
            self._kinds |= {getattr(library, name): kind for name in names}

    def _check(self, result: int, what: str) -> None:
        if result != self._library.SCARD_S_SUCCESS:
            text = str(self._library.SCardGetErrorMessage(result)).rstrip(".")
            raise self._kinds.get(result, CardUnavailable)(f"{what}: {text}")

    def establish(self) -> int:
        """A context of its own for each thread."""
        result, context = self._library.SCardEstablishContext(self._library.SCARD_SCOPE_SYSTEM)
        self._check(result, "PC/SC")
        return int(context)

    def release(self, context: int) -> None:
        """Let the context go; never raises, since there is nothing to do about it."""
        self._library.SCardReleaseContext(context)

    def cancel(self, context: int) -> None:
        """End the `wait` of another thread; never raises."""
        self._library.SCardCancel(context)

    def readers(self, context: int) -> list[str]:
        """The names of all readers."""
        result, names = self._library.SCardListReaders(context, [])
        if result == self._library.SCARD_E_NO_READERS_AVAILABLE:
            return []
        self._check(result, "list of readers")
        return list(map(str, names))

    def state(self, context: int, reader: str) -> ReaderState:
        """How the reader stands now."""
        return self._status(context, reader, self._library.SCARD_STATE_UNAWARE, 0)

    def wait(self, context: int, reader: str, known: ReaderState, milliseconds: int) -> ReaderState:
        """How the reader stands once that is not as `known`, or the time is over."""
        return self._status(context, reader, known.raw, milliseconds)

    def _status(self, context: int, reader: str, known: int, milliseconds: int) -> ReaderState:
        library = self._library
        result, states = library.SCardGetStatusChange(context, milliseconds, [(reader, known)])
        if result not in (library.SCARD_E_TIMEOUT, library.SCARD_E_CANCELLED):
            self._check(result, reader)
        raw = int(states[0][1])
        if raw & (library.SCARD_STATE_UNKNOWN | library.SCARD_STATE_UNAVAILABLE):
            raise NoSuchReader(f"{reader}: the reader is not there")
        return ReaderState(bool(raw & library.SCARD_STATE_PRESENT), raw >> 16, raw & ~library.SCARD_STATE_CHANGED)

    def connect(self, context: int, reader: str) -> tuple[int, int]:
        """Hold the card alone: a handle, and the protocol that was agreed on. Raises `CardInUse`."""
        library = self._library
        both = library.SCARD_PROTOCOL_T0 | library.SCARD_PROTOCOL_T1
        result, handle, protocol = library.SCardConnect(context, reader, library.SCARD_SHARE_EXCLUSIVE, both)
        self._check(result, reader)
        return int(handle), int(protocol)

    def is_t0(self, protocol: int) -> bool:
        """Whether the protocol of a connection is T=0."""
        return bool(protocol == self._library.SCARD_PROTOCOL_T0)

    def transmit(self, handle: int, protocol: int, command: bytes) -> bytes:
        """One command, one answer."""
        result, answer = self._library.SCardTransmit(handle, protocol, list(command))
        self._check(result, "card")
        if len(answer) < 2:
            raise CardAnswerUnreadable("the card gave no status word")
        return bytes(answer)

    def disconnect(self, handle: int) -> None:
        """Let the card go and reset it, so that no PIN stays verified; never raises."""
        self._library.SCardDisconnect(handle, self._library.SCARD_RESET_CARD)


@cache
def winscard() -> Winscard:
    """The library of this machine; raises `NoSuchReader` when pyscard is not installed."""
    try:
        return Winscard(importlib.import_module("smartcard.scard"))
    except ImportError as error:
        raise NoSuchReader(f"card readers need pyscard (`make card` installs it): {error}") from error
