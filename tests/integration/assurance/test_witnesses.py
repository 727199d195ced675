"""The ledger and its witnesses: cosigned heads, the quorum, who is late, and histories that were changed."""

from __future__ import annotations

import asyncio
import json
import shutil
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from ledger_bench import ORIGIN, LedgerFolder, check_ed25519, document, fill, now
from witness_bench import Witnesses, witnesses

from tallystick.authority.assurance.witnesses import operations, queries, sightings, tasks
from tallystick.authority.assurance.witnesses.sightings import LogIdentity, Sighting
from tallystick.authority.assurance.witnesses.values import Contradiction, Lateness
from tallystick.authority.ledger.client import append_blocking
from tallystick.authority.ledger.queries import newest_checkpoint
from tallystick.authority.oversight.approvals import operations as approvals
from tallystick.authority.oversight.approvals.values import Person
from tallystick.kernel.faults import Fault
from tallystick.kit.http_call import Reply
from tallystick.ops.schema.roles import INTAKE, PORTAL, as_role
from tallystick.wire.signed_note import parse_checkpoint, parse_note, verify_note

ADA, BOB = Person("ada", "portal"), Person("bob", "portal")


@pytest.fixture
def ledger(database: str, tmp_path: Path) -> LedgerFolder:
    return LedgerFolder.make(tmp_path, database)


@pytest.fixture
def watching(tmp_path: Path, ledger: LedgerFolder) -> Iterator[Witnesses]:
    with witnesses(tmp_path, 3) as three:
        three.trust(ledger.log_key)
        yield three


@pytest.fixture
def worker(ledger: LedgerFolder) -> Iterator[psycopg.Connection[Any]]:
    """A connection in the worker's role, as in an installation."""
    with psycopg.connect(as_role(ledger.dsn, INTAKE)) as connection:
        yield connection


def grow(ledger: LedgerFolder, work: Callable[[Any], Any]) -> None:
    async def walk() -> None:
        async with ledger.serving() as (client, _):
            await work(client)

    asyncio.run(walk())


def books(count: int, start: int = 0) -> Callable[[Any], Any]:
    async def work(client: Any) -> None:
        if not start:
            await fill(client, count)
        else:
            await asyncio.gather(*(client.append(document("ABCD1234", start + n)) for n in range(count)))

    return work


def found(worker: psycopg.Connection[Any], ledger: LedgerFolder, watching: Witnesses, least: int = 2) -> None:
    operations.found_policy(worker, watching.policy(ledger.log_key, least), "process:test", now())
    worker.commit()


def round_(worker: psycopg.Connection[Any], watching: Witnesses) -> int:
    return tasks.ask_witnesses(worker, watching.post, check_ed25519, now)


def identity(ledger: LedgerFolder) -> LogIdentity:
    return LogIdentity(origin=ORIGIN, keys=(ledger.log_key,), check=check_ed25519)


def test_s0_041_a_head_is_cosigned_by_the_quorum_and_shown_with_all_signatures(
    ledger: LedgerFolder, worker: psycopg.Connection[Any], watching: Witnesses
) -> None:
    grow(ledger, books(30))
    assert round_(worker, watching) == 0, "nobody watches yet"
    found(worker, ledger, watching)
    assert queries.cosigned(worker) is None
    assert round_(worker, watching) == 3
    note = queries.cosigned(worker)
    assert note is not None
    keys = (ledger.log_key, *(one.key for one in watching.opened))
    assert set(verify_note(parse_note(note), keys, check_ed25519)) == set(keys)
    newest = newest_checkpoint(worker)
    assert parse_note(note).text == parse_note(newest).text
    assert queries.with_cosignatures(worker, newest) == note
    size = parse_checkpoint(parse_note(newest).text).size
    covering = queries.cosigned_covering(worker, size - 1)
    assert covering is not None
    assert queries.cosigned_covering(worker, size) is None

    grow(ledger, books(5, 100))
    assert queries.with_cosignatures(worker, newest_checkpoint(worker)) == newest_checkpoint(worker)
    assert round_(worker, watching) == 3
    assert parse_checkpoint(parse_note(queries.cosigned(worker) or b"").text).size > size


def test_an_answer_is_taken_while_another_witness_is_slow(
    ledger: LedgerFolder, worker: psycopg.Connection[Any], watching: Witnesses
) -> None:
    grow(ledger, books(10))
    found(worker, ledger, watching)
    answered, taken = threading.Event(), threading.Event()

    def post(url: str, body: bytes) -> Reply:
        if "w2" in url:
            assert taken.wait(10), "the others were kept waiting"
            return watching.post(url, body)
        reply = watching.post(url, body)
        answered.set()
        return reply

    def clock() -> datetime:
        if answered.is_set():
            taken.set()
        return now()

    assert tasks.ask_witnesses(worker, post, check_ed25519, clock) == 3


