"""The one port to a secure element, whatever stands behind it: bytes in, bytes out; and how it can fail.

Each kind of failure has a code of the catalogue, which stands in the log line; a POS is told 1300 or 2220.
"""

from __future__ import annotations

from typing import ClassVar, Protocol


class CardUnavailable(Exception):
    """No card, no reader, no power, or a memory that failed: nothing can be said about the command that was sent."""

    code: ClassVar[str] = "TS-3110"

    def __str__(self) -> str:
        """The code and what happened."""
        return f"{self.code} {super().__str__()}"


class CardAnswerUnreadable(CardUnavailable):
    """An answer that is cut short, or is not what the instruction gives."""

    code = "TS-3111"


class CardLate(CardUnavailable):
    """No answer in time: the command may still be carried out."""

    code = "TS-3112"


class CardExchanged(CardUnavailable):
    """The card that answers is not the one that was read at the insertion, or was reset behind our back."""

    code = "TS-3113"


class CardInUse(CardUnavailable):
    """Another program holds the card."""

    code = "TS-3114"


class NoSuchReader(CardUnavailable):
    """No card reader of that name, more than one, or no PC/SC on this machine."""

    code = "TS-3116"


class TokenUnusable(CardUnavailable):
    """The client certificate or key of a card's PKI applet cannot be used."""

    code = "TS-3117"


class CardPort(Protocol):
    """A card in a reader, or a virtual one."""

    def transmit(self, apdu: bytes) -> bytes:
        """Send a command, give the answer with its status word; raises `CardUnavailable`."""
