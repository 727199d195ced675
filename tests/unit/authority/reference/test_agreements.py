"""Agreements: concluded once, ended never in the past, and an act each (S1-021, S1-022)."""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest
from cards import NOW
from connected_bench import ANNA, conclude, fresh_tin
from pki_bench import PkiBench, refused

from tallystick.authority.oversight.activity import queries as activity
from tallystick.authority.reference.agreements import operations, queries
from tallystick.authority.reference.registry import queries as registry
from tallystick.ops.schema.roles import INTAKE, PORTAL, as_role

WHY = "the shop is closed for good"
LATER = NOW + timedelta(days=30)


def test_s1_021_an_agreement_is_concluded_once_and_stays(bench: PkiBench) -> None:
    tin, other = fresh_tin(bench), fresh_tin(bench)
    number = conclude(bench, tin)
    assert conclude(bench, tin) == number, "the same again changes nothing"
    since = NOW - timedelta(days=30)
    for whose, begins, ends in ((other, since, None), (tin, NOW, None), (tin, since, LATER)):
        with refused("TS-3231"):
            operations.conclude(bench.conn, registry.taxpayer, number, whose, begins, ends, ANNA, NOW)
    acts = [one.act.verb for one in activity.newest(bench.conn, thing=f"agreement:{number}")]
    assert acts == ["agreements.conclude"]
    assert [one.number for one in queries.agreements(bench.conn, tin)] == [number]


@pytest.mark.parametrize("number", ["", " 1", "1\n2", "1\x002", "9" * 41])
def test_ts_3231_a_number_that_cannot_be_read_is_refused(bench: PkiBench, number: str) -> None:
    with refused("TS-3231"):
        operations.conclude(bench.conn, registry.taxpayer, number, fresh_tin(bench), NOW, None, ANNA, NOW)


def test_an_agreement_needs_a_taxpayer_and_time(bench: PkiBench) -> None:
    with refused("TS-1313"):
        operations.conclude(bench.conn, registry.taxpayer, "N-1", "700000000", NOW, None, ANNA, NOW)
    with refused("TS-3231"):
        operations.conclude(bench.conn, registry.taxpayer, "N-1", fresh_tin(bench), NOW, NOW, ANNA, NOW)


def test_ts_3232_an_agreement_ends_now_or_later_and_once(bench: PkiBench) -> None:
    tin = fresh_tin(bench)
    number = conclude(bench, tin, until=LATER)
    for wrong in (NOW - timedelta(seconds=1), LATER, LATER + timedelta(days=1)):
        with refused("TS-3232"):
            operations.end(bench.conn, number, wrong, ANNA, WHY, NOW)
    with refused("TS-3232"):
        operations.end(bench.conn, "no such", NOW, ANNA, WHY, NOW)
    with refused("TS-1220"):
        operations.end(bench.conn, number, NOW, ANNA, "why", NOW)
    ended = operations.end(bench.conn, number, NOW, ANNA, WHY, NOW)
    assert (ended.until, ended.ended_by, ended.end_reason) == (NOW, "officer:anna", WHY)
    assert not queries.in_force(bench.conn, tin, NOW)
    assert queries.in_force(bench.conn, tin, NOW - timedelta(milliseconds=1)), "what was sold before stays good"
    again = conclude(bench, tin, since=NOW)
    assert queries.in_force(bench.conn, tin, NOW)
    told = [one.act.verb for one in activity.newest(bench.conn, thing=f"agreement:{number}")]
    assert told == ["agreements.end", "agreements.conclude"]
    assert again != number


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE agreements.agreement SET tin = '123456789' WHERE number = %s",
        "UPDATE agreements.agreement SET until = NULL, ended_by = '', ended_at = NULL WHERE number = %s",
        "UPDATE agreements.agreement SET until = until + interval '1 day' WHERE number = %s",
        "DELETE FROM agreements.agreement WHERE number = %s",
    ],
)
def test_nobody_makes_an_agreement_longer_in_the_database(bench: PkiBench, statement: str) -> None:
    number = conclude(bench, fresh_tin(bench), until=LATER)
    with pytest.raises((psycopg.errors.CheckViolation, psycopg.errors.InsufficientPrivilege)):
        bench.conn.execute(statement.encode(), [number])


def test_a_process_makes_no_agreement(bench: PkiBench) -> None:
    tin = fresh_tin(bench)
    with psycopg.connect(as_role(bench.conn.info.dsn, PORTAL)) as pages:
        operations.conclude(pages, registry.taxpayer, f"P-{tin}", tin, NOW, None, ANNA, NOW)
    with (
        psycopg.connect(as_role(bench.conn.info.dsn, INTAKE)) as process,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        operations.conclude(process, registry.taxpayer, f"I-{tin}", tin, NOW, None, ANNA, NOW)
