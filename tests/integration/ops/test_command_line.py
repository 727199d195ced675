"""The command line as a user meets it: quick help, one sentence for what the user can put right, state in its place."""

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tallystick import __version__


@pytest.fixture
def state() -> Iterator[Path]:
    """A state folder that the database's account may pass, also when root runs the tests."""
    with tempfile.TemporaryDirectory(prefix="tallystick-test-") as folder:
        yield Path(folder)


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TALLYSTICK_")}
    return subprocess.run(
        [sys.executable, "-m", "tallystick", *arguments],
        env=kept | environment, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip


def test_help_is_quick() -> None:
    """Under 0.3 s of processor time; the wall clock of a busy machine says nothing."""
    seconds = []
    for _ in range(3):
        before = os.times()
        assert "Usage" in run("--help").stdout
        after = os.times()
        seconds.append(after.children_user + after.children_system - before.children_user - before.children_system)
    assert statistics.median(seconds) < 0.3


def test_version() -> None:
    assert run("--version").stdout == f"tallystick {__version__}\n"


def test_a_wrong_setting_is_one_sentence() -> None:
    done = run("state", "where", TALLYSTICK_PORTAL_PROT="1")
    assert done.returncode == 1
    assert done.stderr == "tallystick: the environment: there is no setting TALLYSTICK_PORTAL_PROT\n"


@pytest.mark.soak
def test_migrate_then_where_then_wipe(state: Path) -> None:
    folder = str(state)
    assert run("migrate", TALLYSTICK_STATE=folder).stdout == "the schema is up to date\n"
    assert run("migrate", TALLYSTICK_STATE=folder).stdout == "the schema is up to date\n"
    assert f"database  {state}/demo/postgres\n" in run("state", "where", TALLYSTICK_STATE=folder).stdout
    assert run("state", "stop", TALLYSTICK_STATE=folder).stdout == "nothing was running\n"
    assert f"removed {state}/demo\n" in run("state", "wipe", TALLYSTICK_STATE=folder).stdout
    assert not (state / "demo").exists()


def test_migrate_uses_a_server_that_exists(database: str, state: Path) -> None:
    assert run("migrate", TALLYSTICK_DATABASE_URL=database, TALLYSTICK_STATE=str(state)).returncode == 0
    assert list(state.iterdir()) == []


@pytest.mark.soak
def test_wipe_ends_a_server_that_a_killed_run_left(state: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path; from tallystick.ops.postgres import EmbeddedPostgres, server\n"
        "from tallystick.ops.state_folder import StateFolder\n"
        "server.die_with_parent = lambda *_: None\n"  # as on a system that does not tell children
        "state = StateFolder.of(sys.argv[1]); state.make()\n"
        "print(EmbeddedPostgres(state.postgres).start(), flush=True); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", program, state], check=False, capture_output=True, timeout=60)
    done = run("state", "wipe", TALLYSTICK_STATE=str(state))
    assert done.stdout.splitlines() == ["stopped", f"removed {state}/demo"]
