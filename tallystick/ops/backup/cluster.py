"""Lays a base backup and the fetched log into the folder of an embedded server, which then recovers by itself."""

from __future__ import annotations

import os
import shlex
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import attrs
import psycopg

from tallystick.kernel.faults import Fault
from tallystick.ops.backup import server_questions as questions
from tallystick.ops.backup.archived import segment_names
from tallystick.ops.backup.manifest import BackupManifest
from tallystick.ops.postgres import EmbeddedPostgres, PostgresError
from tallystick.ops.postgres.account import choose_account

_LOG = "archive"
_AUTO = "postgresql.auto.conf"
_START_SECONDS = 24 * 3600.0
_POLL_SECONDS = 0.05
_ACCESS = "local all all trust\nlocal replication all trust\n"


@attrs.frozen(slots=True, kw_only=True)
class Recovered:
    """How far the server came: the segment of the log in which it ended, the last transaction's time, and how long."""

    dsn: str
    segment: str
    last_at: datetime | None
    seconds: float


def lay_out(backup: Path, wal: Path, manifest: BackupManifest, target: Path, at: datetime | None) -> None:
    """Make ``target/data`` from a backup, whole or not at all; it recovers at its start, up to ``at`` or to the end.

    Raises ``TS-3185`` where there is a database already.
    """
    data = target / "data"
    if data.exists():
        raise Fault("TS-3185", detail=f"there is a database in {target}; move it away, and keep it")
    target.mkdir(parents=True, exist_ok=True)
    unfinished = target / "data.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    shutil.rmtree(target / _LOG, ignore_errors=True)
    shutil.copytree(backup / "postgres", unfinished, symlinks=True)
    archive = target / _LOG
    archive.mkdir(mode=0o700)
    for name in segment_names(wal):
        if name[8:] >= manifest.wal[8:]:
            whole = wal / name
            shutil.copyfile(whole if whole.exists() else wal / f"{name}.partial", archive / name)
    for history in wal.glob("*.history"):
        shutil.copyfile(history, archive / history.name)
    _configure(unfinished, archive, at)
    _give_away(target, unfinished, archive)
    unfinished.rename(data)


def _configure(data: Path, archive: Path, at: datetime | None) -> None:
    """Our own access rules: those of the server that was backed up may name what is not here."""
    (data / "pg_hba.conf").write_text(_ACCESS)
    for name in ("postgresql.conf", "pg_ident.conf"):
        (data / name).touch()
    for name in ("standby.signal", "postmaster.pid"):
        (data / name).unlink(missing_ok=True)
    (data / "recovery.signal").touch()
    place = shlex.quote(str(archive)).replace("%", "%%")
    wanted = {"restore_command": f'cp {place}/%f "%p"', "hot_standby": "off", "archive_mode": "off"}
    if at is not None:
        wanted |= {"recovery_target_time": at.isoformat(), "recovery_target_action": "promote"}
    _write_settings(data, wanted)


def _write_settings(data: Path, values: dict[str, str]) -> None:
    lines = (f"{name} = '{value.replace(chr(39), chr(39) * 2)}'\n" for name, value in values.items())
    (data / _AUTO).write_text("".join(lines))


def _give_away(target: Path, *folders: Path) -> None:
    """Root's server has an account of its own, which must own what it reads."""
    account = choose_account(target / "data")
    for folder in folders:
        folder.chmod(0o700)
        if account is None:
            continue
        for path in (folder, *folder.rglob("*")):
            os.chown(path, account.uid, account.gid, follow_symlinks=False)


@contextmanager
def recovered(target: Path, copies: Path, *, durable: bool) -> Iterator[Recovered]:
    """The server, started and out of its recovery; raises ``TS-3184`` when it does not get that far."""
    began = time.monotonic()
    server = EmbeddedPostgres(target, durable=durable, copies=copies, start_timeout_seconds=_START_SECONDS)
    try:
        dsn = server.start()
    except PostgresError as error:
        raise Fault("TS-3184", detail=_reason(target) or str(error)) from error
    try:
        with psycopg.connect(dsn, autocommit=True) as conn:
            while questions.recovering(conn):
                time.sleep(_POLL_SECONDS)
            segment, last_at = questions.replayed(conn)
        yield Recovered(dsn=dsn, segment=segment, last_at=last_at, seconds=time.monotonic() - began)
    finally:
        server.stop()


def settle(target: Path) -> None:
    """The recovery is over: what it was told is not left for the next start."""
    _write_settings(target / "data", {})
    shutil.rmtree(target / _LOG, ignore_errors=True)


def _reason(target: Path) -> str:
    """Why the server ended, as it says itself."""
    try:
        lines = (target / "server.log").read_text(errors="replace").splitlines()
    except OSError:
        return ""
    fatal = [line.partition("FATAL:")[2].strip() for line in lines if "FATAL:" in line and "not accepting" not in line]
    told = [one for one in fatal if "starting up" not in one]
    return told[-1] if told else ""
