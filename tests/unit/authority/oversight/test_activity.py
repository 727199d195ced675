"""The activity log (S0-030): one chain, in the deed's own transaction, and every break shows."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.authority.oversight.activity import operations, queries
from tallystick.authority.oversight.activity.tasks import anchor
from tallystick.authority.oversight.activity.values import Act, Anchor, read_act, write_act
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import activity_genesis
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


def test_writers_who_commit_each_statement_by_itself_take_turns_too(database: str) -> None:
    def write(_: int) -> list[int]:
        with psycopg.connect(database, autocommit=True) as conn:
            return [operations.record(conn, act(number)) for number in range(25)]

    with ThreadPoolExecutor(4) as pool:
        numbers = [number for some in pool.map(write, range(4)) for number in some]
    assert sorted(numbers) == list(range(1, 101))
    with psycopg.connect(database) as conn:
        assert found(conn) == []


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


def publish(connection: Connection, at: datetime, first: int = 0) -> int:
    """The head goes into a ledger whose indices begin at ``first``."""
    return anchor(connection, lambda head: first + head.seq, at)


def test_the_head_goes_into_the_ledger_hourly_while_something_happens(connection: Connection) -> None:
    assert publish(connection, NOW) == 0, "nothing has happened yet"
    log(connection, 2)
    assert publish(connection, NOW) == 1
    log(connection, 1)
    assert publish(connection, NOW + timedelta(minutes=59)) == 0
    assert publish(connection, NOW + timedelta(hours=1)) == 1
    assert publish(connection, NOW + timedelta(hours=9)) == 0, "nothing has happened since"
    anchors = list(queries.anchors_in_order(connection))
    assert [(one.seq, one.entry_index) for one in anchors] == [(2, 2), (3, 3)]
    assert json.loads(anchors[0].body)["link"] == anchors[0].link.hex()


def test_a_crash_before_the_index_is_noted_repeats_the_same_body(connection: Connection) -> None:
    log(connection, 1)
    bodies = []

    def take(head: Anchor) -> int:
        bodies.append(head.body)
        return head.seq

    def crash(head: Anchor) -> int:
        take(head)
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        anchor(connection, crash, NOW)
    connection.rollback()
    log(connection, 1)
    assert anchor(connection, take, NOW + timedelta(hours=2)) == 2
    assert bodies[0] == bodies[1] != bodies[2]


@pytest.mark.parametrize("kept", [0, 1, 2])
def test_a_chain_made_anew_is_another_than_the_ledger_was_told_of(connection: Connection, kept: int) -> None:
    """The insider has all rights and computes every link again, over fewer or over changed acts."""
    log(connection, 3)
    publish(connection, NOW)
    connection.execute("SET session_replication_role = replica")
    connection.execute("DELETE FROM activity.entry WHERE seq > %s", [kept])
    link = connection.execute("SELECT link FROM activity.entry WHERE seq = %s", [kept]).fetchone()
    new_head = [kept, link[0] if link else activity_genesis()]
    connection.execute("UPDATE activity.head SET seq = %s, link = %s", new_head)
    assert found(connection) == [(kept + 1, "the ledger was told of 3 entries")]
    for number in range(3 - kept):
        operations.record(connection, act(100 + number))
    assert found(connection) == [(3, "the chain is another one than the ledger was told of")]


@pytest.mark.parametrize("change", ["DELETE FROM activity.anchor", "UPDATE activity.anchor SET seq = 1",
                                    "UPDATE activity.anchor SET link = decode(repeat('00', 32), 'hex')"])  # fmt: skip
def test_an_anchor_stays(connection: Connection, change: str) -> None:
    log(connection, 2)
    publish(connection, NOW)
    with pytest.raises(psycopg.Error):
        connection.execute(change)


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
