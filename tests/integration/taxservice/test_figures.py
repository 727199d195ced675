"""Figures of S1-036 to S1-041 against a count of everything, whatever happens in whatever order; and their API."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from http import HTTPStatus
from typing import Any

import attrs
import psycopg
from described import Described
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tax_bench import START, ZONE, TaxBench

from tallystick.authority.problems import Problems
from tallystick.authority.projections.taxservice import queries
from tallystick.authority.projections.taxservice.api import QueueServices, build_app
from tallystick.authority.projections.taxservice.kinds import DocumentKind, kind_of
from tallystick.authority.projections.taxservice.queries import Span
from tallystick.authority.projections.taxservice.tasks import follow
from tallystick.authority.projections.taxservice.values import Accepted, DayFigures, Rejected, State, Trouble
from tallystick.kernel.instants import EPOCH
from tallystick.ops.schema.roles import PORTAL, as_role
from tallystick.wire.openapi_tax_queue import tax_queue_api
from tallystick.wire.record import Record, read_record
from tallystick.wire.tax_service import TaxDocument

TYPES = (0x0100, 0x0101, 0x0110, 0x0140, 0x0201)
PLACES = (("ABCD1234", "shop 1"), ("ABCD1234", "shop 2"), ("WXYZ9876", "shop 1"), ("QRST5555", ""))


@attrs.define
class Whims:
    """A service that does what was drawn; the rest of the queue is real."""

    outcomes: list[str]
    longest: timedelta = timedelta(seconds=2)

    def tell(self, document: TaxDocument) -> Accepted | Rejected | Trouble:
        """The next whim."""
        match self.outcomes.pop() if self.outcomes else "accept":
            case "reject":
                return Rejected("T-1", "no")
            case "trouble":
                return Trouble("nobody there")
        return Accepted("TA-1")

    def close(self) -> None:
        """Nothing is open."""


deeds = st.one_of(
    st.tuples(st.just("book"), st.sampled_from(PLACES), st.sampled_from(TYPES), st.integers(1, 3)),
    st.tuples(st.just("fold"), st.integers(1, 5)),
    st.tuples(st.just("send"), st.lists(st.sampled_from(("accept", "reject", "trouble")), max_size=6)),
    st.tuples(st.just("later"), st.sampled_from((1, 59, 3_600, 20_000, 90_000))),
    st.tuples(st.just("resend"), st.sampled_from((DocumentKind.RECEIPT, DocumentKind.OTHER))),
    st.tuples(st.just("throw away")),
)


@example(
    [("book", PLACES[0], 0x0100, 3), ("fold", 5), ("send", ["reject", "reject"]), ("resend", DocumentKind.RECEIPT)]
)
@example([("book", PLACES[3], 0x0201, 2), ("fold", 5), ("send", ["reject"]), ("later", 90_000), ("throw away",)])
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(deeds, min_size=8, max_size=30))
def test_s1_036_to_041_figures_are_those_of_a_count_of_everything(bench: TaxBench, told: list[tuple[Any, ...]]) -> None:
    bench.at = START
    bench.empty()
    for deed in told:
        act(bench, deed)
    while bench.fold(7):
        pass
    _compare(bench)


def act(bench: TaxBench, deed: tuple[Any, ...]) -> None:
    """Do what was drawn."""
    match deed:
        case ("book", (uid, premises), document_type, count):
            bench.book(count, uid, premises=premises, document_type=document_type)
        case ("fold", most):
            bench.fold(most)
        case ("send", outcomes):
            bench.send(Whims(list(outcomes)), in_flight=2)
        case ("later", seconds):
            bench.later(seconds=seconds)
        case ("resend", kind):
            if any(one.kind is kind for one in bench.dead()):
                bench.resend(kind=kind)
        case ("throw away",):
            bench.throw_away()


@attrs.frozen
class Seen:
    """One document, as the tables hold it in the end."""

    record: Record
    state: State
    accepted_at: datetime | None

    @property
    def booked_at(self) -> datetime:
        """When it came."""
        return EPOCH + timedelta(milliseconds=int(self.record.received_at))

    @property
    def day(self) -> date:
        """On which day of the authority."""
        return self.booked_at.astimezone(ZONE).date()


def everything(bench: TaxBench) -> list[Seen]:
    rows = bench.rows(
        """SELECT r.record, i.state, a.accepted_at FROM ledger.records r
           LEFT JOIN taxservice.item i USING (log_index) LEFT JOIN taxservice.receipt a USING (log_index)"""
    )
    return [Seen(read_record(record), State(state or "accepted"), at) for record, state, at in rows]  # type: ignore[arg-type]


def _compare(bench: TaxBench) -> None:
    seen = everything(bench)
    assert all((one.state is State.ACCEPTED) == (one.accepted_at is not None) for one in seen)
    assert _counted(bench, Span.ALL) == Counter((kind_of(int(one.record.type)), one.state) for one in seen)
    since = queries.types(bench.conn, Span.SIX_HOURS, bench.at).since
    assert since is not None
    assert timedelta(hours=6) <= bench.at - since < timedelta(hours=6, minutes=1)
    recent = [one for one in seen if one.booked_at >= since]
    assert _counted(bench, Span.SIX_HOURS) == Counter((kind_of(int(one.record.type)), one.state) for one in recent)
    today = bench.at.astimezone(ZONE).date()
    shown = queries.days(bench.conn, bench.at, ZONE)
    bench.conn.commit()
    assert [one.day for one in shown] == [today - timedelta(days=ago) for ago in (6, 5, 4, 3, 2, 1, 0)]
    for day in shown:
        assert day == _day(day.day, [one for one in seen if one.day == day.day])


def _counted(bench: TaxBench, span: Span) -> Counter[tuple[DocumentKind, State]]:
    found = queries.types(bench.conn, span, bench.at)
    bench.conn.commit()
    return Counter({(one.kind, state): count for one in found.types for state, count in one.states.items()})


def _day(day: date, seen: list[Seen]) -> DayFigures:
    waits = [one.accepted_at - one.booked_at for one in seen if one.accepted_at is not None]
    return DayFigures(
        day=day,
        operations=len(seen),
        registers=len({one.record.device.partition("-")[0] for one in seen}),
        points=len({(one.record.taxpayer, one.record.premises) for one in seen}),
        accepted=len(waits),
        accepted_ms=sum(wait // timedelta(milliseconds=1) for wait in waits),
    )


def test_minutes_that_nobody_asks_for_go(bench: TaxBench) -> None:
    bench.book(2)
    follow(bench.conn, ZONE, bench.clock)
    bench.later(hours=25, minutes=1)
    bench.send(Whims([]))
    bench.book(1)
    follow(bench.conn, ZONE, bench.clock)
    assert bench.rows("SELECT state, items FROM taxservice.minute") == [("waiting", 1)]
    assert bench.states() == {State.ACCEPTED: 2, State.WAITING: 1}
    bench.throw_away()
    bench.fold()
    assert bench.rows("SELECT state, items FROM taxservice.minute") == [("waiting", 1)], "old ones are not made anew"


def test_averages_are_rounded_to_the_nearest_and_none_of_nothing() -> None:
    assert queries.average(7, 2) == 4
    assert queries.average(1, 3, 2) == 33
    assert queries.average(0, 0) is None


def asked(bench: TaxBench, path: str, *, host: str = "127.0.0.1:9430", method: str = "GET") -> tuple[int, Any]:
    """What the API answers."""

    @contextmanager
    def connect() -> Iterator[psycopg.Connection[Any]]:
        with psycopg.connect(as_role(bench.dsn, PORTAL), autocommit=True) as conn:
            yield conn

    services = QueueServices(
        connect=connect, clock=bench.clock, zone=ZONE, problems=Problems("fdo.example", bench.clock)
    )
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request", "body": b""}

    where, _, query = path.partition("?")
    scope: dict[str, Any] = {
        "type": "http",
        "method": method,
        "path": where,
        "query_string": query.encode(),
        "headers": [(b"host", host.encode())],
    }

    async def ask() -> None:
        await build_app(services)(scope, receive, send)

    asyncio.run(ask())
    assert dict(sent[0]["headers"])[b"content-type"] in (b"application/json", b"application/problem+json")
    return sent[0]["status"], json.loads(sent[1]["body"] or b"null")


def checked(bench: TaxBench, path: str, schema: str) -> Any:
    """An answer that is as it is described."""
    status, told = asked(bench, f"/tax-service/v1/{path}")
    assert status == HTTPStatus.OK, told
    Described(tax_queue_api()).validate({"$ref": f"#/components/schemas/{schema}"}, told)
    return told


def test_s1_036_to_041_the_api_answers_as_it_is_described(bench: TaxBench) -> None:
    bench.later(days=-1)
    bench.book(3)
    bench.fold()
    bench.later(days=1)
    bench.book(2, "QRST5555", document_type=0x0101)
    bench.fold()
    bench.send(Whims(["accept", "accept", "accept", "accept", "reject"]), in_flight=1)
    all_of_them = checked(bench, "types", "Types")
    assert (all_of_them["documents"], all_of_them["states"]["accepted"], all_of_them["since"]) == (5, 4, None)
    assert [(one["type"], one["documents"]) for one in all_of_them["types"]] == [("receipt", 3), ("refund", 2)]
    assert checked(bench, "types?span=six-hours", "Types")["documents"] == 2
    assert [one["operations"] for one in checked(bench, "operations", "Operations")["days"]] == [0, 0, 0, 0, 0, 3, 2]
    times = checked(bench, "times", "Times")
    assert times["days"][5] == {"day": "2026-11-26", "accepted": 2, "averageMilliseconds": 86_400_000}
    assert times["averageMilliseconds"] == 43_200_000
    registers = checked(bench, "registers", "Registers")
    assert (registers["average"], registers["days"][6]["registers"]) == (0.29, 1)
    points = checked(bench, "points", "Points")
    assert (points["average"], points["days"][5]["average"], points["days"][0]["average"]) == (2.5, 3.0, None)
    queue = checked(bench, "queue", "Queue")
    assert (queue["states"]["rejected"], queue["entriesBehind"], queue["service"]["away"]) == (1, 0, False)


def test_the_api_refuses_what_it_does_not_know_and_foreign_hosts(bench: TaxBench) -> None:
    for path, more, code in (
        ("types?span=ever", {}, "TS-1220"),
        ("types?span=all&span=all", {}, "TS-1220"),
        ("types?span=", {}, "TS-1220"),
        ("types?Span=six-hours", {}, "TS-1220"),
        ("days?span=all", {}, "TS-1001"),
        ("times?span=six-hours", {}, "TS-1220"),
        ("dead", {}, "TS-1001"),
        ("queue", {"method": "POST"}, "TS-1001"),
        ("queue", {"host": "evil.example"}, "TS-1001"),
        ("queue", {"host": ""}, "TS-1001"),
        ("queue", {"host": "127.0.0.1.evil.example:9430"}, "TS-1001"),
    ):
        status, told = asked(bench, f"/tax-service/v1/{path}", **more)
        assert (status >= HTTPStatus.BAD_REQUEST, told["code"]) == (True, code), path
    for host in ("localhost", "LOCALHOST:9430", "[::1]:9430"):
        assert asked(bench, "/openapi.json", host=host)[0] == HTTPStatus.OK
