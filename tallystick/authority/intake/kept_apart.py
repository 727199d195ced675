"""The intake's quarantine and evidence as other rooms ask for them, which do not know the intake."""

from __future__ import annotations

from collections.abc import Set

from tallystick.authority.intake import queries
from tallystick.authority.room_queries import Connection


class QuarantineAndEvidence:
    """What is neither booked nor missing; fits the audit room's port ``KeptApart``."""

    def ordinals(self, conn: Connection, signed_by: str, first: int, last: int) -> Set[int]:
        """Ordinals that are kept, but not booked."""
        return queries.kept_ordinals(conn, signed_by, first, last)

    def turnover(self, conn: Connection, signed_by: str, first: int, last: int) -> int:
        """What they add to the card's unaudited sum."""
        return queries.kept_turnover(conn, signed_by, first, last)
