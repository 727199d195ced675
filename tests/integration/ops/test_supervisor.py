"""The supervisor with real processes: readiness, restart, order of stopping, and what a kill leaves behind."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tallystick.ops.child_process import start_ticks
from tallystick.ops.run_records import AlreadyRunning, RunRecord, end_recorded, stop_run, write_record
from tallystick.ops.supervisor import ChildFailed, ChildSpec, Supervisor, ready_by_file, ready_by_url

SLEEPER = "import sys, time; from pathlib import Path; Path(sys.argv[1]).touch(); time.sleep(60)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEPER}"
HEALTHY = (
    "import sys, time; from pathlib import Path; from tallystick.ops.health import HealthListener\n"
    "HealthListener('child', {}, port=0, announce=Path(sys.argv[1])).start(); time.sleep(60)"
)
SUPERVISING = """
import sys, time
from pathlib import Path
from tallystick.ops.supervisor import ChildSpec, Supervisor, ready_by_file, stop_flag
folder = Path(sys.argv[1])
stop = stop_flag()
with Supervisor(folder) as supervisor:
    child = "import sys, time; from pathlib import Path; Path(sys.argv[1]).touch(); time.sleep(60)"
    supervisor.start(ChildSpec(name="child", argv=[sys.executable, "-c", child, str(folder / "up")],
                               log_file=folder / "child.log", ready=ready_by_file(folder / "up")))
    print(supervisor.pid("child"), flush=True)
    supervisor.run_until(stop)
print("ended", flush=True)
"""


def spec(folder: Path, name: str, program: str = SLEEPER, **more: float) -> ChildSpec:
    up = folder / f"{name}.up"
    return ChildSpec(
        name=name, argv=[sys.executable, "-c", program, str(up)], log_file=folder / f"{name}.log",
        ready=ready_by_file(up), **more,  # type: ignore[arg-type]
    )  # fmt: skip


def wait_for(condition: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def test_children_start_in_order_and_stop_in_reverse(tmp_path: Path) -> None:
    events: list[tuple[str, str]] = []
    with Supervisor(tmp_path, on_event=lambda name, event: events.append((name, event))) as supervisor:
        supervisor.start(spec(tmp_path, "first"))
        supervisor.start(spec(tmp_path, "second"))
        pids = [supervisor.pid("first"), supervisor.pid("second")]
    assert events == [
        ("first", "started"), ("first", "ready"), ("second", "started"), ("second", "ready"),
        ("second", "stopped"), ("first", "stopped"),
    ]  # fmt: skip
    assert [start_ticks(pid) for pid in pids] == [None, None]
    assert list(tmp_path.glob("*.pid")) == []


def test_a_child_that_dies_is_started_anew_after_its_pause(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as supervisor:
        supervisor.start(spec(tmp_path, "child"))
        first = supervisor.pid("child")
        os.kill(first, signal.SIGKILL)
        deadline = time.monotonic() + 10
        supervisor.run_until(lambda: supervisor.restarts("child") == 1 or time.monotonic() > deadline)
        assert supervisor.restarts("child") == 1
        assert supervisor.pid("child") != first


def test_readiness_by_url_follows_the_announced_port(tmp_path: Path) -> None:
    announce = tmp_path / "child.port"
    child = ChildSpec(
        name="child", argv=[sys.executable, "-c", HEALTHY, str(announce)], log_file=tmp_path / "log",
        ready=ready_by_url(announce),
    )  # fmt: skip
    with Supervisor(tmp_path) as supervisor:
        supervisor.start(child)
        assert ready_by_url(announce)()
    assert not ready_by_url(announce)()


def test_a_child_that_ends_before_it_is_ready_says_why(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as supervisor, pytest.raises(ChildFailed, match="no disk today"):
        supervisor.start(spec(tmp_path, "child", "raise SystemExit('no disk today')"))


def test_a_child_that_is_never_ready_fails_and_is_stopped(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as supervisor:
        with pytest.raises(ChildFailed, match="not ready after"):
            supervisor.start(spec(tmp_path, "child", "import time; time.sleep(60)", ready_timeout_seconds=0.3))
        pid = supervisor.pid("child")
    assert start_ticks(pid) is None


def test_a_child_that_will_not_end_is_killed(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as supervisor:
        supervisor.start(spec(tmp_path, "child", STUBBORN, stop_seconds=0.3))
        pid = supervisor.pid("child")
    assert start_ticks(pid) is None


def test_two_supervisors_do_not_share_a_folder(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as first:
        first.start(spec(tmp_path, "child"))
        with pytest.raises(AlreadyRunning, match=str(os.getpid())), Supervisor(tmp_path):
            pass
        assert start_ticks(first.pid("child")) is not None


@pytest.fixture
def supervising(tmp_path: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen([sys.executable, "-c", SUPERVISING, tmp_path], stdout=subprocess.PIPE, text=True)


def test_sigterm_ends_everything_cleanly(tmp_path: Path, supervising: "subprocess.Popen[str]") -> None:
    with supervising:
        assert supervising.stdout
        child = int(supervising.stdout.readline())
        assert stop_run(tmp_path) is True
        assert supervising.stdout.read() == "ended\n"
        assert supervising.wait(10) == 0
    assert start_ticks(child) is None
    assert stop_run(tmp_path) is False


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_children_die_with_a_killed_supervisor(supervising: "subprocess.Popen[str]") -> None:
    with supervising:
        assert supervising.stdout
        child = int(supervising.stdout.readline())
        supervising.kill()
        supervising.wait()
    wait_for(lambda: start_ticks(child) is None)


def test_leftovers_of_a_killed_run_are_found_and_ended_and_strangers_spared(tmp_path: Path) -> None:
    left = subprocess.Popen([sys.executable, "-c", STUBBORN, str(tmp_path / "up")])
    stranger = subprocess.Popen([sys.executable, "-c", SLEEPER, str(tmp_path / "up2")])
    try:
        wait_for((tmp_path / "up").exists)
        write_record(tmp_path, RunRecord.of("left", left.pid))
        record = RunRecord.of("reused", stranger.pid)
        write_record(tmp_path, RunRecord("reused", record.pid, record.ticks - 1, record.boot))
        write_record(tmp_path, RunRecord("old boot", record.pid, record.ticks, "another boot"))
        (tmp_path / "broken.pid").write_text(json.dumps([1, 2]))
        assert end_recorded(tmp_path, patience_seconds=0.3) == ["left"]
        assert left.wait(5) == -signal.SIGKILL
        assert stranger.poll() is None
        assert list(tmp_path.glob("*.pid")) == []
    finally:
        for process in (left, stranger):
            process.kill()
            process.wait()
