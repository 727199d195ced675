"""What the booking of a batch works on: documents as they arrived, the batch they belong to, and how it ends."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

import attrs

from tallystick.authority.intake.national.values import Sender
from tallystick.kernel.offline_limits import Lateness


@attrs.frozen(slots=True)
class ArrivedPart:
    """A part's text as it came, documents one a line, and when it did."""

    text: bytes
    received_at: datetime


@attrs.frozen(slots=True, kw_only=True)
class OfflineBatch:
    """Who sent a batch. ``revoked``: its signer's certificate was revoked when the batch was closed (S0-064).

    ``lateness`` says which documents came beyond the limit (S0-032).
    """

    sender: Sender
    revoked: bool
    lateness: Lateness


@attrs.define(slots=True)
class Tally:
    """What became of a batch's documents. ``booked`` counts all that are in the ledger, ``flagged`` those with codes.

    ``refused`` are documents that nobody can show to be signed by the device, ``doubled`` those whose place another
    one has. ``amounts`` are sums of sales under a code, in ten-thousandths.
    """

    documents: int = 0
    booked: int = 0
    flagged: int = 0
    apart: int = 0
    refused: int = 0
    doubled: int = 0
    first_index: int | None = None
    last_index: int | None = None
    codes: Counter[str] = attrs.field(factory=Counter)
    amounts: Counter[str] = attrs.field(factory=Counter)

    def book(self, index: int, flags: tuple[str, ...]) -> None:
        """A document is in the ledger, by this batch or before."""
        self.booked += 1
        self.flagged += bool(flags)
        self.codes.update(flags)
        self.first_index = index if self.first_index is None else min(self.first_index, index)
        self.last_index = index if self.last_index is None else max(self.last_index, index)
