"""The outbox: a command waits until it is reported, keeps its id, and gives way to a newer one of its kind."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from tallystick.authority.reference.commands import operations, queries
from tallystick.authority.reference.commands.outstanding import Outstanding
from tallystick.kernel.faults import Fault
from tallystick.wire.taxcore_api import CommandType

Connection = psycopg.Connection[Any]
UID, OTHER = "ABCD1234", "WXYZ9876"
RATES, TIME = CommandType.SET_TAX_RATES, CommandType.SET_TIME_SERVER_URL
PROOF, DIRECTIVE = CommandType.FORWARD_PROOF_OF_AUDIT, CommandType.FORWARD_SECURE_ELEMENT_DIRECTIVE


def waiting(conn: Connection, uid: str = UID) -> list[UUID]:
    return [command.command_id for command in queries.outstanding(conn, uid)]


def test_s2_013_commands_wait_in_order_until_they_are_reported(connection: Connection) -> None:
    first = operations.queue(connection, UID, TIME, "ntp.example")
    second = operations.queue(connection, UID, DIRECTIVE, "QUJD")
    operations.queue(connection, OTHER, TIME, "ntp.example")
    fetched = operations.fetch(connection, UID)
    assert [command.command_id for command in fetched] == [first, second]
    assert waiting(connection) == [first, second], "fetching is not executing"
    operations.report(connection, UID, first, True)
    assert waiting(connection) == [second]
    known = queries.command(connection, first)
    assert known is not None
    assert known.success is True
    assert known.fetched_at is not None
    assert known.reported_at is not None


def test_the_wire_form_writes_the_id_in_capitals(connection: Connection) -> None:
    number = operations.queue(connection, UID, TIME, "ntp.example")
    (command,) = queries.outstanding(connection, UID)
    assert command.wire.command_id == str(number).upper()
    assert (command.wire.type, command.wire.uid, command.wire.payload) == (1, UID, "ntp.example")


def test_a_failure_is_kept_and_a_directive_or_proof_is_not_sent_again(connection: Connection) -> None:
    proof = operations.queue(connection, UID, PROOF, "QUJD")
    directive = operations.queue(connection, UID, DIRECTIVE, "QUJD")
    operations.report(connection, UID, proof, False)
    operations.report(connection, UID, directive, False)
    assert waiting(connection) == []
    known = queries.command(connection, proof)
    assert known is not None
    assert known.success is False


def test_the_same_result_again_changes_nothing_and_success_may_follow_failure(connection: Connection) -> None:
    number = operations.queue(connection, UID, PROOF, "QUJD")
    operations.report(connection, UID, number, False)
    operations.report(connection, UID, number, False)
    operations.report(connection, UID, number, True)
    operations.report(connection, UID, number, True)
    with pytest.raises(Fault, match="TS-3108"):
        operations.report(connection, UID, number, False)
    known = queries.command(connection, number)
    assert known is not None
    assert known.success is True


def test_ts_3107_a_result_for_a_command_that_was_never_given(connection: Connection) -> None:
    number = operations.queue(connection, OTHER, TIME, "ntp.example")
    for unknown in (uuid4(), number):
        with pytest.raises(Fault, match="TS-3107"):
            operations.report(connection, UID, unknown, True)
    assert waiting(connection, OTHER) == [number], "another device cannot answer for this one"


@pytest.mark.parametrize("kind", [RATES, TIME, PROOF])
def test_s2_115_a_newer_command_of_a_kind_takes_the_place_of_an_older_one(
    connection: Connection, kind: CommandType
) -> None:
    older = operations.queue(connection, UID, kind, "older")
    kept = operations.queue(connection, UID, DIRECTIVE, "QUJD")
    newer = operations.queue(connection, UID, kind, "newer")
    assert waiting(connection) == [kept, newer]
    operations.report(connection, UID, older, True)
    assert waiting(connection) == [kept, newer], "a late result of the older one is taken, and settles nothing else"


def test_directives_do_not_replace_each_other(connection: Connection) -> None:
    both = [operations.queue(connection, UID, DIRECTIVE, payload) for payload in ("QQ==", "Qg==")]
    assert waiting(connection) == both


def test_the_same_id_again_changes_nothing(connection: Connection) -> None:
    number = uuid4()
    assert operations.queue(connection, UID, PROOF, "first", number) == number
    operations.report(connection, UID, number, True)
    newer = operations.queue(connection, UID, PROOF, "newer")
    operations.queue(connection, UID, PROOF, "first", number)
    assert waiting(connection) == [newer]


def test_s2_006_initialisation_keeps_waiting_ids_and_queues_anew_what_was_answered(connection: Connection) -> None:
    wanted = [(RATES, "[]"), (TIME, "ntp.example")]
    operations.initialise(connection, UID, wanted)
    first = waiting(connection)
    operations.initialise(connection, UID, wanted)
    assert waiting(connection) == first, "nobody answered yet: the same commands"
    for number in first:
        operations.report(connection, UID, number, True)
    operations.initialise(connection, UID, wanted)
    again = waiting(connection)
    assert len(again) == 2
    assert not set(again) & set(first), "another device with this card must run them"
    operations.initialise(connection, UID, [(RATES, "[1]"), (TIME, "ntp.example")])
    assert waiting(connection) == [again[1], waiting(connection)[1]]
    assert [command.payload for command in queries.outstanding(connection, UID)] == ["ntp.example", "[1]"]


def test_old_answered_configuration_is_forgotten(connection: Connection) -> None:
    number = operations.queue(connection, UID, TIME, "a")
    operations.report(connection, UID, number, True)
    connection.execute("UPDATE commands.command SET reported_at = now() - interval '25 hours'")
    newer = operations.queue(connection, UID, TIME, "b")
    operations.report(connection, UID, newer, True)
    operations.queue(connection, UID, TIME, "c")
    assert queries.command(connection, number) is None
    assert queries.command(connection, newer) is not None


def test_new_rates_go_to_every_device_that_had_some(connection: Connection) -> None:
    for uid in (UID, OTHER):
        operations.queue(connection, uid, RATES, "[]")
    operations.queue(connection, "NEVER000", TIME, "x")
    assert operations.queue_for_all(connection, RATES, "[1]") == sorted([UID, OTHER])
    assert [command.payload for command in queries.outstanding(connection, OTHER)] == ["[1]"]


def test_the_overview_counts(connection: Connection) -> None:
    good, bad, _ = (operations.queue(connection, UID, DIRECTIVE, "QQ==") for _ in range(3))
    operations.report(connection, UID, good, True)
    operations.report(connection, UID, bad, False)
    overview = queries.overview(connection)
    assert (overview.outstanding, overview.succeeded, overview.failed) == (1, 1, 1)


def test_an_unpublished_kind_of_command_cannot_be_queued(connection: Connection) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        connection.execute(
            "INSERT INTO commands.command (command_id, uid, type, payload) VALUES (gen_random_uuid(), %s, 3, '')", [UID]
        )


class Watch:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_the_set_in_memory_says_where_to_look(connection: Connection) -> None:
    view = Outstanding()
    view.refresh(connection)
    assert view.mark(UID) is None
    number = operations.queue(connection, UID, TIME, "x")
    view.refresh(connection)
    mark = view.mark(UID)
    assert mark is not None
    operations.report(connection, UID, number, True)
    view.settle(UID, mark)
    assert view.mark(UID) is None


def test_settling_does_not_lose_what_was_queued_meanwhile(connection: Connection) -> None:
    view = Outstanding()
    operations.queue(connection, UID, TIME, "x")
    view.refresh(connection)
    mark = view.mark(UID)
    assert mark is not None
    operations.queue(connection, UID, DIRECTIVE, "QQ==")
    view.refresh(connection)
    view.settle(UID, mark)
    assert view.mark(UID) is not None


def test_once_a_minute_the_set_forgets_what_is_done(connection: Connection) -> None:
    watch = Watch()
    view = Outstanding(watch)
    number = operations.queue(connection, UID, TIME, "x")
    connection.commit()
    view.refresh(connection)
    operations.report(connection, UID, number, True)
    connection.commit()
    view.refresh(connection)
    assert view.mark(UID) is not None
    watch.seconds = 61
    view.refresh(connection)
    assert view.mark(UID) is None
