"""The electric side of a virtual card: its answer to reset, and how T=0 cuts answers and long commands (S1-049).

Over T=1 an APDU travels whole. Over T=0 a command is a header, one length and its data, and an answer that the length
did not foresee comes through ``61 xx`` and GET RESPONSE or is asked for again after ``6C xx``; data of more than 255
bytes come in ENVELOPE commands (ISO 7816-4).
"""

from __future__ import annotations

from enum import Enum
from functools import reduce
from operator import xor
from typing import Protocol

from tallystick.device.secure_element.port import CardPort
from tallystick.kernel.faults import Fault
from tallystick.wire.apdu import SHORT_ANSWER_BYTES, CommandApdu, ResponseApdu, StatusWord

_HISTORICAL = b"Tallystick"
_GET_RESPONSE = 0xC0
_ENVELOPE = 0xC2
_MORE_DATA = 0x6100
_WRONG_LE = 0x6C00
_HEADER_BYTES = 4
_EXTENDED_HEADER_BYTES = 7
ENVELOPED_BYTES_MAX = 1024
"""A directive of 512 bytes with its CRC and both lengths needs 527."""


class Transmission(Enum):
    """The protocols of a card with contacts."""

    T0 = "0"
    T1 = "1"

    @property
    def answer_to_reset(self) -> bytes:
        """ISO 7816-3: T=1 is announced in TD1 and needs the check byte, T=0 is what nothing announces."""
        if self is Transmission.T0:
            return bytes((0x3B, len(_HISTORICAL))) + _HISTORICAL
        announced = bytes((0x80 | len(_HISTORICAL), 0x01)) + _HISTORICAL
        return b"\x3b" + announced + bytes((reduce(xor, announced),))


class Card(CardPort, Protocol):
    """A card that a reader can reset."""

    def reset(self) -> None:
        """Nothing is selected afterwards and no PIN verified."""


class T1Contacts:
    """APDUs as they are."""

    def __init__(self, card: Card) -> None:
        self._card = card

    def reset(self) -> None:
        """The reader's reset."""
        self._card.reset()

    def transmit(self, apdu: bytes) -> bytes:
        """One command, one answer; raises `CardUnavailable`."""
        return self._card.transmit(apdu)


class T0Contacts:
    """Short commands only. What changes the card and answers has answers of more than 255 bytes or none, so ``6C xx``,
    after which a command runs again, is said to readers of short values only.
    """

    def __init__(self, card: Card) -> None:
        self._card = card
        self._forget()

    def _forget(self) -> None:
        self._waiting = b""
        self._enveloped = b""

    def reset(self) -> None:
        """The reader's reset: what waited to be fetched is gone."""
        self._forget()
        self._card.reset()

    def transmit(self, command: bytes) -> bytes:
        """One command of T=0, one answer of at most 256 bytes and a status word; raises `CardUnavailable`."""
        instruction = command[1] if len(command) >= _HEADER_BYTES else None
        if instruction == _GET_RESPONSE:
            return self._hand_over(_length(command))
        if instruction == _ENVELOPE:
            return self._collect(command)
        self._forget()
        return self._run(command)

    def _run(self, command: bytes) -> bytes:
        answer = ResponseApdu.parse(self._card.transmit(command))
        if answer.status_word != StatusWord.OK or not answer.data:
            return answer.encode()
        self._waiting = answer.data
        if _has_data(command):
            return _announce(answer.data)
        return self._hand_over(_length(command))

    def _hand_over(self, length: int) -> bytes:
        """As many bytes as were asked for: ``6C xx`` when there are fewer, ``61 xx`` behind them when there are more"""
        asked = length or SHORT_ANSWER_BYTES
        if not self._waiting:
            return ResponseApdu(b"", StatusWord.CONDITIONS_NOT_SATISFIED).encode()
        if asked > len(self._waiting):
            return ResponseApdu(b"", _WRONG_LE | len(self._waiting)).encode()
        part, self._waiting = self._waiting[:asked], self._waiting[asked:]
        return part + (_announce(self._waiting) if self._waiting else ResponseApdu(b"", StatusWord.OK).encode())

    def _collect(self, command: bytes) -> bytes:
        """Put an enveloped command together; it runs when it is as long as its own length says."""
        if len(command) <= _HEADER_BYTES + 1 or len(command) != _HEADER_BYTES + 1 + command[_HEADER_BYTES]:
            self._forget()
            return ResponseApdu(b"", StatusWord.WRONG_LENGTH).encode()
        enveloped = self._enveloped + command[_HEADER_BYTES + 1 :]
        self._forget()
        if len(enveloped) > ENVELOPED_BYTES_MAX:
            return ResponseApdu(b"", StatusWord.WRONG_LENGTH).encode()
        if _is_whole(enveloped):
            return self._run(enveloped)
        self._enveloped = enveloped
        return ResponseApdu(b"", StatusWord.OK).encode()


def _length(command: bytes) -> int:
    """The one length of a command without data; 0, which is 256, where it is left out or means data."""
    return command[_HEADER_BYTES] if len(command) == _HEADER_BYTES + 1 else 0


def _announce(waiting: bytes) -> bytes:
    return ResponseApdu(b"", _MORE_DATA | min(len(waiting), SHORT_ANSWER_BYTES) & 0xFF).encode()


def _has_data(command: bytes) -> bool:
    try:
        return bool(CommandApdu.parse(command).data)
    except Fault:
        return False


def _is_whole(enveloped: bytes) -> bool:
    """Whether the data that the extended length announces have come."""
    if len(enveloped) < _EXTENDED_HEADER_BYTES:
        return False
    announced = int.from_bytes(enveloped[_EXTENDED_HEADER_BYTES - 2 : _EXTENDED_HEADER_BYTES], "big")
    return len(enveloped) >= _EXTENDED_HEADER_BYTES + announced


def contacts(card: Card, transmission: Transmission) -> T0Contacts | T1Contacts:
    """A card behind its contacts."""
    return T0Contacts(card) if transmission is Transmission.T0 else T1Contacts(card)
