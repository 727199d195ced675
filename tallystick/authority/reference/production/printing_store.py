"""The SQL of printing: jobs, and what they leave behind on the modules."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from tallystick.authority.reference.production.store import SQL
from tallystick.authority.reference.production.values import PrintJob, PrintKind
from tallystick.authority.room_queries import Connection, Row


def to_print(conn: Connection, batch_id: int, kind: PrintKind, most: int) -> list[int]:
    """Recorded modules of a batch that lack this print, by their line."""
    return [number for (number,) in SQL.rows(conn, "to_print", batch_id=batch_id, kind=kind.value, most=most)]


def add_job(
    conn: Connection, batch_id: int, kind: PrintKind, modules: Sequence[int], reason: str, by: str, at: datetime
) -> int | None:
    """A new job; none while another of this kind is on the printer."""
    row = SQL.row(
        conn, "add_job", batch_id=batch_id, kind=kind.value, modules=list(modules), reason=reason, made_by=by, at=at
    )
    return None if row is None else int(row[0])


def lock_job(conn: Connection, job_id: int) -> PrintJob | None:
    """One job, held until the transaction ends."""
    row = SQL.row(conn, "lock_job", job_id=job_id)
    return None if row is None else _job(row)


def open_jobs(conn: Connection, batch_id: int) -> list[PrintJob]:
    """Jobs that nobody has confirmed yet."""
    return [_job(row) for row in SQL.rows(conn, "open_jobs", batch_id=batch_id)]


def done(conn: Connection, job: PrintJob, printed: int, at: datetime) -> None:
    """The first ``printed`` pages came out well; a printed letter leaves no PIN behind."""
    SQL.run(conn, "done_job", job_id=job.job_id, printed=printed, at=at)
    name = "note_visual" if job.kind is PrintKind.VISUAL else "note_letters"
    SQL.run(conn, name, modules=list(job.modules[:printed]), at=at)


def sealed_pins(conn: Connection, modules: Sequence[int]) -> dict[int, bytes | None]:
    """The sealed PIN of each module; none once its letter is printed."""
    found = SQL.rows(conn, "sealed_pins", modules=list(modules))
    return {module_id: None if sealed is None else bytes(sealed) for module_id, sealed in found}


def _job(row: Row) -> PrintJob:
    job_id, batch_id, kind, is_done, modules, printed, reason = row
    return PrintJob(
        job_id=job_id,
        batch_id=batch_id,
        kind=PrintKind(kind),
        is_done=is_done,
        modules=tuple(modules),
        printed=printed,
        reason=reason,
    )
