"""What is neither booked nor missing: a port that operations fill, for this room does not know the intake."""

from __future__ import annotations

from collections.abc import Set
from typing import Protocol

from tallystick.authority.room_queries import Connection


class KeptApart(Protocol):
    """What is neither booked nor missing: the intake's quarantine and evidence."""

    def ordinals(self, conn: Connection, signed_by: str, first: int, last: int) -> Set[int]:
        """Ordinals with an entry of kind 04 or 05."""

    def turnover(self, conn: Connection, signed_by: str, first: int, last: int) -> int:
        """What the quarantined ones add to the card's unaudited sum."""
