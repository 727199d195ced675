"""Background work of uploads: one round of judging."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime

import psycopg

from tallystick.authority.channels.sdc.uploads import store
from tallystick.authority.channels.sdc.uploads.judging import (
    BATCH_BYTES,
    BATCH_FILES,
    JudgingServices,
    judge_other,
    judge_packages,
    pause,
    write_verdicts,
)
from tallystick.authority.channels.sdc.uploads.values import FileKind, Verdict, WaitingFile
from tallystick.authority.room_queries import Connection

log = logging.getLogger(__name__)


def judge_due(
    conn: Connection, services: JudgingServices, runner: asyncio.Runner, clock: Callable[[], datetime]
) -> int:
    """Judge the files that are due, a batch at most; returns how many. Commits by itself.

    No transaction is open while the pipeline works. Two workers on one file do no harm: both get the same answer.
    """
    now = clock()
    files = store.due_files(conn, now, BATCH_FILES, BATCH_BYTES)
    conn.commit()
    packages = [file for file in files if file.kind is FileKind.PACKAGE]
    if packages:
        verdicts = runner.run(judge_packages(services, packages, now))
        write_verdicts(conn, list(zip(packages, verdicts, strict=True)), clock())
        conn.commit()
        return len(packages)  # what else is due may rest on packages that are due as well
    for file in files:
        write_verdicts(conn, [(file, _judge_other(conn, services, file, now))], clock())
        conn.commit()
    return len(files)


def _judge_other(conn: Connection, services: JudgingServices, file: WaitingFile, now: datetime) -> Verdict:
    """A bug of ours lets the file wait, so that it does not hold up the others."""
    try:
        with conn.transaction():
            return judge_other(conn, services, file, now)
    except (psycopg.Error, OSError):
        raise
    except Exception:
        log.exception("an uploaded file could not be judged", extra={"upload": str(file.upload_id)})
        return Verdict(code="TS-5099", again_at=now + pause(file.attempts))


def is_anything_due(conn: Connection, now: datetime) -> bool:
    """Whether there is something to judge."""
    return bool(store.due_files(conn, now, 1, 1))
