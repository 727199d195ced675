"""A sender that is killed between its note and the answer: nothing is lost, and nothing is sent as new twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tax_bench import LiveService, TaxBench

from tallystick.authority.projections.taxservice.values import State

_CHILD = """
import os
import sys
from urllib.parse import urlsplit

from tax_bench import tax_bench

from tallystick.ops.tax_service import TaxServiceAddress

dsn, url, step = sys.argv[1:]


class Dying(TaxServiceAddress):
    def tell(self, document):
        if step == "before":
            os.kill(os.getpid(), 9)
        answer = super().tell(document)
        assert step == "after", answer
        os.kill(os.getpid(), 9)


with tax_bench(dsn) as bench:
    bench.send(Dying(urlsplit(url), 2.0), in_flight=1)
"""


def _die(bench: TaxBench, service: LiveService, step: str) -> int:
    support = Path(__file__).parents[2] / "support"
    environment = dict(os.environ, PYTHONPATH=f"{support}{os.pathsep}{support.parent.parent}")
    argv = [sys.executable, "-c", _CHILD, bench.dsn, service.server.url, step]
    return subprocess.run(argv, env=environment, timeout=60, check=False).returncode


@pytest.mark.parametrize(("step", "received"), [("before", 0), ("after", 1)])
def test_a_kill_between_note_and_answer_loses_and_doubles_nothing(
    bench: TaxBench, service: LiveService, step: str, received: int
) -> None:
    bench.book(3)
    bench.fold()
    assert _die(bench, service, step) == -signal.SIGKILL
    assert service.store.count() == (received, received)
    assert bench.states() == {State.SENT: 3}, "the notes outlive the sender"
    assert bench.send(service.way) == 0, "they may still be under way"
    bench.later(seconds=19)
    bench.send(service.way)
    assert bench.states() == {State.ACCEPTED: 3}
    assert service.store.count() == (3, 3 + received)
    again = bench.rows("SELECT again FROM taxservice.receipt ORDER BY log_index")
    assert again == [(bool(received),), (False,), (False,)]


def test_an_answer_that_comes_too_late_decides_nothing_but_that_it_is_there(
    bench: TaxBench, service: LiveService
) -> None:
    """Another sending has begun since: a refusal of the first one is not its own, an acceptance is."""
    from tallystick.authority.projections.taxservice import store

    bench.book(2)
    bench.fold()
    first = store.claim(bench.conn, bench.at, bench.at, 2)
    second = store.claim(bench.conn, bench.at, bench.at, 2)
    assert [one.attempt for one in (*first, *second)] == [1, 1, 2, 2]
    refused = {"tries": 0, "next_at": None, "code": "T-1", "reason": "no"}
    assert not store.decide(bench.conn, first[0], State.REJECTED, bench.at, **refused)  # type: ignore[arg-type]
    assert store.decide(bench.conn, second[0], State.REJECTED, bench.at, **refused)  # type: ignore[arg-type]
    (moved,) = store.accept(bench.conn, [(first[1].log_index, bench.at, False, "TA-1")])
    assert moved.before is State.SENT
    assert store.accept(bench.conn, [(first[1].log_index, bench.at, False, "TA-1")]) == []
    bench.conn.commit()
