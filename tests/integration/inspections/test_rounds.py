"""A round of a detector: what is new is kept whatever becomes of the old, and one round is never too long."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from datetime import UTC, datetime, timedelta

import attrs
import pytest
from psycopg import Connection, connect

from tallystick.authority.projections.inspections import queries, tasks
from tallystick.authority.projections.inspections.detectors import deletion, manipulation
from tallystick.authority.projections.inspections.detectors.deletion import Deletion
from tallystick.authority.projections.inspections.detectors.manipulation import Manipulation
from tallystick.authority.projections.inspections.ports import WaitingAudit
from tallystick.authority.projections.inspections.reading import Pace
from tallystick.authority.projections.inspections.tasks import watch
from tallystick.authority.projections.inspections.values import CaseKind, CaseState, DetectorName, Evidence
from tallystick.kernel.inspections import InspectionLimits
from tallystick.ops.inspections import RegisteredSigners
from tallystick.ops.schema.roles import INTAKE, as_role

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@attrs.define
class Scripted:
    """Sees one thing of each matter that it is told; it may break down when it looks again."""

    matters: list[str]
    breaks: bool = False
    there: bool = True
    again: list[str] = attrs.Factory(list)
    name: DetectorName = DetectorName.DELETION

    def findings(self, conn: Connection, at: datetime) -> Iterator[Evidence]:
        yield from (Evidence(kind=CaseKind.ROWS_MISSING, matter=one, item="entry 1") for one in self.matters)

    def holds(self, conn: Connection, evidence: Evidence, at: datetime) -> bool:
        if self.breaks:
            raise TimeoutError("too slow")
        self.again.append(evidence.matter)
        return self.there


@pytest.fixture
def worker(database: str) -> Iterator[Connection]:
    with connect(as_role(database, INTAKE)) as conn:
        yield conn


def open_matters(worker: Connection) -> set[str]:
    return {case.matter for case in queries.cases(worker, state=CaseState.OPEN)}


def test_what_is_new_is_kept_although_looking_again_breaks_down(worker: Connection) -> None:
    watch(worker, Scripted(["first"]), AT)
    with pytest.raises(TimeoutError):
        watch(worker, Scripted(["second"], breaks=True), AT + timedelta(minutes=2))
    worker.rollback()
    assert open_matters(worker) == {"first", "second"}


def test_a_round_looks_again_at_a_bounded_number_and_the_next_goes_on(
    worker: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch(worker, Scripted(["first", "second", "third"]), AT)
    monkeypatch.setattr(tasks, "_COMPARED_MOST", 2)
    detector, later = Scripted([], there=False), AT + timedelta(minutes=2)
    assert watch(worker, detector, later).vanished == 2
    assert len(open_matters(worker)) == 1
    assert watch(worker, detector, later).vanished == 1
    assert sorted(detector.again) == ["first", "second", "third"]


def test_what_is_seen_again_is_not_written_again(worker: Connection) -> None:
    def written() -> object:
        return worker.execute("SELECT xmin::text FROM inspections.seen").fetchall()

    detector = Scripted(["first"])
    watch(worker, detector, AT)
    before = written()
    watch(worker, detector, AT)
    assert written() == before
    watch(worker, Scripted([], there=False), AT + timedelta(minutes=2))
    assert open_matters(worker) == set()


def test_whether_a_case_was_closed_is_asked_by_an_index(worker: Connection) -> None:
    worker.execute("SET LOCAL enable_seqscan = off")
    plan = worker.execute(
        "EXPLAIN SELECT 1 FROM inspections.case_file WHERE kind = 'a' AND matter = 'b' AND state = 'closed'"
    ).fetchall()
    assert "case_closed" in str(plan)


def test_a_pace_is_kept_and_a_backlog_puts_it_off_for_some_rounds_only() -> None:
    pace = Pace()
    asked = [pace.is_due(AT + timedelta(seconds=second), backlog=False) for second in range(21)]
    assert [second for second, due in enumerate(asked) if due] == [0, 10, 20]
    busy = Pace(put_off_most=5)
    asked = [busy.is_due(AT + timedelta(seconds=second), backlog=True) for second in range(30)]
    assert [second for second, due in enumerate(asked) if due] == [5, 20]
    assert [Pace().is_due(AT, backlog=True), Pace().put_off_most] == [False, 60]
    set_back = AT - timedelta(days=1)
    assert busy.is_due(set_back, backlog=False), "a clock that was set back stops nothing"


@attrs.define
class Nothing:
    """No audit waits and nothing is kept apart; counts how often it is asked."""

    asked: int = 0

    def waiting(self, conn: Connection) -> Sequence[WaitingAudit]:
        self.asked += 1
        return ()

    def ordinals(self, conn: Connection, signed_by: str, first: int, last: int) -> Set[int]:
        return set()


def test_what_does_not_follow_new_documents_is_looked_at_every_ten_seconds(
    worker: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    again: list[str] = []

    def span_again(conn: Connection, reader: str, most: int) -> tuple[int, int]:
        again.append(reader)
        return 0, 0

    monkeypatch.setattr(deletion, "span_again", span_again)
    monkeypatch.setattr(manipulation, "span_again", span_again)
    audits = Nothing()
    detectors = (Manipulation(RegisteredSigners()), Deletion(audits, audits, InspectionLimits()))
    for second in range(11):
        for detector in detectors:
            watch(worker, detector, AT + timedelta(seconds=second))
    assert (audits.asked, again) == (2, ["D-MAN again", "D-DEL again"] * 2)


def test_selling_goes_first_and_what_was_put_off_is_read_when_it_is_calm() -> None:
    pace = Pace(busy=100, quiet=1_000)
    sizes = [5_000, 5_100, 5_201, 7_000, 7_050, 7_050]
    assert [pace.most(size) for size in sizes] == [1_000, 1_000, 100, 100, 1_000, 1_000]
    assert pace.most(10) == 1_000, "a log that shrank"