def test_a_quorum_needs_its_number_and_a_witness_that_comes_back_is_caught_up(
    ledger: LedgerFolder, worker: psycopg.Connection[Any], watching: Witnesses
) -> None:
    grow(ledger, books(10))
    found(worker, ledger, watching)
    watching.away = {1, 2}
    assert round_(worker, watching) == 1
    assert queries.cosigned(worker) is None
    watching.away = {2}
    assert round_(worker, watching) == 1, "the first one need not be asked again"
    assert queries.cosigned(worker) is not None
    grow(ledger, books(10, 100))
    watching.away = set()
    assert round_(worker, watching) == 3
    standing = {one.witness.name: one.standing for one in queries.watched_by(worker)}
    assert not any(one.trouble for one in standing.values())


def test_a_witness_that_knows_more_than_we_noted_is_asked_again_with_its_size(
    ledger: LedgerFolder, worker: psycopg.Connection[Any], watching: Witnesses
) -> None:
    """As after a crash between its answer and our note."""
    grow(ledger, books(10))
    found(worker, ledger, watching)
    round_(worker, watching)
    grow(ledger, books(10, 100))
    with psycopg.connect(ledger.dsn) as owner:
        owner.execute("UPDATE witnesses.standing SET size = 3")
    assert round_(worker, watching) == 3
    assert queries.count_conflicts(worker) == 0


def test_who_is_late_raises_an_alarm_after_a_minute_and_is_shown_after_a_quarter_of_an_hour(
    ledger: LedgerFolder, worker: psycopg.Connection[Any], watching: Witnesses
) -> None:
    grow(ledger, books(3))
    found(worker, ledger, watching)
    watching.away = {0}
    round_(worker, watching)
    at = now()
    lateness = [
        [one.standing.lateness(at + after) for one in queries.watched_by(worker)]
        for after in (timedelta(seconds=30), timedelta(seconds=70), timedelta(minutes=16))
    ]
    assert lateness[0] == [Lateness.PROMPT] * 3
    assert lateness[1] == [Lateness.LATE] * 3
    assert lateness[2] == [Lateness.SILENT] * 3
    first = queries.watched_by(worker)[0].standing
    assert "refused" in first.trouble


def test_intake_may_be_stopped_while_the_quorum_is_missing(
    ledger: LedgerFolder, worker: psycopg.Connection[Any], watching: Witnesses
) -> None:
    grow(ledger, books(3))
    limit = timedelta(minutes=30)
    queries.check_not_too_late(worker, limit, now() + timedelta(days=1))  # nobody watches: nothing to wait for
    found(worker, ledger, watching)
    round_(worker, watching)
    queries.check_not_too_late(worker, limit, now() + timedelta(minutes=29))
    queries.check_not_too_late(worker, None, now() + timedelta(days=1))
    with pytest.raises(Fault) as late:
        queries.check_not_too_late(worker, limit, now() + timedelta(minutes=31))
    assert late.value.code == "TS-5010"


def rewrite(ledger: LedgerFolder, count: int, text: str) -> None:
    """What an insider with the log's key could do: another history under the same name."""
    ledger.restart_anew()

    async def work(client: Any) -> None:
        await fill(client, 1)
        await asyncio.gather(*(client.append(document("WXYZ9876", n + 1, text=text)) for n in range(count)))

    grow(ledger, work)


def test_a_rewritten_ledger_is_refused_by_every_witness_and_kept_with_both_notes(
    ledger: LedgerFolder, worker: psycopg.Connection[Any], watching: Witnesses
) -> None:
    grow(ledger, books(20))
    found(worker, ledger, watching)
    round_(worker, watching)
    worker.commit()
    rewrite(ledger, 40, "another story")
    assert round_(worker, watching) == 0
    kept = queries.conflicts(worker)
    assert {one.what for one in kept} == {Contradiction.PROOF_REFUSED}
    assert kept[0].ours == newest_checkpoint(worker)
    assert all(one.store.offences() for one in watching.opened)
    assert [one.standing.trouble for one in queries.watched_by(worker)] == ["HTTP 422"] * 3


def test_a_restored_backup_meets_a_greater_size_at_every_witness(
    ledger: LedgerFolder, worker: psycopg.Connection[Any], watching: Witnesses
) -> None:
    grow(ledger, books(10))
    found(worker, ledger, watching)
    round_(worker, watching)
    worker.commit()
    ledger.back_up()
    mirror = ledger.folder / "mirror-then"
    shutil.copytree(ledger.mirror, mirror)
    grow(ledger, books(10, 100))
    round_(worker, watching)
    note = newest_checkpoint(worker)
    worker.commit()
    ledger.restore()
    shutil.rmtree(ledger.mirror)
    shutil.copytree(mirror, ledger.mirror)
    assert round_(worker, watching) == 0
    assert {one.what for one in queries.conflicts(worker)} == {Contradiction.BEYOND_OUR_TREE}
    assert sightings.compare(worker, note, identity(ledger), "device:ABCD1234", now()) is Sighting.CONTRADICTS


