"""The queue as it runs: the worker's duties follow the ledger and send; commands and the listener on loopback tell."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import attrs
import msgspec
import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from tax_bench import LiveService, TaxBench
from typer.testing import CliRunner

from tallystick.authority.oversight.activity import queries as activity
from tallystick.authority.reference.registry.operations import create_user
from tallystick.cli import app
from tallystick.ops.processes.context import Context
from tallystick.ops.processes.tax_queue import TaxQueueWork, serve_figures
from tallystick.ops.processes.worker import Duty, _repeat
from tallystick.ops.settings import Settings
from tallystick.ops.state_folder import StateFolder
from tallystick.simulation.tax_service import Manner

QUICK = 0.05


@contextmanager
def working(context: Context) -> Iterator[int]:
    """Both duties and the listener, as the worker's process runs them; gives the listener's port."""
    stopped = threading.Event()
    work, every = TaxQueueWork.of(context, stopped), timedelta(seconds=QUICK)
    duties = (Duty("tax queue", work.follow, every), Duty("tax service", work.deliver, every))
    threads = [threading.Thread(target=_repeat, args=(context, duty, stopped)) for duty in duties]
    with serve_figures(context) as port:
        for thread in threads:
            thread.start()
        yield port
        stopped.set()
        for thread in threads:
            thread.join(10)
    work.close()
    assert all(duty.failing_since is None for duty in duties)


@pytest.fixture
def context(bench: TaxBench, service: LiveService, tmp_path: Path) -> Context:
    """A worker's surroundings."""
    state = StateFolder.of(str(tmp_path / "state"))
    state.make()
    settings = Settings(
        state=str(state.root),
        database_url=bench.dsn,
        tax_service_url=service.server.url,
        tax_queue_port=0,
        tax_service_in_flight=2,
    )
    return Context(name="worker", settings=settings, state=state)


def states(port: int) -> dict[str, int]:
    """What the listener says."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/tax-service/v1/queue", timeout=5) as answer:
        told: dict[str, int] = json.load(answer)["states"]
    return {state: count for state, count in told.items() if count}


def wait_for(port: int, wanted: dict[str, int]) -> None:
    """Until the listener says so."""
    end = time.monotonic() + 20
    while (found := states(port)) != wanted:
        assert time.monotonic() < end, found
        time.sleep(0.02)


def command(context: Context, *arguments: str, fails: bool = False) -> str:
    """What a command prints, with its status as expected."""
    told = {"TALLYSTICK_DATABASE_URL": context.settings.database_url, "TALLYSTICK_STATE": context.settings.state}
    done = CliRunner().invoke(app, ["taxservice", *arguments], env=told)
    assert (done.exit_code != 0) == fails, done.output
    return done.output


def test_s1_007_the_worker_sends_and_command_and_listener_say_how_it_stands(
    bench: TaxBench, service: LiveService, context: Context
) -> None:
    with psycopg.connect(bench.dsn) as owner:
        create_user(owner, "vera", "!", "Officer Vera", "officer")
    bench.book(3)
    bad = bench.entries[1].act_hash.hex()
    service.inside.judge = lambda document: Manner.REFUSES if document.act == bad else None
    why = ("--officer", "vera", "--reason", "the register knows the taxpayer now")
    with working(context) as port:
        wait_for(port, {"accepted": 2, "rejected": 1})
        bench.book(1)
        wait_for(port, {"accepted": 3, "rejected": 1})
        shown = command(context, "status")
        assert "the tax service answered last at" in shown
        assert shown.splitlines()[-1].split() == ["all", "0", "0", "3", "1", "0", "0"]
        (line,) = command(context, "dead", "--type", "receipt").splitlines()
        assert line.split()[:3] == ["1", "rejected", "receipt"]
        assert line.endswith("T-100: The taxpayer is not in our register.")
        service.inside.judge = lambda document: None
        assert command(context, "resend", "1", *why) == "1 document is sent again\n"
        wait_for(port, {"accepted": 4})
    assert "TS-4003" in command(context, "resend", "1", *why, fails=True)
    acts = [one.act for one in activity.newest(bench.conn, limit=2)]
    assert [(act.verb, act.for_whom) for act in acts] == [("taxservice.resend", "100000001"), ("taxservice.read", "")]
    assert {act.actor.partition(":")[0] for act in acts} <= {"officer", "shell"}


def test_a_database_that_goes_away_stops_no_document(bench: TaxBench, service: LiveService, context: Context) -> None:
    """Every connection of the duties is cut while documents are under way; all of them arrive, each once."""
    bench.book(30)
    service.inside.manner, service.inside.slow_seconds = Manner.SLOW, 0.02
    with working(context) as port:
        while not service.store.count()[0]:
            time.sleep(0.01)
        with psycopg.connect(make_conninfo(bench.dsn), autocommit=True) as owner:
            owner.execute(
                """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                   WHERE datname = current_database() AND usename = 'tallystick_intake'"""
            )
        end = time.monotonic() + 20
        while service.store.count()[0] < 28:  # what was under way then waits for its time
            assert time.monotonic() < end, service.store.count()
            time.sleep(0.02)
        found = states(port)
    assert sum(found.values()) == 30
    assert set(found) <= {"accepted", "sent", "waiting"}


def test_without_an_address_documents_wait(bench: TaxBench, context: Context) -> None:
    off: Any = msgspec.structs.replace(context.settings, tax_service_url="")
    bench.book(2)
    with working(attrs.evolve(context, settings=off)) as port:
        wait_for(port, {"waiting": 2})
