"""Background work of inspections: each detector looks by itself, in transactions of its own."""

from __future__ import annotations

import logging
from datetime import datetime

import attrs

from tallystick.authority.projections.inspections.detector import Detector
from tallystick.authority.projections.inspections.operations import find, look_again
from tallystick.authority.room_queries import Connection

log = logging.getLogger(__name__)
_CASES_AGAIN_MOST = 50
_COMPARED_MOST = 1_000


@attrs.frozen(slots=True)
class Round:
    """What one look of a detector brought: things seen, and cases that ended by themselves."""

    seen: int
    vanished: int


def watch(conn: Connection, detector: Detector, at: datetime) -> Round:
    """One look of one detector; what it found and how far it read are committed together.

    Open cases are looked at again afterwards, a transaction each and a bounded number a round: however much is wrong,
    and whatever goes wrong with one case, what is new is seen.
    """
    seen = find(conn, detector, at)
    conn.commit()
    vanished = compared = 0
    for _ in range(_CASES_AGAIN_MOST):
        again = look_again(conn, detector, at)
        conn.commit()
        if again is None:
            break
        vanished += again.vanished
        compared += again.compared
        if compared >= _COMPARED_MOST:
            break
    if seen or vanished:
        log.info("a detector has looked", extra={"detector": detector.name, "seen": seen, "vanished": vanished})
    return Round(seen, vanished)
