"""What cards have said of their own counters at audits, for whoever asks how old a document must be (K-05)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from tallystick.authority.projections.audit import store
from tallystick.authority.room_queries import Connection


class AuditedCounters:
    """Fits the intake's port ``CardCounters``: requests for proof of audit, signed and sealed by the card."""

    def counted_by(self, conn: Connection, uid: str, ordinal: int) -> datetime | None:
        """When a request first said that the card's counter had reached the ordinal; none when never."""
        return store.counted_by(conn, uid, ordinal)

    def chained_by(self, conn: Connection, uid: str, act_hash: bytes) -> datetime | None:
        """Nothing: documents of cards hold no hash of each other."""
        return None

    def chained(self, conn: Connection, uid: str) -> Mapping[bytes, datetime]:
        """Nothing, of any of them."""
        return {}

    def is_coming(self, conn: Connection, uid: str, first: int, last: int) -> bool:
        """Cards bring no batches."""
        return False
