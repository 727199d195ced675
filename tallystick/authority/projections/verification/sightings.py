"""A buyer shows a document that was signed and that the ledger has not, or has otherwise: somebody may want to know.

Only for codes that carry their own good signature; a short code proves nothing until the ledger confirms it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from tallystick.authority.projections.verification.check import SignedFacts, State, Verdict
from tallystick.authority.projections.verification.national_check import NationalVerdict

_WORTH_TELLING = frozenset({State.PENDING, State.MISMATCH})


class Sightings(Protocol):
    """Who keeps sightings; a port, for this room does not know who asks for them. Must not raise."""

    def note(self, facts: SignedFacts) -> None:
        """Keep one."""

    def note_receipt(self, verdict: NationalVerdict) -> datetime | None:
        """Keep one of a national receipt; when its code was shown first, where that is known."""


class _Nobody:
    def note(self, facts: SignedFacts) -> None:
        """Nobody asks."""

    def note_receipt(self, verdict: NationalVerdict) -> datetime | None:
        """Nobody asks."""


NOBODY_TOLD: Sightings = _Nobody()


def tell(sightings: Sightings, verdict: Verdict) -> None:
    """Tell of a verdict that says: signed, and not in the ledger."""
    if verdict.facts is not None and verdict.state in _WORTH_TELLING:
        sightings.note(verdict.facts)
