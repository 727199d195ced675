"""Background work of inspections: each detector looks by itself, in a transaction of its own."""

from __future__ import annotations

import logging
from datetime import datetime

from tallystick.authority.projections.inspections.detector import Detector
from tallystick.authority.projections.inspections.operations import Round, look
from tallystick.authority.room_queries import Connection

log = logging.getLogger(__name__)


def watch(conn: Connection, detector: Detector, at: datetime) -> Round:
    """One look of one detector; what it found and how far it read are committed together."""
    found = look(conn, detector, at)
    conn.commit()
    if found.seen or found.vanished:
        log.info(
            "a detector has looked", extra={"detector": detector.name, "seen": found.seen, "vanished": found.vanished}
        )
    return found
