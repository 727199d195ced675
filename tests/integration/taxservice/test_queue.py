"""The queue to the tax service: states, retries, a day without the service, wrong answers, persons, a fold again."""

from __future__ import annotations

import psycopg
import pytest
from tax_bench import OFFICER, WHY, ZONE, LiveService, TaxBench

from tallystick.authority.oversight.activity import queries as activity
from tallystick.authority.projections.taxservice import operations, queries
from tallystick.authority.projections.taxservice.breaker import FAILURES_TO_OPEN, TRIES_MOST
from tallystick.authority.projections.taxservice.kinds import DocumentKind
from tallystick.authority.projections.taxservice.values import State
from tallystick.kernel.faults import Fault
from tallystick.kernel.invoice import InvoiceType, TransactionType, document_type_code
from tallystick.ops.schema.roles import PORTAL, as_role
from tallystick.simulation.tax_service import Manner
from tallystick.wire.tax_service import TaxDocument, read_document

REFUND = document_type_code(InvoiceType.NORMAL, TransactionType.REFUND)
WRONG = (
    Manner.ERROR,
    Manner.GARBAGE,
    Manner.NONSENSE,
    Manner.WRONG_TYPE,
    Manner.OTHER_DOCUMENT,
    Manner.LOST,
    Manner.CUT,
    Manner.DOWN,
)


def test_s1_034_every_document_reaches_the_tax_service_with_its_exact_bytes(
    bench: TaxBench, service: LiveService
) -> None:
    bench.book(5)
    bench.book(2, "WXYZ9876", document_type=REFUND)
    assert bench.states() == {}
    assert bench.fold() == 7
    assert bench.states() == {State.WAITING: 7}
    assert bench.send(service.way, in_flight=1) == 7
    assert bench.states() == {State.ACCEPTED: 7}, bench.rows("SELECT reason FROM taxservice.item")
    kept = [read_document(content) for content in service.store.contents()]
    assert [told.act for told, _ in kept] == [entry.act_hash.hex() for entry in bench.entries], "in the ledger's order"
    for told, body in kept:
        (entry,) = (one for one in bench.entries if one.act_hash.hex() == told.act)
        assert (body, told.tin, told.premises, told.media_type) == (
            entry.body,
            entry.tin,
            entry.premises,
            entry.media_type,
        )
        assert told.fiscal_number == f"{entry.device[0]}-{entry.device[1]}-{entry.se_total}"
        assert (told.total, told.taxes["A"]) == (f"{entry.total / 10_000:.4f}", f"{(entry.total // 5) / 10_000:.4f}")


def test_an_item_is_noted_as_sent_before_it_is_sent(bench: TaxBench, service: LiveService) -> None:
    seen: list[tuple[object, ...]] = []

    def look(document: TaxDocument) -> None:
        seen.extend(bench.rows(f"SELECT state FROM taxservice.item WHERE log_index = {document.entry}"))

    bench.book(3)
    bench.fold()
    service.inside.judge = look
    bench.send(service.way)
    assert seen == [("sent",)] * 3


@pytest.mark.parametrize("manner", WRONG)
def test_a_wrong_answer_is_none_and_the_document_comes_again_under_its_key(
    bench: TaxBench, service: LiveService, manner: Manner
) -> None:
    bench.book(2)
    bench.fold()
    service.inside.manner = manner
    bench.send(service.way)
    assert bench.states() == {State.WAITING: 2}
    service.inside.manner = Manner.WELL
    assert bench.send(service.way) == 0, "not before its time"
    bench.later(seconds=3)
    bench.send(service.way)
    assert bench.states() == {State.ACCEPTED: 2}
    assert service.store.count()[0] == 2


def test_a_service_that_is_slow_or_away_is_trouble_and_nothing_is_lost(bench: TaxBench, service: LiveService) -> None:
    bench.book(2)
    bench.fold()
    service.inside.manner = Manner.SLOW
    service.seconds = 0.1
    bench.send(service.way)
    assert bench.states() == {State.WAITING: 2}
    service.server.stop()
    bench.later(minutes=1)
    bench.send(service.way)
    assert bench.states() == {State.WAITING: 2}
    service.server.start()
    service.seconds, service.inside.manner = 2.0, Manner.WELL
    bench.later(minutes=1)
    bench.send(service.way)
    assert bench.states() == {State.ACCEPTED: 2}


def test_a_rejected_document_is_a_dead_letter_with_the_services_reason(bench: TaxBench, service: LiveService) -> None:
    bench.book(3)
    bench.fold()
    bad = bench.entries[1].act_hash.hex()
    service.inside.judge = lambda document: Manner.REFUSES if document.act == bad else None
    bench.send(service.way)
    assert bench.states() == {State.ACCEPTED: 2, State.REJECTED: 1}
    (dead,) = bench.dead()
    assert (dead.log_index, dead.code, dead.reason) == (1, "T-100", "The taxpayer is not in our register.")
    bench.later(days=9)
    assert bench.send(service.way) == 0


def test_a_document_that_alone_brings_trouble_is_given_up_and_keeps_nobody(
    bench: TaxBench, service: LiveService
) -> None:
    bench.book(1)
    bench.fold()
    bad = bench.entries[0].act_hash.hex()
    service.inside.judge = lambda document: Manner.ERROR if document.act == bad else None
    for _ in range(TRIES_MOST):
        assert bench.states().get(State.GIVEN_UP, 0) == 0
        bench.book(1)
        bench.fold()
        bench.send(service.way)
        bench.later(hours=1, seconds=1)
    assert bench.states() == {State.GIVEN_UP: 1, State.ACCEPTED: TRIES_MOST}
    assert bench.dead()[0].tries == TRIES_MOST


