"""Rates are published by two persons, reach the outbox of every card, and are a rule of the ledger (E-06)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import psycopg
import pytest

from tallystick.authority.deeds import must_be_decided_anywhere
from tallystick.authority.ledger.entry import Booked, NewEntry
from tallystick.authority.oversight.activity import queries as activity
from tallystick.authority.oversight.approvals import operations as approvals
from tallystick.authority.oversight.approvals.values import Person
from tallystick.authority.reference.commands import operations as commands
from tallystick.authority.reference.commands import queries as outbox
from tallystick.authority.reference.commands import tasks as teller
from tallystick.authority.reference.commands.tasks import CardRateTeller
from tallystick.authority.reference.rules import queries as rules
from tallystick.authority.reference.rules.values import TAX_RATES
from tallystick.authority.reference.taxrates import operations, queries
from tallystick.authority.reference.taxrates import queries as taxrates
from tallystick.kernel.algorithms import REGISTRY
from tallystick.kernel.faults import Fault
from tallystick.kernel.fixed_point import Rate
from tallystick.kernel.invoice import TaxCategoryType
from tallystick.kernel.tax_rates import TaxCategory, TaxRate, TaxRateGroup
from tallystick.ops.approved_deeds import do_approved
from tallystick.ops.national_rules import NationalRules
from tallystick.ops.schema.roles import INTAKE, PORTAL, as_role
from tallystick.wire.rule_change import write_tax_rates
from tallystick.wire.tax_rates import write_tax_rate_groups
from tallystick.wire.taxcore_api import CommandType

Connection = psycopg.Connection[Any]
NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)
VERA, OMAR = Person("vera", "portal"), Person("omar", "portal")
LAW = "law 17 of this year, article 3"
UIDS = [f"CARD000{number}" for number in range(5)]


def group(number: int, start: datetime, rate: str = "19") -> TaxRateGroup:
    return TaxRateGroup(
        start, number, (TaxCategory("VAT", TaxCategoryType.TAX_ON_NET, 1, (TaxRate("A", Rate.of(rate)),)),)
    )


OLD, NEW = group(1, NOW - 900 * DAY), group(2, NOW + 30 * DAY, "20.5")


@pytest.fixture
def officers(database: str) -> Iterator[Connection]:
    """As officers are served."""
    with psycopg.connect(as_role(database, PORTAL)) as conn:
        yield conn


@pytest.fixture
def worker(database: str) -> Iterator[Connection]:
    """As the worker is served, in a country whose first group is there."""
    with psycopg.connect(as_role(database, INTAKE)) as conn:
        operations.publish_group(conn, OLD)
        conn.commit()
        yield conn


def ask(conn: Connection, *groups: TaxRateGroup, despite: tuple[int, ...] = (), at: datetime = NOW) -> int:
    number, _ = operations.ask_to_publish(conn, groups, 5, despite, LAW, VERA, at)
    conn.commit()
    return number


def agreed(conn: Connection, number: int, at: datetime = NOW) -> None:
    must_be_decided_anywhere(conn, number)
    approvals.approve(conn, number, OMAR, at)
    conn.commit()


def test_e_06_two_persons_publish_and_the_ledger_is_told_who(officers: Connection, worker: Connection) -> None:
    number = ask(officers, OLD, NEW)
    assert do_approved(worker, NOW) == 0, "nobody has agreed yet"
    with pytest.raises(Fault, match="TS-4005"):
        approvals.approve(officers, number, VERA, NOW)
    officers.rollback()
    agreed(officers, number)
    assert do_approved(worker, NOW) == 1
    assert queries.current_groups(officers) == (OLD, NEW)
    assert {one: request for one, (_, request) in queries.publications(officers).items()} == {1: None, 2: number}
    (adopted,) = rules.history(officers, TAX_RATES)
    assert adopted.content == write_tax_rates([OLD, NEW])
    acts = [one.act for one in activity.newest(officers)]
    assert [(act.actor, act.verb, act.object) for act in acts[:2]] == [
        ("officer:omar", "rules.adopt", "tax-rates 1"),
        ("officer:omar", "taxrates.publish", "rates:2"),
    ]
    assert (acts[1].purpose, acts[1].facts["asked_by"]) == (LAW, "vera")
    assert do_approved(worker, NOW) == 0, "once"
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        operations.publish_group(officers, group(3, NOW + 40 * DAY))


def test_what_is_refused_is_not_asked_for(officers: Connection, worker: Connection) -> None:
    for code, groups, despite in (
        ("TS-2010", [attrs.evolve(NEW, categories=())], ()),
        ("TS-2010", [], ()),
        ("TS-2011", [attrs.evolve(NEW, group_id=1)], ()),
        ("TS-2011", [attrs.evolve(NEW, valid_from=NOW)], ()),
        ("TS-2011", [OLD], ()),
        ("TS-2011", [NEW], (1,)),
    ):
        with pytest.raises(Fault, match=code):
            operations.ask_to_publish(officers, groups, 5, despite, LAW, VERA, NOW)
    with pytest.raises(Fault, match="TS-1220"):
        operations.ask_to_publish(officers, [NEW], 5, (), "because", VERA, NOW)
    ask(officers, NEW)
    with pytest.raises(Fault, match="TS-4004"):
        ask(officers, group(3, NOW + 31 * DAY))


def test_an_approval_that_comes_too_late_publishes_nothing(officers: Connection, worker: Connection) -> None:
    """And holds nothing up behind it."""
    soon = attrs.evolve(NEW, valid_from=NOW + timedelta(hours=1))
    agreed(officers, ask(officers, soon), NOW + timedelta(hours=2))
    assert do_approved(worker, NOW + timedelta(hours=2)) == 1
    assert queries.current_groups(officers) == (OLD,)
    newest = activity.newest(officers, verb="taxrates.lapse")[0].act
    assert (newest.facts["code"], newest.actor) == ("TS-2011", "officer:omar")
    agreed(officers, ask(officers, NEW))
    assert do_approved(worker, NOW) == 1
    assert queries.current_groups(officers) == (OLD, NEW)

    number = ask(officers, group(4, NOW + 40 * DAY))
    operations.publish_group(worker, group(3, NOW + 50 * DAY))
    worker.commit()
    agreed(officers, number)
    assert do_approved(worker, NOW) == 1
    assert [one.group_id for one in queries.current_groups(officers)] == [1, 2, 3], "3 was published meanwhile"
    agreed(officers, ask(officers, group(4, NOW + 40 * DAY), despite=(3,)))
    assert do_approved(worker, NOW) == 1
    assert [one.group_id for one in queries.current_groups(officers)] == [1, 2, 3, 4]


def test_the_rule_never_goes_back_when_both_write_it_down(
    officers: Connection, worker: Connection, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The round of the worker reads the rates, and meanwhile two persons' deed publishes and adopts others."""
    rounds, read, waited = NationalRules(REGISTRY, _not_booked, lambda: NOW), taxrates.current_groups, list[bool]()
    with psycopg.connect(as_role(database, INTAKE)) as other:
        with pytest.raises(psycopg.OperationalError, match="away"):
            rounds.keep(other)
        other.rollback()
        agreed(officers, ask(officers, NEW))

        def overtaken(conn: Connection) -> tuple[TaxRateGroup, ...]:
            found = read(conn)
            if conn is other:
                worker.execute("SET LOCAL lock_timeout = '300ms'")
                try:
                    do_approved(worker, NOW)
                except psycopg.errors.LockNotAvailable:
                    waited.append(True)
                    worker.rollback()
            return found

        monkeypatch.setattr(taxrates, "current_groups", overtaken)
        with pytest.raises(psycopg.OperationalError, match="away"):
            rounds.keep(other)
    do_approved(worker, NOW)
    assert waited == [True]
    adoptions = [one.content for one in rules.history(officers, TAX_RATES)]
    assert adoptions == [write_tax_rates([OLD, NEW]), write_tax_rates([OLD])]


