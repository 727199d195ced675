"""The activity log (S0-030): one chain, in the deed's own transaction, and every break shows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.authority.oversight.activity import operations, queries
from tallystick.authority.oversight.activity.values import Act, read_act, write_act
from tallystick.kernel.faults import Fault
from tallystick.ops.schema.roles import INTAKE, PORTAL, as_role

Connection = psycopg.Connection[Any]
NOW = datetime(2026, 11, 27, 12, 0, 0, 123_456, tzinfo=UTC)

BODY_AND_COLUMN = """UPDATE activity.entry SET actor = 'officer:bert',
    body = convert_to(replace(convert_from(body, 'UTF8'), 'anna', 'bert'), 'UTF8') WHERE seq = 2"""


def act(number: int, for_whom: str = "") -> Act:
    moment = NOW + timedelta(seconds=number)
    return Act(at=moment, actor="officer:anna", verb="person.read", object=f"o{number}", for_whom=for_whom)


def log(connection: Connection, count: int) -> None:
    for number in range(count):
        operations.record(connection, act(number, for_whom="100000001"))
    connection.commit()


def found(connection: Connection) -> list[tuple[int, str]]:
    return [(one.seq, one.what) for one in queries.breaks(connection)]


def test_acts_are_numbered_in_one_chain_and_found_again(connection: Connection) -> None:
    log(connection, 3)
    assert [one.seq for one in queries.newest(connection)] == [3, 2, 1]
    assert [one.act.object for one in queries.newest(connection, thing="o1")] == ["o1"]
    assert queries.newest(connection, actor="officer:bert") == []
    assert [one.seq for one in queries.newest(connection, for_whom="100000001", before=3, limit=1)] == [2]
    assert queries.head(connection)[0] == 3
    assert found(connection) == []


def test_an_act_that_is_rolled_back_was_never_there(connection: Connection) -> None:
    log(connection, 1)
    operations.record(connection, act(9))
    connection.rollback()
    log(connection, 1)
    assert queries.head(connection)[0] == 2
    assert found(connection) == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("DELETE FROM activity.entry WHERE seq = 2", "lack"),
        ("DELETE FROM activity.entry WHERE seq = 4", "head"),
        ("UPDATE activity.entry SET actor = 'officer:bert' WHERE seq = 2", "columns"),
        ("UPDATE activity.entry SET at = at + interval '1 second' WHERE seq = 2", "columns"),
        (BODY_AND_COLUMN, "link"),
        ("UPDATE activity.head SET seq = 3, link = (SELECT link FROM activity.entry WHERE seq = 3)", "head"),
    ],
)  # fmt: skip
def test_a_change_with_all_rights_shows(connection: Connection, change: str, says: str) -> None:
    log(connection, 4)
    connection.execute("SET session_replication_role = replica")
    connection.execute(change)
    assert any(says in what for _, what in found(connection)), found(connection)


@pytest.mark.parametrize("role", [INTAKE, PORTAL])
@pytest.mark.parametrize("change", ["DELETE FROM activity.entry", "UPDATE activity.entry SET actor = 'x'",
                                    "UPDATE activity.head SET seq = seq + 1"])  # fmt: skip
def test_a_working_role_cannot_change_the_log(database: str, role: str, change: str) -> None:
    with psycopg.connect(as_role(database, role)) as working:
        log(working, 1)
        with pytest.raises(psycopg.Error):
            working.execute(change)


def test_writers_take_turns(database: str) -> None:
    with psycopg.connect(database) as first, psycopg.connect(database) as second:
        log(first, 1)
        operations.record(first, act(1))
        second.execute("SET lock_timeout = '100ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            operations.record(second, act(2))
        second.rollback()
        first.commit()
        assert operations.record(second, act(2)) == 3


text = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=40)


@given(actor=text, verb=text, thing=text, why=text, facts=st.dictionaries(text, text, max_size=4),
       at=st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)))  # fmt: skip
def test_an_act_reads_as_it_was_written(
    actor: str, verb: str, thing: str, why: str, facts: dict[str, str], at: datetime
) -> None:
    written = write_act(Act(at=at, actor=actor, verb=verb, object=thing, purpose=why, facts=facts))
    read = read_act(written)
    assert (read.actor, read.verb, read.object, read.purpose, dict(read.facts)) == (actor, verb, thing, why, facts)
    assert write_act(read) == written


@given(st.binary(max_size=80))
def test_other_bytes_are_no_act(data: bytes) -> None:
    with pytest.raises(Fault, match="TS-1220"):
        read_act(data)
