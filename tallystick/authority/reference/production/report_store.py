"""The SQL of reports to the tax service."""

from __future__ import annotations

from datetime import datetime

from tallystick.authority.reference.production.store import SQL
from tallystick.authority.reference.production.values import Report, ReportState
from tallystick.authority.room_queries import Connection, Row
from tallystick.kernel.identifiers import Uid


def add(conn: Connection, module_id: int, deed: str, body: bytes, at: datetime) -> None:
    """Something that the tax service will be told."""
    SQL.run(conn, "add_report", module_id=module_id, deed=deed, body=body, at=at)


def lock_due(conn: Connection, at: datetime) -> Report | None:
    """The next report, held until the transaction ends; of one module always the oldest first."""
    row = SQL.row(conn, "lock_due_report", at=at)
    return None if row is None else _report(row)


def decide(conn: Connection, report_id: int, state: ReportState, answer: str, at: datetime) -> None:
    """What the tax service said."""
    SQL.run(conn, "decide_report", report_id=report_id, state=state.value, answer=answer, at=at)


def delay(conn: Connection, report_id: int, answer: str, next_at: datetime) -> None:
    """It could not be told now."""
    SQL.run(conn, "delay_report", report_id=report_id, answer=answer, next_at=next_at)


def repeat(conn: Connection, report_id: int, at: datetime) -> bool:
    """Tell it again although it was refused; false when it was not."""
    return bool(SQL.run(conn, "repeat_report", report_id=report_id, at=at))


def of_module(conn: Connection, module_id: int) -> list[Report]:
    """Everything told about a module, the oldest first."""
    return [_report(row) for row in SQL.rows(conn, "reports_of_module", module_id=module_id)]


def counts(conn: Connection, batch_id: int) -> dict[ReportState, int]:
    """Reports of a batch by their state."""
    return {ReportState(state): count for state, count in SQL.rows(conn, "report_counts", batch_id=batch_id)}


def refused(conn: Connection, limit: int) -> list[Report]:
    """Reports that a person must look at."""
    return [_report(row) for row in SQL.rows(conn, "refused_reports", limit=limit)]


def _report(row: Row) -> Report:
    report_id, number, deed, body, state, attempts, answer = row
    return Report(
        report_id=report_id,
        number=Uid(number),
        deed=deed,
        body=bytes(body),
        state=ReportState(state),
        attempts=attempts,
        answer=answer,
    )
