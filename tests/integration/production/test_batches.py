"""Two persons open a batch, and only counts that add up close it (TS-3009)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import attrs
import psycopg
import pytest
from cards import NOW
from production_bench import OMAR, VERA, ProductionBench, TestBox, order

from tallystick.authority.oversight.approvals import operations as approvals
from tallystick.authority.oversight.approvals.values import Person
from tallystick.authority.reference.production import batches, custody, making, printing
from tallystick.authority.reference.production.lifecycle import State
from tallystick.authority.reference.production.tasks import send_reports
from tallystick.authority.reference.production.values import Batch, BatchState, PrintKind, Report
from tallystick.kernel.faults import Fault
from tallystick.ops.production.run import make_line


class Heard:
    """A tax service that takes everything."""

    def tell(self, report: Report) -> str:
        return f"heard {report.number}"


def refused(code: str, work: Any) -> str:
    with pytest.raises(Fault) as caught:
        work()
    assert caught.value.code == code
    return caught.value.detail


def make(bench: ProductionBench, box: TestBox, batch: Batch) -> None:
    with bench.station() as station:
        for line in range(1, batch.ordered + 1):
            make_line(station, box, batch.batch_id, line)


def finish(bench: ProductionBench, batch: Batch) -> None:
    """Print, tell, store."""
    print_everything(bench, batch)
    with bench.station() as station:
        send_reports(station.conn, Heard(), NOW)
    bench.do(lambda conn: custody.put_in_stock(conn, batch.batch_id, VERA, NOW))


def print_everything(bench: ProductionBench, batch: Batch) -> None:
    """Both kinds, confirmed."""
    for kind in PrintKind:
        job = bench.do(lambda conn, kind=kind: printing.make_job(conn, batch.batch_id, kind, VERA, NOW))  # type: ignore[misc]
        bench.do(lambda conn, job=job: printing.confirm(conn, job.job_id, None, VERA, NOW))  # type: ignore[misc]


def close(bench: ProductionBench, batch: Batch, *, left: int, spoilt: int) -> Any:
    return bench.do(lambda conn: batches.close(conn, batch.batch_id, left=left, spoilt=spoilt, by=OMAR, at=NOW))


def test_a_batch_is_opened_by_a_second_person_only(bench: ProductionBench, box: TestBox) -> None:
    batch = bench.ask(2, blanks=3)
    assert batch.state is BatchState.ASKED
    with bench.station() as station:
        refused("TS-3064", lambda: station.take(batch.batch_id, 1))
    for same in (VERA, Person("vera", "shell:root")):
        refused("TS-4005", lambda same=same: bench.do(lambda conn: batches.approve(conn, batch.batch_id, same, NOW)))
    opened = bench.do(lambda conn: batches.approve(conn, batch.batch_id, OMAR, NOW))
    assert (opened.state, opened.opened_by) == (BatchState.OPEN, "omar")
    refused("TS-4007", lambda: bench.do(lambda conn: batches.approve(conn, batch.batch_id, OMAR, NOW)))
    verbs = "SELECT array_agg(verb ORDER BY seq) FROM activity.entry"
    assert bench.value(verbs) == ["approvals.ask", "approvals.approve", "approvals.done", "production.open-batch"]


def test_two_names_from_one_shell_are_one_person(bench: ProductionBench) -> None:
    batch = bench.ask(by=Person("vera", "shell:root"))
    other = Person("omar", "shell:root")
    refused("TS-4005", lambda: bench.do(lambda conn: batches.approve(conn, batch.batch_id, other, NOW)))


def test_what_was_agreed_to_is_what_is_opened(bench: ProductionBench) -> None:
    batch = bench.ask(1, blanks=2)
    with psycopg.connect(bench.dsn) as conn, pytest.raises(psycopg.errors.CheckViolation):
        conn.execute("UPDATE production.batch SET blanks = 9")
    with psycopg.connect(bench.dsn) as conn:
        conn.execute("SET session_replication_role = replica")
        conn.execute("UPDATE production.batch SET blanks = 9")
    refused("TS-3064", lambda: bench.do(lambda conn: batches.approve(conn, batch.batch_id, OMAR, NOW)))
    assert bench.value("SELECT state FROM production.batch") == "asked"


def test_a_batch_that_does_not_wait_is_not_opened_although_its_request_does(bench: ProductionBench) -> None:
    """The table itself was changed behind the room: nothing is opened, and the request still waits."""
    batch = bench.ask(1, blanks=2)
    with psycopg.connect(bench.dsn) as conn:
        conn.execute("SET session_replication_role = replica")
        conn.execute("UPDATE production.batch SET state = 'refused'")
    refused("TS-4007", lambda: bench.do(lambda conn: batches.approve(conn, batch.batch_id, OMAR, NOW)))
    assert bench.value("SELECT state FROM approvals.request") == "pending"


def test_a_refused_batch_is_never_opened(bench: ProductionBench) -> None:
    batch = bench.ask()
    bench.do(lambda conn: batches.refuse(conn, batch.batch_id, OMAR, NOW))
    refused("TS-4007", lambda: bench.do(lambda conn: batches.approve(conn, batch.batch_id, OMAR, NOW)))


@pytest.mark.parametrize("name", ["tom", "nobody"])
def test_only_operators_officers_and_service_centres_make_modules(bench: ProductionBench, name: str) -> None:
    refused("TS-4003", lambda: bench.do(lambda conn: batches.person(conn, name, "portal")))


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("TS-1220", {"years": 2}),
        ("TS-1220", {"years": 6}),
        ("TS-1220", {"blanks": 1, "count": 2}),
        ("TS-1220", {"reason": "short"}),
        ("TS-4003", {"profile": "none"}),
        ("TS-3068", {"data": order(1).replace(b"1000000", b"9000000")}),
        ("TS-3068", {"data": b"tin\n1"}),
    ],
)
def test_s2_024_a_wrong_order_is_refused_and_leaves_nothing(
    bench: ProductionBench, code: str, changes: dict[str, Any]
) -> None:
    refused(code, lambda: bench.ask(**changes))
    assert bench.value("SELECT count(*) FROM production.batch") == 0


def test_one_order_has_one_batch_that_was_not_refused(bench: ProductionBench) -> None:
    batch = bench.ask(2)
    refused("TS-3064", lambda: bench.ask(2, blanks=5))
    bench.do(lambda conn: batches.refuse(conn, batch.batch_id, VERA, NOW))
    again = bench.ask(2, blanks=5)
    assert again.state is BatchState.ASKED
    refused("TS-3064", lambda: bench.ask(2, blanks=6))
    bench.do(lambda conn: batches.approve(conn, again.batch_id, OMAR, NOW))
    refused("TS-4007", lambda: bench.do(lambda conn: batches.refuse(conn, again.batch_id, OMAR, NOW)))
    refused("TS-3064", lambda: bench.ask(2, blanks=6))


@pytest.mark.parametrize("became", ["late", "expired", "refused", "approved"])
def test_a_batch_whose_request_is_no_longer_open_can_be_refused_and_asked_for_anew(
    bench: ProductionBench, became: str
) -> None:
    batch = bench.ask()
    assert batch.request_id is not None
    number, later = batch.request_id, NOW + timedelta(hours=25)
    if became == "refused":
        bench.do(lambda conn: approvals.refuse(conn, number, OMAR, NOW))
    elif became == "approved":
        bench.do(lambda conn: approvals.approve(conn, number, OMAR, NOW))
    elif became == "expired":
        with psycopg.connect(bench.dsn) as conn:
            conn.execute("UPDATE approvals.request SET state = 'expired'")
    refused("TS-4007", lambda: bench.do(lambda conn: batches.approve(conn, batch.batch_id, OMAR, later)))
    bench.do(lambda conn: batches.refuse(conn, batch.batch_id, OMAR, later))
    refused("TS-4007", lambda: bench.do(lambda conn: batches.refuse(conn, batch.batch_id, OMAR, later)))
    anew = bench.ask(at=later)
    assert bench.do(lambda conn: batches.approve(conn, anew.batch_id, OMAR, later)).state is BatchState.OPEN


def test_ts_3009_a_batch_closes_only_when_everything_adds_up(bench: ProductionBench, box: TestBox) -> None:
    batch = bench.open(2, blanks=4)
    assert "0 good of 2 ordered" in refused("TS-3009", lambda: close(bench, batch, left=4, spoilt=0))
    with bench.station() as station:
        spoilt = station.take(batch.batch_id, 1)
        assert "1 half made" in refused("TS-3009", lambda: close(bench, batch, left=3, spoilt=0))
        station.spoil(spoilt, Fault("TS-3062", detail="tried"))
    make(bench, box, batch)
    assert "2 not in stock yet" in refused("TS-3009", lambda: close(bench, batch, left=1, spoilt=1))
    finish(bench, batch)
    assert "it should be 1 of 4" in refused("TS-3009", lambda: close(bench, batch, left=2, spoilt=1))
    assert "1 are recorded" in refused("TS-3009", lambda: close(bench, batch, left=1, spoilt=0))
    assert bench.value("SELECT state FROM production.batch") == "open"
    counts = close(bench, batch, left=1, spoilt=1)
    assert (counts.good, counts.spoilt, counts.taken) == (2, 1, 3)
    assert bench.value("SELECT state FROM production.batch") == "closed"
    refused("TS-3064", lambda: close(bench, batch, left=1, spoilt=1))


def test_a_batch_of_wrong_counts_cannot_be_closed_by_the_database_either(bench: ProductionBench) -> None:
    bench.open(2, blanks=4)
    statement = """UPDATE production.batch SET state = 'closed', closed_at = now(), closed_by = 'omar',
        counted_good = 2, counted_spoilt = 1, counted_left = 2"""
    with psycopg.connect(bench.dsn) as conn, pytest.raises(psycopg.errors.CheckViolation):
        conn.execute(statement)


def test_the_last_blank_is_the_last(bench: ProductionBench) -> None:
    batch = bench.open(1, blanks=1)
    with bench.station() as station:
        station.spoil(station.take(batch.batch_id, 1), Fault("TS-3062", detail="tried"))
        assert "all 1 blanks are used up" in refused("TS-3009", lambda: station.take(batch.batch_id, 1))


def test_two_runs_of_one_batch_are_one_too_many(bench: ProductionBench) -> None:
    batch = bench.open()

    def run(conn: psycopg.Connection[Any], batch_id: int) -> None:
        with batches.held_run(conn, batch_id):
            pass

    with bench.station() as station:
        with batches.held_run(station.conn, batch.batch_id):
            refused("TS-3064", lambda: bench.do(lambda conn: run(conn, batch.batch_id)))
            bench.do(lambda conn: run(conn, batch.batch_id + 1))
        bench.do(lambda conn: run(conn, batch.batch_id))


def test_s1_046_nothing_goes_into_stock_that_both_sides_do_not_know(bench: ProductionBench, box: TestBox) -> None:
    batch = bench.open()
    make(bench, box, batch)
    with bench.station() as station:
        registered = station.conn.execute("SELECT count(*) FROM registry.secure_element").fetchone()
    assert registered == (1,)
    print_everything(bench, batch)
    refused("TS-3063", lambda: bench.do(lambda conn: custody.put_in_stock(conn, batch.batch_id, VERA, NOW)))
    with bench.station() as station:
        send_reports(station.conn, Heard(), NOW)
    assert bench.do(lambda conn: custody.put_in_stock(conn, batch.batch_id, VERA, NOW)) == 1
    (module,) = bench.modules(batch)
    assert module.state is State.STOCK


def test_s1_043_a_number_is_never_given_twice(bench: ProductionBench) -> None:
    batch = bench.open(2)
    numbers = iter(["AAAA1111", "AAAA1111", "BBBB2222"])
    given = []
    with bench.station() as station:
        for line in (1, 2):
            module = station.take(batch.batch_id, line)
            with psycopg.connect(bench.dsn) as conn:
                conn.execute("UPDATE production.module SET state = 'installed' WHERE state = 'blank'")
            installed = attrs.evolve(module, state=State.INSTALLED)
            given.append(making.number(station.conn, installed, NOW, lambda: next(numbers)))
            station.conn.commit()
        assert making.number(station.conn, given[0], NOW, lambda: next(numbers)) == given[0]
    assert [module.number for module in bench.modules(batch)] == ["AAAA1111", "BBBB2222"]
    with psycopg.connect(bench.dsn) as conn:
        for statement in ("UPDATE production.number SET number = 'CCCC3333'", "DELETE FROM production.number"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), conn.transaction():
                conn.execute(statement.encode())
