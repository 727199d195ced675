"""What is printed for a batch: visual data and PIN letters, in jobs that are confirmed page by page.

A job is made, printed, and confirmed with the number of pages that came out well; the rest goes into the next one. The
number of a job stands on its pages and means one file: where a module of it was spoilt meanwhile, the job ends without
a page and its other modules get a job of a new number. So what is confirmed is what was in the file. A letter can be
made anew until it is confirmed, and never after: the sealed PIN goes with the confirmation.
"""

from __future__ import annotations

from datetime import datetime

from tallystick.authority.oversight.activity import operations as activity
from tallystick.authority.oversight.activity.values import Act
from tallystick.authority.oversight.approvals.values import Person
from tallystick.authority.reference.production import batches, printing_store, store
from tallystick.authority.reference.production.moving import locked
from tallystick.authority.reference.production.values import PRINTED_AT_ONCE_MOST, Module, PrintJob, PrintKind
from tallystick.authority.room_queries import Connection
from tallystick.kernel.faults import Fault, FieldFault
from tallystick.kernel.reasons import read_reason


def make_job(conn: Connection, batch_id: int, kind: PrintKind, by: Person, at: datetime) -> PrintJob:
    """The next modules that lack this print. A job that was made and not confirmed is given again, the same.

    Raises ``TS-3065`` when nothing is left to print.
    """
    batches.must_be_open(conn, batch_id, locked=True)
    for job in printing_store.open_jobs(conn, batch_id):
        if job.kind is kind and (again := _again(conn, job, by, at)) is not None:
            return again
    modules = printing_store.to_print(conn, batch_id, kind, PRINTED_AT_ONCE_MOST)
    if not modules:
        raise Fault("TS-3065", detail=f"no module of this batch waits for its {kind}")
    return _made(conn, batch_id, kind, modules, by, at, "")


def _again(conn: Connection, job: PrintJob, by: Person, at: datetime) -> PrintJob | None:
    """The job as it is; or what is left of it, as a new one, where a module was spoilt; none where nothing is left."""
    left = [module.module_id for module in modules_of(conn, job) if module.spoilt_because is None]
    if len(left) == len(job.modules):
        _log(conn, "production.print-again", job, by, at, "")
        return job
    printing_store.done(conn, job, 0, at)
    _log(conn, "production.printed", job, by, at, "a module of it was spoilt", 0)
    return _made(conn, job.batch_id, job.kind, left, by, at, job.reason) if left else None


def reprint(
    conn: Connection, numbers: list[str], kind: PrintKind, reason: str, by: Person, at: datetime
) -> PrintJob:  # fmt: skip
    """Print the visual data of finished modules once more, for a reason.

    Raises ``TS-3066`` for letters (their PIN is gone), ``TS-4003``, ``TS-1220`` (reason), ``TS-3065`` (modules of
    several batches, or not printed yet).
    """
    if kind is PrintKind.LETTERS:
        raise Fault("TS-3066", detail="a PIN is printed once; the module is replaced")
    words = read_reason(reason)
    modules = [_of_number(conn, number) for number in numbers]
    if len({module.batch_id for module in modules}) != 1 or not all(one.is_visual_printed for one in modules):
        raise Fault("TS-3065", detail="only modules of one batch that were printed before are printed again")
    return _made(conn, modules[0].batch_id, kind, [one.module_id for one in modules], by, at, words)


def confirm(conn: Connection, job_id: int, printed: int | None, by: Person, at: datetime) -> PrintJob:
    """The first ``printed`` pages came out well, or all: what is behind them is printed with the next job.

    Raises ``TS-4003``, ``TS-3065`` (confirmed already) and ``TS-1220`` (more pages than there are).
    """
    job = printing_store.lock_job(conn, job_id)
    if job is None:
        raise Fault("TS-4003", detail="no such printing job")
    if job.is_done:
        raise Fault("TS-3065", detail="the job is confirmed already")
    pages = len(job.modules) if printed is None else printed
    if not 0 <= pages <= len(job.modules):
        raise Fault("TS-1220", detail=f"the job has {len(job.modules)} pages", fields=(FieldFault("/printed", "4"),))
    printing_store.done(conn, job, pages, at)
    _log(conn, "production.printed", job, by, at, "", pages)
    return job


def modules_of(conn: Connection, job: PrintJob) -> list[Module]:
    """The modules of a job in the order of the pages of its file."""
    found = [store.module(conn, module_id) for module_id in job.modules]
    return [module for module in found if module is not None]


def sealed_pins(conn: Connection, job: PrintJob) -> dict[int, bytes]:
    """The sealed PINs of a job of letters; raises ``TS-3066`` when one is gone."""
    pins = printing_store.sealed_pins(conn, [module.module_id for module in modules_of(conn, job)])
    gone = [module_id for module_id, sealed in pins.items() if sealed is None]
    if gone or job.kind is not PrintKind.LETTERS:
        raise Fault("TS-3066", detail="a letter of this job is printed already")
    return {module_id: sealed for module_id, sealed in pins.items() if sealed is not None}


def _of_number(conn: Connection, number: str) -> Module:
    module_id = store.module_by_number(conn, number)
    if module_id is None:
        raise Fault("TS-4003", detail="no module of that number")
    return locked(conn, module_id)


def _made(
    conn: Connection, batch_id: int, kind: PrintKind, modules: list[int], by: Person, at: datetime, reason: str
) -> PrintJob:
    job_id = printing_store.add_job(conn, batch_id, kind, modules, reason, by.username, at)
    if job_id is None:
        raise Fault("TS-3065", detail="another job of this kind waits for its confirmation")
    job = PrintJob(
        job_id=job_id,
        batch_id=batch_id,
        kind=kind,
        is_done=False,
        modules=tuple(modules),
        printed=None,
        reason=reason,
    )
    _log(conn, "production.print", job, by, at, reason)
    return job


def _log(
    conn: Connection, verb: str, job: PrintJob, by: Person, at: datetime, purpose: str, printed: int | None = None
) -> None:
    facts = {"batch": str(job.batch_id), "kind": job.kind.value, "pages": str(len(job.modules))}
    if printed is not None:
        facts["printed"] = str(printed)
    activity.record(
        conn, Act(at=at, actor=by.actor, verb=verb, object=f"print job {job.job_id}", purpose=purpose, facts=facts)
    )
