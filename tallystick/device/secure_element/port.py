"""The one port to a secure element, whatever stands behind it: bytes in, bytes out."""

from __future__ import annotations

from typing import Protocol


class CardUnavailable(Exception):
    """No card, no reader, no power, or a memory that failed: nothing can be said about the command that was sent."""


class CardInUse(CardUnavailable):
    """Another program holds the card."""


class CardPort(Protocol):
    """A card in a reader, or a virtual one."""

    def transmit(self, apdu: bytes) -> bytes:
        """Send a command, give the answer with its status word; raises `CardUnavailable`."""
