"""Background work of production: the tax service is told of each module until it says yes or no (S1-046)."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Protocol

from tallystick.authority.oversight.activity import operations as activity
from tallystick.authority.oversight.activity.values import Act
from tallystick.authority.oversight.approvals.values import Person
from tallystick.authority.reference.production import report_store
from tallystick.authority.reference.production.values import Report, ReportState
from tallystick.authority.room_queries import Connection
from tallystick.kernel.faults import Fault

log = logging.getLogger(__name__)

_FIRST_PAUSE = timedelta(seconds=10)
_LONGEST_PAUSE = timedelta(hours=1)
_ANSWER_CHARACTERS = 500


class NotNow(Exception):
    """The tax service could not be reached, or has no time: the same report is sent again later."""


class TaxService(Protocol):
    """Where reports go. The same report may come twice and means the same."""

    def tell(self, report: Report) -> str:
        """Hand a report over; gives its receipt. Raises ``TS-3067`` when it is refused for good, `NotNow`."""


def send_reports(conn: Connection, service: TaxService, now: datetime, most: int = 1_000) -> int:
    """Tell what is due, each in a transaction of its own; how many were decided. Of a module the oldest goes first."""
    decided = 0
    for _ in range(most):
        report = report_store.lock_due(conn, now)
        if report is None:
            break
        decided += _tell(conn, service, report, now)
        conn.commit()
    conn.commit()
    return decided


def _tell(conn: Connection, service: TaxService, report: Report, now: datetime) -> bool:
    try:
        receipt = service.tell(report)
    except NotNow as error:
        pause = min(_FIRST_PAUSE * 2 ** min(report.attempts, 20), _LONGEST_PAUSE)
        report_store.delay(conn, report.report_id, _words(str(error)), now + pause)
        return False
    except Fault as fault:
        report_store.decide(conn, report.report_id, ReportState.REFUSED, _words(str(fault)), now)
        log.warning("the tax service refuses a module: %s", fault, extra={"uid": report.number})
        return True
    report_store.decide(conn, report.report_id, ReportState.ACCEPTED, _words(receipt), now)
    return True


def _words(answer: str) -> str:
    """What is kept of an answer that somebody else wrote: no text of the database can hold a NUL."""
    return "".join(letter if letter.isprintable() else " " for letter in answer[:_ANSWER_CHARACTERS])


def repeat_report(conn: Connection, report_id: int, by: Person, now: datetime) -> None:
    """Send a refused report again, when the tax service has mended its side; raises ``TS-4003``."""
    if not report_store.repeat(conn, report_id, now):
        raise Fault("TS-4003", detail="no refused report of that number")
    act = Act(at=now, actor=by.actor, verb="production.report-again", object=f"report {report_id}")
    activity.record(conn, act)
