"""What may be asked about batches and modules."""

from __future__ import annotations

from tallystick.authority.oversight.approvals import queries as approvals
from tallystick.authority.reference.production import printing_store, report_store, store
from tallystick.authority.reference.production.batches import OPEN_DEED
from tallystick.authority.reference.production.lifecycle import State
from tallystick.authority.reference.production.values import Batch, Counts, Module, PrintJob, Report, ReportState
from tallystick.authority.room_queries import Connection

_ALL = 1_000_000


def batch(conn: Connection, batch_id: int) -> Batch | None:
    """One batch."""
    return store.batch(conn, batch_id)


def batches(conn: Connection, limit: int = 100) -> list[Batch]:
    """The newest first."""
    return store.batches(conn, limit)


def reasons(conn: Connection) -> dict[int, str]:
    """Why batches were asked for, by the number of their request."""
    return {one.request_id: one.reason for one in approvals.newest(conn, deeds=(OPEN_DEED,))}


def counts(conn: Connection, batch_id: int) -> Counts:
    """What became of the blanks of a batch."""
    return store.counts(conn, batch_id)


def lines_to_make(conn: Connection, batch_id: int) -> list[int]:
    """Lines of the order that have no finished module."""
    return store.lines_to_make(conn, batch_id)


def modules(
    conn: Connection, batch_id: int, state: State | None = None, *, limit: int = _ALL, skip: int = 0
) -> list[Module]:
    """Modules of a batch, all or those in one state, by their line."""
    return store.modules(conn, batch_id, state, limit, skip)


def module(conn: Connection, module_id: int) -> Module | None:
    """One module."""
    return store.module(conn, module_id)


def module_by_number(conn: Connection, number: str) -> Module | None:
    """The module of that number."""
    module_id = store.module_by_number(conn, number)
    return None if module_id is None else store.module(conn, module_id)


def reports_of_module(conn: Connection, module_id: int) -> list[Report]:
    """What the tax service was told about a module."""
    return report_store.of_module(conn, module_id)


def report_counts(conn: Connection, batch_id: int) -> dict[ReportState, int]:
    """Reports about the modules of a batch by their state."""
    return report_store.counts(conn, batch_id)


def refused_reports(conn: Connection, limit: int = 100) -> list[Report]:
    """Reports that the tax service refused: a person must look."""
    return report_store.refused(conn, limit)


def open_jobs(conn: Connection, batch_id: int) -> list[PrintJob]:
    """Printing jobs that wait for their confirmation."""
    return printing_store.open_jobs(conn, batch_id)
