"""How long what is kept beside the ledger stays: months by kind, a country's choice. The ledger is no kind here."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

import attrs


class RetainedKind(StrEnum):
    """What goes when its time is over. Each says from when its months are counted, and what goes."""

    REFUSED = "refused"
    """Files that were refused, from their last arrival: the whole row."""
    UPLOADS = "uploads"
    """What came by medium, from the upload on: names and verdicts; contents go when they are judged."""
    REQUESTS = "requests"
    """Request ids of the hosted signer, from their use: the whole row."""
    QUARANTINE = "quarantine"
    """Documents that were kept apart, from the decision on them: the body; number, hash and decision stay."""
    EVIDENCE = "evidence"
    """Second documents under one number, from their arrival: the body; number and hash stay."""
    SIGHTINGS = "sightings"
    """Codes that buyers showed and the ledger had not, from the last time: the whole row."""
    COMMANDS = "commands"
    """Deliveries to devices that were reported or superseded, from then on: all but the newest of a kind."""
    DELIVERIES = "deliveries"
    """Receipts that a buyer wanted to be sent, from the wish on: the buyer's address or number; the row stays."""
    SESSIONS = "sessions"
    """Sessions of the pages, from their end: the whole row."""
    HEADS = "heads"
    """Where offline registers said that they stand, from arrival on: all but the newest of a device."""
    PARTS = "parts"
    """Parts of batches, from arrival on: number and hash of a part; the batch with its receipt stays."""
    MATTERS = "matters"
    """What the offline channel found for inspectors, once a case was made of it: the whole row."""
    OUTAGES = "outages"
    """Silences of offline registers, from their end: the whole row."""
    REMOTE = "remote"
    """Commands to registers with their answers, once they are over: all but the newest of a kind; hashes stay."""


DEFAULT_MONTHS: Mapping[RetainedKind, int] = MappingProxyType(
    {
        RetainedKind.REFUSED: 3,
        RetainedKind.UPLOADS: 1,
        RetainedKind.REQUESTS: 2,
        RetainedKind.QUARANTINE: 60,
        RetainedKind.EVIDENCE: 120,
        RetainedKind.SIGHTINGS: 24,
        RetainedKind.COMMANDS: 12,
        RetainedKind.DELIVERIES: 1,
        RetainedKind.SESSIONS: 1,
        RetainedKind.HEADS: 6,
        RetainedKind.PARTS: 6,
        RetainedKind.MATTERS: 24,
        RetainedKind.OUTAGES: 36,
        RetainedKind.REMOTE: 24,
    }
)
"""What holds where a country pack says nothing."""
MONTHS_MOST = 600


@attrs.frozen(slots=True)
class RetentionRules:
    """A country's months by kind."""

    months: Mapping[RetainedKind, int] = DEFAULT_MONTHS

    def before(self, kind: RetainedKind, now: datetime) -> datetime:
        """What of that kind is older than this moment has had its time."""
        return months_before(now, self.months[kind])


def months_before(moment: datetime, months: int) -> datetime:
    """The same day and time so many calendar months earlier; the month's last day where it has no such day."""
    year, month = divmod(moment.year * 12 + moment.month - 1 - months, 12)
    return moment.replace(year=year, month=month + 1, day=min(moment.day, monthrange(year, month + 1)[1]))