def _not_booked(entry: NewEntry) -> Booked:
    raise psycopg.OperationalError("the ledger is away")


def payloads(conn: Connection, uid: str) -> list[str]:
    return [one.payload for one in outbox.outstanding(conn, uid) if one.type is CommandType.SET_TAX_RATES]


def test_e_06_every_card_that_had_rates_gets_the_new_ones_once(
    worker: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(teller, "PAGE_DEVICES", 2)
    monkeypatch.setattr(teller, "PAGES_MOST", 2)
    before, now = write_tax_rate_groups([OLD]), write_tax_rate_groups([OLD, NEW])
    for uid in UIDS:
        number = commands.queue(worker, uid, CommandType.SET_TAX_RATES, before)
        commands.report(worker, uid, number, True)
    commands.queue(worker, "NEVERONE", CommandType.SET_TIME_SERVER_URL, "ntp.example")
    one = CardRateTeller()
    assert one.round(worker, before, NOW) == 0
    assert one.round(worker, now, NOW) == 4, "two pages a round"
    assert CardRateTeller().round(worker, now, NOW) == 1, "another worker goes on"
    assert one.round(worker, now, NOW) == 0
    assert [payloads(worker, uid) for uid in UIDS] == [[now]] * 5
    assert payloads(worker, "NEVERONE") == []
    commands.initialise(worker, UIDS[0], [(CommandType.SET_TAX_RATES, now)])
    assert payloads(worker, UIDS[0]) == [now], "one that is initialised now has it already"
    acts = [found.act.facts["given"] for found in activity.newest(worker, verb=teller.TELL)]
    assert acts == ["1", "2", "2"]
    commands.queue(worker, UIDS[1], CommandType.SET_TAX_RATES, before)
    worker.commit()
    assert one.round(worker, now, NOW + timedelta(minutes=1)) == 0
    assert one.round(worker, now, NOW + teller.PASS_EVERY) == 1, "initialised from an older view meanwhile"
    assert payloads(worker, UIDS[1]) == [now]
