"""What is known of a block of documents once it is opened: stretches of plain sales, and documents by themselves."""

from __future__ import annotations

import msgspec

from tallystick.kernel.sales_sum import SalesSum

STRETCH_MOST = 64
"""How many documents a stretch has at most: what goes to the sequencer in one frame."""


class Stretch(msgspec.Struct, array_like=True, tag="s", frozen=True, kw_only=True, gc=False):
    """Sales of one shift, one signer and one build that follow one another, with nothing wrong in themselves.

    Their signatures are good, their links join, their times do not go back; what they say agrees with itself and with
    the rates. Whether the device may have made them, here and now, is open. ``previous`` is the link before the first,
    ``link`` that of the last; times are Unix ms; ``appends`` are requests to the sequencer as they go on the wire.
    """

    signer: bytes
    first: int
    previous: bytes
    link: bytes
    first_ms: int
    earliest_ms: int
    latest_ms: int
    last_ms: int
    sales: SalesSum
    appends: list[bytes]

    @property
    def last(self) -> int:
        """The sequence number of the last."""
        return self.first + len(self.appends) - 1


class Single(msgspec.Struct, array_like=True, tag="d", frozen=True, gc=False):
    """A document that is judged by itself. ``code`` says what is wrong with its signature, if anything is.

    ``unknown`` is its signer where the certificate was not at hand.
    """

    code: str
    unknown: bytes = b""


Segment = Stretch | Single
