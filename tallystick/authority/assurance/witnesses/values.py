"""Policies in force, witnesses as they stand, and contradictions, as values."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

import attrs

from tallystick.wire.tlog_policy import Policy, PolicyWitness

LATE_AFTER = timedelta(seconds=60)
"""A witness that has not cosigned for so long raises an alarm (security 5.4)."""
SHOWN_LATE_AFTER = timedelta(minutes=15)
"""From then on the pages tell people."""


class Lateness(StrEnum):
    """How long a witness has been silent."""

    PROMPT = "prompt"
    LATE = "late"
    SILENT = "silent"


class Contradiction(StrEnum):
    """What is wrong with a signed head that somebody brought."""

    ANOTHER_ROOT = "another root"
    BEYOND_OUR_TREE = "beyond our tree"
    PROOF_REFUSED = "proof refused"


@attrs.frozen(slots=True)
class PolicyInForce:
    """The newest policy; ``content`` are the file's exact bytes."""

    version: int
    content: bytes
    taken_at: datetime
    policy: Policy


@attrs.frozen(slots=True)
class PolicyChange:
    """A policy that is not in the ledger yet."""

    version: int
    content: bytes
    reason: str
    asked_by: str
    approved_by: str
    taken_at: datetime


@attrs.frozen(slots=True)
class Standing:
    """Where a witness stands; ``trouble`` is why its last answer was none, empty when it was one."""

    size: int
    since: datetime
    cosigned_at: datetime | None
    trouble: str
    troubled_at: datetime | None

    def age(self, now: datetime) -> timedelta:
        """How long ago it cosigned, or began to be watched."""
        return now - (self.cosigned_at or self.since)

    def lateness(self, now: datetime) -> Lateness:
        """Whether it is late, and whether people are told."""
        age = self.age(now)
        if age > SHOWN_LATE_AFTER:
            return Lateness.SILENT
        return Lateness.LATE if age > LATE_AFTER else Lateness.PROMPT


@attrs.frozen(slots=True)
class WatchedBy:
    """A witness of the policy in force and where it stands."""

    witness: PolicyWitness
    standing: Standing


@attrs.frozen(slots=True, kw_only=True)
class Conflict:
    """Two heads that cannot both be true. ``ours`` and ``theirs`` are notes, or what a witness answered instead."""

    conflict_id: int
    found_at: datetime
    reported_by: str
    what: Contradiction
    tree_size: int
    ours: bytes
    theirs: bytes
    entry_index: int | None

    @property
    def ours_text(self) -> str:
        """For people."""
        return self.ours.decode("utf-8", "replace")

    @property
    def theirs_text(self) -> str:
        """For people."""
        return self.theirs.decode("utf-8", "replace")
