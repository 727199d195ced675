"""No benchmark hides another: one that breaks, cannot run, hangs or dies prints a line, and nothing stays behind."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from benchmarks.claim import Claim, unmeasured
from benchmarks.runner import BROKE, CANNOT_RUN, ENDED_WELL, Runner
from tallystick.ops.child_process import start_ticks, wait_until_gone

HEAD = "from benchmarks.claim import CannotRun, Claim\n\ndef run(full):\n"
FIRST = "    yield Claim('first', '1 ms', '2 ms', 0.5, '<= 1 x', True)\n"
FIRST_LINE = "first | 1 ms | 2 ms | 0.5 | <= 1 x | ok"


@pytest.fixture(autouse=True)
def _own_benchmarks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second folder of benchmarks beside ours, which the child finds, too."""
    (tmp_path / "benchmarks").mkdir()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


def run(folder: Path, body: str, seconds: float | None = 60) -> tuple[list[str], int]:
    (folder / "benchmarks" / "made_up.py").write_text(HEAD + body)
    return Runner("made_up", False, folder, seconds).run()


def test_claims_are_printed_as_they_come(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, FIRST) == ([FIRST_LINE], ENDED_WELL)
    assert capfd.readouterr().out == FIRST_LINE + "\n"


def test_what_breaks_says_so_beside_what_it_measured(tmp_path: Path) -> None:
    lines, ended = run(tmp_path, FIRST + "    raise ValueError('too\\nmany | bars')\n")
    assert lines == [FIRST_LINE, "made_up | broke: ValueError: too ... many / bars |  |  |  | MISS"]
    assert ended == BROKE


def test_what_cannot_be_imported_says_so(tmp_path: Path) -> None:
    (tmp_path / "benchmarks" / "made_up.py").write_text("import no_such_thing\n")
    lines, ended = Runner("made_up", False, tmp_path, 60).run()
    assert lines == ["made_up | broke: ModuleNotFoundError: No module named 'no_such_thing' |  |  |  | MISS"]
    assert ended == BROKE


def test_what_cannot_run_here_says_why(tmp_path: Path) -> None:
    lines, ended = run(tmp_path, "    raise CannotRun('no disk')\n    yield\n")
    assert (lines, ended) == (["made_up | cannot run: no disk |  |  |  | MISS"], CANNOT_RUN)


def test_what_dies_without_a_word_gets_a_line(tmp_path: Path) -> None:
    lines, ended = run(tmp_path, FIRST + "    import os; os.kill(os.getpid(), 9)\n")
    assert lines == [FIRST_LINE, "made_up | broke: its process ended with -9 |  |  |  | MISS"]
    assert ended != ENDED_WELL


@pytest.mark.soak
def test_what_hangs_is_stopped_with_its_processes_and_tidies_up(tmp_path: Path) -> None:
    body = (
        "    import subprocess, time\n"
        "    child = subprocess.Popen(['sleep', '600'])\n"
        f"    open({str(tmp_path / 'pid')!r}, 'w').write(str(child.pid))\n"
        "    try:\n        time.sleep(600)\n"
        f"    finally:\n        open({str(tmp_path / 'tidy')!r}, 'w').close()\n" + FIRST
    )
    started = time.monotonic()
    lines, ended = run(tmp_path, body, seconds=4)
    assert time.monotonic() - started < 60
    assert lines == ["made_up | stopped: it took longer than 4 s |  |  |  | MISS"]
    assert ended != ENDED_WELL
    assert (tmp_path / "tidy").exists()
    child = int((tmp_path / "pid").read_text())
    assert not wait_until_gone({child: start_ticks(child) or 0}, timeout_seconds=5)


def test_when_the_time_is_used_up_nothing_is_skipped_silently(tmp_path: Path) -> None:
    lines, ended = run(tmp_path, FIRST, seconds=0)
    assert lines == ["made_up | not run: the time of the short set is used up |  |  |  | MISS"]
    assert ended == CANNOT_RUN


def test_a_miss_is_never_hidden() -> None:
    missed = Claim("x", "3 s", "", None, "< 1 s", ok=False)
    assert missed.line().endswith("| MISS")
    assert unmeasured("x", "a\nb").endswith("| MISS")