def test_a_day_without_the_service_costs_no_document_a_try(bench: TaxBench, service: LiveService) -> None:
    service.server.stop()
    way, asked = service.way, 0
    for _ in range(24):
        bench.book(3)
        bench.fold()
        asked += bench.send(way)
        bench.later(hours=1)
    assert bench.states() == {State.WAITING: 72}
    standing = queries.standing(bench.conn).breaker
    bench.conn.commit()
    assert standing.is_open
    assert asked <= 24 + 2 * FAILURES_TO_OPEN, "one question at a time"
    assert max(tries for (tries,) in bench.rows("SELECT tries FROM taxservice.item")) <= FAILURES_TO_OPEN  # type: ignore[type-var,operator]
    service.server.start()
    bench.later(minutes=6)
    bench.send(way)
    assert bench.states() == {State.ACCEPTED: 72}
    assert service.store.count() == (72, 72)
    assert not queries.standing(bench.conn).breaker.is_open


def test_no_time_now_counts_against_nobody_and_is_heeded(bench: TaxBench, service: LiveService) -> None:
    bench.book(1)
    bench.fold()
    service.inside.manner = Manner.LATER
    for _ in range(TRIES_MOST + FAILURES_TO_OPEN):
        bench.send(service.way)
        bench.later(hours=1)
    assert bench.rows("SELECT state, tries FROM taxservice.item") == [("waiting", 0)]
    service.inside.manner = Manner.WELL
    bench.send(service.way)
    assert bench.states() == {State.ACCEPTED: 1}


def test_never_more_under_way_than_allowed(bench: TaxBench, service: LiveService) -> None:
    bench.book(12)
    bench.fold()
    service.inside.manner, service.inside.slow_seconds = Manner.SLOW, 0.05
    bench.send(service.way, in_flight=3)
    assert bench.states() == {State.ACCEPTED: 12}
    assert service.inside.most_under_way == 3


def test_a_person_sends_dead_letters_again_and_that_is_an_act(bench: TaxBench, service: LiveService) -> None:
    bench.book(2)
    bench.book(2, "WXYZ9876", document_type=REFUND)
    bench.fold()
    service.inside.manner = Manner.REFUSES
    bench.send(service.way)
    assert bench.states() == {State.REJECTED: 4}
    service.inside.manner = Manner.WELL
    assert bench.resend(entry=0) == 1
    assert bench.states() == {State.REJECTED: 3, State.RESENT: 1}
    assert bench.resend(kind=DocumentKind.REFUND) == 2
    bench.send(service.way)
    assert bench.states() == {State.REJECTED: 1, State.ACCEPTED: 3}
    newest = [one.act for one in activity.newest(bench.conn, limit=2)]
    assert [(act.verb, act.object, act.purpose, act.facts["count"]) for act in newest] == [
        ("taxservice.resend", "type refund", WHY, "2"),
        ("taxservice.resend", "entry 0", WHY, "1"),
    ]
    for named in ({"entry": 0}, {"entry": 77}, {"kind": DocumentKind.COPY}):
        with pytest.raises(Fault, match="TS-4003"):
            bench.resend(**named)
    with pytest.raises(Fault, match="TS-1220"):
        bench.resend()
    with psycopg.connect(as_role(bench.dsn, PORTAL)) as pages, pytest.raises(Fault, match="TS-1220"):
        operations.resend(pages, OFFICER, "short", bench.at, ZONE, log_index=1)


def test_a_resent_document_that_has_trouble_stays_a_resent_one(bench: TaxBench, service: LiveService) -> None:
    bench.book(1)
    bench.fold()
    service.inside.manner = Manner.REFUSES
    bench.send(service.way)
    bench.resend(entry=0)
    service.inside.manner = Manner.ERROR
    bench.send(service.way)
    assert bench.states() == {State.RESENT: 1}


def test_a_queue_that_is_thrown_away_comes_again_and_sends_nothing_that_was_accepted(
    bench: TaxBench, service: LiveService
) -> None:
    bench.book(6)
    bench.fold()
    bad = bench.entries[2].act_hash.hex()
    service.inside.judge = lambda document: Manner.REFUSES if document.act == bad else None
    bench.send(service.way)
    bench.book(3)
    bench.fold()
    days = bench.rows("SELECT * FROM taxservice.day")
    seen = bench.rows("SELECT * FROM taxservice.point_seen"), bench.rows("SELECT * FROM taxservice.register_seen")
    bench.throw_away()
    while bench.fold(2):
        pass
    assert bench.rows("SELECT * FROM taxservice.day") == days
    assert seen == (
        bench.rows("SELECT * FROM taxservice.point_seen"),
        bench.rows("SELECT * FROM taxservice.register_seen"),
    )
    assert bench.states() == {State.ACCEPTED: 5, State.WAITING: 4}, "what was refused is asked once more"
    bench.send(service.way)
    assert bench.states() == {State.ACCEPTED: 8, State.REJECTED: 1}
    assert set(service.store.acts().values()) == {1}


def test_without_its_receipts_too_nothing_is_sent_as_new(bench: TaxBench, service: LiveService) -> None:
    bench.book(4)
    bench.fold()
    bench.send(service.way)
    before = service.store.acts()
    bench.throw_away()
    bench.edit("TRUNCATE taxservice.receipt")
    bench.fold()
    assert bench.states() == {State.WAITING: 4}
    bench.send(service.way)
    assert bench.states() == {State.ACCEPTED: 4}
    assert list(service.store.acts()) == list(before)
    assert bench.rows("SELECT DISTINCT again FROM taxservice.receipt") == [(True,)]
