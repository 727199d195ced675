"""Four eyes: asked by one, approved by another within a day, done once, and nothing else than was asked for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from tallystick.authority.oversight.activity import queries as activity
from tallystick.authority.oversight.approvals import operations, queries, store
from tallystick.authority.oversight.approvals.values import PORTAL, Person, State
from tallystick.kernel.faults import Fault
from tallystick.ops.schema.roles import INTAKE, as_role
from tallystick.ops.schema.roles import PORTAL as PORTAL_ROLE

Connection = psycopg.Connection[Any]
NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
ANNA, BERT = Person("anna", PORTAL), Person("bert", PORTAL)
DEED, CONTENT, REASON = "quarantine.readmit", {"act": "00ff"}, "the court has decided so"


def ask(connection: Connection, by: Person = ANNA, thing: str = "batch 7") -> int:
    return operations.ask(connection, DEED, thing, CONTENT, REASON, by, NOW)


def refused(code: str, call: Any, *arguments: Any) -> None:
    with pytest.raises(Fault) as caught:
        call(*arguments)
    assert caught.value.code == code


def test_a_deed_is_done_once_after_another_person_agreed(connection: Connection) -> None:
    number = ask(connection)
    refused("TS-4004", operations.take, connection, number, DEED, NOW)
    operations.approve(connection, number, BERT, NOW)
    taken = operations.take(connection, number, DEED, NOW)
    assert (taken.object, dict(taken.content), taken.asked_by) == ("batch 7", CONTENT, "anna")
    refused("TS-4007", operations.take, connection, number, DEED, NOW)
    assert queries.newest(connection)[0].state is State.DONE
    verbs = [one.act.verb for one in activity.newest(connection, thing="batch 7")]
    assert verbs == ["approvals.done", "approvals.approve", "approvals.ask"]


@pytest.mark.parametrize(
    ("asks", "approves"),
    [
        (ANNA, ANNA),
        (ANNA, Person("anna", "shell:root")),
        (Person("anna", "shell:root"), Person("bert", "shell:root")),
        (ANNA, Person("bert", "shell:anna")),
        (Person("bert", "shell:anna"), ANNA),
        (Person("bert", "shell:anna"), Person("carl", "shell:bert")),
        (Person("Anna", PORTAL), Person("bert", "shell:anna")),
    ],
)
def test_nobody_approves_his_own_request(connection: Connection, asks: Person, approves: Person) -> None:
    number = ask(connection, asks)
    refused("TS-4005", operations.approve, connection, number, approves, NOW)
    assert queries.newest(connection)[0].state is State.PENDING
    with pytest.raises(psycopg.errors.CheckViolation):  # nor does the table take it, whoever writes
        store.decide(connection, number, State.APPROVED, approves, NOW)


def test_two_from_the_pages_are_two(connection: Connection) -> None:
    operations.approve(connection, ask(connection), BERT, NOW)


def test_one_request_at_a_time_for_a_thing(connection: Connection) -> None:
    number = ask(connection)
    refused("TS-4004", ask, connection, BERT)
    operations.refuse(connection, number, BERT, NOW)
    ask(connection, BERT)


def test_a_day_later_nobody_can_agree(connection: Connection) -> None:
    number = ask(connection)
    refused("TS-4007", operations.approve, connection, number, BERT, NOW + timedelta(hours=24))
    operations.ask(connection, DEED, "batch 7", CONTENT, REASON, BERT, NOW + timedelta(hours=24))
    assert [one.state for one in queries.newest(connection)] == [State.PENDING, State.EXPIRED]


def test_a_reason_is_needed(connection: Connection) -> None:
    refused("TS-1220", operations.ask, connection, DEED, "batch 7", CONTENT, "because", ANNA, NOW)


def test_unknown_requests_and_other_deeds(connection: Connection) -> None:
    refused("TS-4003", operations.approve, connection, 77, BERT, NOW)
    number = ask(connection)
    operations.approve(connection, number, BERT, NOW)
    refused("TS-4003", operations.take, connection, number, "erasure.erase", NOW)
    assert operations.take_next(connection, ["erasure.erase"], NOW) is None
    taken = operations.take_next(connection, [DEED], NOW)
    assert taken is not None
    assert taken.request_id == number


def test_the_log_names_each_in_his_own_role(connection: Connection) -> None:
    number = ask(connection, Person("anna", PORTAL, "operator"))
    operations.approve(connection, number, Person("bert", PORTAL, "service_centre"), NOW)
    assert operations.take(connection, number, DEED, NOW).decider == "service_centre:bert"
    actors = [one.act.actor for one in activity.newest(connection, thing="batch 7")]
    assert actors == ["service_centre:bert", "service_centre:bert", "operator:anna"]


def test_a_rollback_gives_the_request_back(connection: Connection) -> None:
    number = ask(connection)
    operations.approve(connection, number, BERT, NOW)
    connection.commit()
    operations.take(connection, number, DEED, NOW)
    connection.rollback()
    operations.take(connection, number, DEED, NOW)


@pytest.mark.parametrize(
    "change",
    ["UPDATE approvals.request SET content = '{}'", "UPDATE approvals.request SET asked_by = 'x'",
     "UPDATE approvals.request SET state = 'done', done_at = now()", "DELETE FROM approvals.request",
     "UPDATE approvals.request SET state = 'approved', decided_by = 'anna', decided_from = 'p', decided_at = asked_at"],
)  # fmt: skip
def test_the_table_itself_holds_the_rules(connection: Connection, change: str) -> None:
    ask(connection)
    with pytest.raises(psycopg.Error):
        connection.execute(change)


def test_only_the_pages_can_ask_and_approve(database: str) -> None:
    with (
        psycopg.connect(as_role(database, PORTAL_ROLE)) as portal,
        psycopg.connect(as_role(database, INTAKE)) as worker,
    ):
        number = ask(portal)
        portal.commit()
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            operations.approve(worker, number, BERT, NOW)
        worker.rollback()
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            ask(worker, BERT, "batch 8")
        worker.rollback()
        operations.approve(portal, number, BERT, NOW)
        portal.commit()
        assert operations.take(worker, number, DEED, NOW).request_id == number


APPROVED = """INSERT INTO approvals.request (deed, object, content, reason, asked_by, asked_from, asked_at, expires_at,
    state, decided_by, decided_from, decided_at)
    VALUES ('builds.revoke', 'x', '{}', 'nobody has agreed to this', 'anna', 'portal', now(), now() + interval '1 hour',
    'approved', 'bert', 'portal', now())"""


def test_no_request_begins_as_an_approved_one(database: str) -> None:
    """The pages' role has no right to say so, and the table takes it from nobody."""
    for role, error in (
        (PORTAL_ROLE, psycopg.errors.InsufficientPrivilege),
        (INTAKE, psycopg.errors.InsufficientPrivilege),
        ("", psycopg.errors.CheckViolation),
    ):
        with psycopg.connect(as_role(database, role) if role else database) as conn, pytest.raises(error):
            conn.execute(APPROVED)