def test_two_views_shown_to_two_parties_are_found_when_a_device_brings_one_back(
    ledger: LedgerFolder, worker: psycopg.Connection[Any], watching: Witnesses
) -> None:
    grow(ledger, books(20))
    seen = newest_checkpoint(worker)
    size = parse_checkpoint(parse_note(seen).text).size
    assert sightings.compare(worker, seen, identity(ledger), "device:ABCD1234", now()) is Sighting.AGREES
    grow(ledger, books(5, 100))
    assert sightings.compare(worker, seen, identity(ledger), "device:ABCD1234", now()) is Sighting.AGREES
    assert queries.count_conflicts(worker) == 0
    worker.commit()
    rewrite(ledger, 40, "for the other office")
    for _ in range(2):  # the same note again is the same contradiction
        assert sightings.compare(worker, seen, identity(ledger), "device:ABCD1234", now()) is Sighting.CONTRADICTS
    (conflict,) = queries.conflicts(worker)
    assert (conflict.what, conflict.tree_size, conflict.theirs) == (Contradiction.ANOTHER_ROOT, size, seen)
    assert conflict.reported_by == "device:ABCD1234"


def test_what_this_log_has_not_signed_says_nothing(ledger: LedgerFolder, worker: psycopg.Connection[Any]) -> None:
    grow(ledger, books(3))
    note = newest_checkpoint(worker)
    wrong = note.replace(b"\n4\n", b"\n5\n") if b"\n4\n" in note else note.replace(b"\n5\n", b"\n6\n")
    other = note.replace(ORIGIN.encode(), b"fdo.example/other/log")
    for text in (b"", b"\x00", b"nonsense", wrong + b" ", other, note[:-20]):
        assert sightings.compare(worker, text, identity(ledger), "device:X", now()) is Sighting.NOT_OURS
    assert queries.count_conflicts(worker) == 0


def test_policies_change_by_two_persons_and_stand_in_the_ledger_with_contradictions(
    ledger: LedgerFolder, worker: psycopg.Connection[Any], watching: Witnesses
) -> None:
    def publish() -> int:
        return operations.publish(worker, lambda entry: append_blocking(ledger.socket, entry).index)

    found(worker, ledger, watching)
    with pytest.raises(Fault) as again:
        operations.found_policy(worker, watching.policy(ledger.log_key), "process:test", now())
    assert again.value.code == "TS-4007"
    worker.rollback()
    three = watching.policy(ledger.log_key, least=3)
    with psycopg.connect(as_role(ledger.dsn, PORTAL)) as portal:
        with pytest.raises(Fault):
            operations.ask_for_policy(portal, b"quorum nobody\n", "one witness less", ADA, now())
        number = operations.ask_for_policy(portal, three, "the university has joined", ADA, now())
        with pytest.raises(Fault) as own:
            approvals.approve(portal, number, ADA, now())
        assert own.value.code == "TS-4005"
    assert operations.take_policy(worker, now()) is None, "one person is not enough"
    worker.commit()
    with psycopg.connect(as_role(ledger.dsn, PORTAL)) as portal:
        approvals.approve(portal, number, BOB, now())
    assert operations.take_policy(worker, now()) == 2
    assert operations.take_policy(worker, now()) is None
    operations.keep_conflict(worker, "test", Contradiction.ANOTHER_ROOT, 3, b"ours", b"theirs", now())
    worker.commit()

    async def enter() -> None:
        async with ledger.serving():
            assert await asyncio.to_thread(publish) == 3
            with psycopg.connect(ledger.dsn) as owner:  # a crash before the note: the same entry is told again
                owner.execute("SET session_replication_role = replica")
                owner.execute("UPDATE witnesses.policy SET entry_index = NULL")
            assert await asyncio.to_thread(publish) == 2

    asyncio.run(enter())
    rows = ledger.rows(
        "SELECT get_byte(l.leaf, 4), b.body FROM ledger.leaves l JOIN ledger.bodies b USING (log_index) ORDER BY 1"
    )
    kinds = [kind for kind, _ in rows]
    assert kinds == [5, 6, 11, 11]
    changes = [json.loads(body) for kind, body in rows if kind == 11]
    assert [change["version"] for change in changes] == ["1", "2"]
    assert (changes[1]["askedBy"], changes[1]["approvedBy"]) == ("ada", "bob")
    assert changes[1]["policy"].encode() == three
    assert not ledger.sweep()


def test_the_tables_refuse_what_would_hide_something(ledger: LedgerFolder, worker: psycopg.Connection[Any]) -> None:
    operations.keep_conflict(worker, "test", Contradiction.ANOTHER_ROOT, 3, b"ours", b"theirs", now())
    worker.commit()
    for statement in (
        "DELETE FROM witnesses.conflict",
        "UPDATE witnesses.conflict SET theirs = 'other'",
        "TRUNCATE witnesses.cosignature",
    ):
        with pytest.raises(psycopg.Error), psycopg.connect(ledger.dsn) as owner:
            owner.execute(statement.encode())
