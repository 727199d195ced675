"""What the national channels keep beside the ledger goes by rule; what shows anything later stays (K-05, S0-030)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege

from tallystick.authority.projections.retention import operations
from tallystick.authority.reference.remote import queries as remote
from tallystick.kernel.retention import RetainedKind, RetentionRules
from tallystick.ops.retention_desk import RetentionDesk
from tallystick.ops.schema.roles import INTAKE, as_role

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
RULES = RetentionRules()
UID, OTHER, TIN = "ABCD1234", "WXYZ9876", "100000001"
Connection = psycopg.Connection[tuple[object, ...]]
HEAD = "INSERT INTO batches.head_report VALUES (%s, %s, sha256(%s::text::bytea), 'signed', %s)"
CASE = """INSERT INTO inspections.case_file (kind, matter, tin, device, opened_at, last_seen_at, looked_at)
    VALUES ('unaudited', 'x', %s, '', now(), now(), now())"""
END_CASES = "UPDATE inspections.case_file SET state = 'vanished', closed_at = now()"
APART = """INSERT INTO intake.quarantine (act_hash, body_hash, file_hash, body, requested_by, signed_by, ordinal, tin,
    turnover, step, codes, verdict, received_at, entry_index) VALUES (sha256('w'), sha256('b'), sha256('f'), 'the body',
    %(uid)s, %(uid)s, 3, '100000001', 70, 7, '{TS-2403}', 4, now(), 3)"""
COMMAND = """INSERT INTO remote.command
    (uid, number, kind, payload, issued_at, expires_at, kid, digest, compact, signed_at)
    VALUES (%(uid)s, %(n)s, %(kind)s, '{}', %(at)s, %(at)s + interval '30 days', sha256('k'),
            sha256(%(digest)s::text::bytea), 'signed', %(at)s)"""


@pytest.fixture
def conn(database: str) -> Iterator[Connection]:
    """The owner's hand, each statement by itself; two registers of one taxpayer."""
    with psycopg.connect(database, autocommit=True) as opened:
        opened.execute("INSERT INTO registry.taxpayer (tin, business_name) VALUES (%s, 'Grocers')", [TIN])
        for uid in (UID, OTHER):
            opened.execute(
                "INSERT INTO registry.fiscal_device (uid, device_class, tin, maker, model, serial_number)"
                " VALUES (%s, 2, %s, 'Maker', 'T', %s)",
                [uid, TIN, uid],
            )
        yield opened


def long_ago(kind: RetainedKind, days: float = 1) -> datetime:
    return RULES.before(kind, NOW) - timedelta(days=days)


def work(dsn: str) -> dict[str, int]:
    with psycopg.connect(as_role(dsn, INTAKE)) as conn:
        done = operations.carry_out(conn, RULES, "process:worker", NOW)
    return {kind.value: count for kind, count in done.items()}


def due(dsn: str) -> dict[str, tuple[int, int]]:
    desk = RetentionDesk(as_role(dsn, INTAKE), RULES, "shell:somebody", lambda: NOW)
    return {one.kind.value: (one.free, one.held) for one in desk.due() if one.free or one.held}


def batch(conn: Connection, number: int, *, done: bool) -> None:
    at = long_ago(RetainedKind.PARTS)
    conn.execute(
        "INSERT INTO batches.batch (uid, batch_id, tin, first_sequence, announced_at, state, manifest, receipt)"
        " VALUES (%s, %s, %s, 1, %s, %s, %s, %s)",
        [UID, number.to_bytes(16), TIN, at, "done" if done else "open", b"m" if done else None, b"r" if done else None],
    )
    conn.execute(
        "INSERT INTO batches.part SELECT uid, batch_id, 1, sha256('p'), 10, 1, 2, sha256('l'), NULL, NULL, %s"
        " FROM batches.batch WHERE batch_id = %s",
        [at, number.to_bytes(16)],
    )


def test_k_05_heads_go_but_the_newest_and_those_that_may_still_show_something(database: str, conn: Connection) -> None:
    for sequence, days in ((7, 3), (8, 2), (9, 1), (10, -1)):
        conn.execute(HEAD, [UID, sequence, str(sequence), long_ago(RetainedKind.HEADS, days)])
    conn.execute(HEAD, [OTHER, 7, "7", long_ago(RetainedKind.HEADS)])
    conn.execute(APART, {"uid": UID})
    assert due(database)["heads"] == (0, 4), "an undecided document holds its device's, and a newest one stays"
    assert "heads" not in work(database)
    conn.execute("SET session_replication_role = replica")
    conn.execute("DELETE FROM intake.quarantine")
    conn.execute("SET session_replication_role = DEFAULT")
    batch(conn, 1, done=False)
    assert due(database)["heads"] == (0, 4), "a batch that is not booked, too"
    conn.execute("DELETE FROM batches.batch")
    conn.execute(CASE, [TIN])
    assert due(database)["heads"] == (0, 4), "and an open case of the taxpayer"
    conn.execute(END_CASES)
    assert work(database)["heads"] == 3
    left = conn.execute("SELECT uid, sequence FROM batches.head_report ORDER BY uid").fetchall()
    assert left == [(UID, 10), (OTHER, 7)]


def test_parts_matters_and_outages_go_and_the_batch_with_its_receipt_stays(database: str, conn: Connection) -> None:
    batch(conn, 1, done=True)
    batch(conn, 2, done=False)
    assert due(database) == {"parts": (1, 1)}
    assert work(database) == {"parts": 1}
    assert conn.execute("SELECT state, receipt FROM batches.batch ORDER BY batch_id").fetchall() == [
        ("done", b"r"),
        ("open", None),
    ]
    assert conn.execute("SELECT batch_id FROM batches.part").fetchall() == [((2).to_bytes(16),)]
    conn.execute("DELETE FROM batches.batch")
    for item, told, days in (("1", True, 1), ("2", False, 1), ("3", True, -1)):
        conn.execute(
            "INSERT INTO batches.matter (kind, uid, item, tin, facts, at, told)"
            " VALUES ('late', %s, %s, %s, '{}', %s, %s)",
            [UID, item, TIN, long_ago(RetainedKind.MATTERS, days), told],
        )
    conn.execute("INSERT INTO batches.device VALUES (%s, now(), 9)", [UID])
    for number, (days, up_to) in enumerate(((9, 5), (5, None), (-1, 5))):
        at = long_ago(RetainedKind.OUTAGES, days)
        conn.execute(
            "INSERT INTO batches.outage VALUES (%s, %s, %s, %s, %s)", [UID, at - timedelta(hours=1), at, number, up_to]
        )
    assert due(database) == {"matters": (1, 1), "outages": (1, 1)}
    assert work(database) == {"matters": 1, "outages": 1}
    assert conn.execute("SELECT item FROM batches.matter ORDER BY 1").fetchall() == [("2",), ("3",)]
    assert conn.execute("SELECT after_sequence FROM batches.outage ORDER BY 1").fetchall() == [(1,), (2,)]
    at = datetime.now(UTC) - timedelta(days=700)
    conn.execute("INSERT INTO batches.outage VALUES (%s, %s, %s, 8, 5)", [UID, at - timedelta(hours=1), at])
    short = RetentionRules({**RULES.months, RetainedKind.OUTAGES: 1})
    with psycopg.connect(as_role(database, INTAKE)) as working:
        assert operations.carry_out(working, short, "process:worker", NOW) == {RetainedKind.OUTAGES: 1}
    left = conn.execute("SELECT after_sequence FROM batches.outage ORDER BY 1").fetchall()
    assert left == [(1,), (8,)], "the rolling limit may look back so far, whatever a pack says"


def test_commands_that_are_over_go_with_their_results_and_explain_the_key_for_ever(
    database: str, conn: Connection
) -> None:
    old = long_ago(RetainedKind.REMOTE, 60)
    for number, kind in ((1, "policy"), (2, "policy"), (3, "hold"), (4, "rates"), (5, "rates")):
        conn.execute(COMMAND, {"uid": UID, "n": number, "kind": kind, "at": old, "digest": str(number)})
        conn.execute("UPDATE remote.command SET answered_at = %s WHERE number = %s", [old, number])
        conn.execute("INSERT INTO remote.result VALUES (%s, %s, 'final', 'done', 'said', %s)", [UID, number, old])
    conn.execute("INSERT INTO taxrates.rate_group (group_id, valid_from) VALUES (7, now())")
    conn.execute("INSERT INTO remote.told_rates VALUES (7, %s, 4)", [UID])
    with psycopg.connect(database) as owner:
        before = [one for page in remote.signed_commands(owner) for one in page]
    assert due(database) == {"remote": (1, 4)}, "the newest of a kind, and what told of a rate group, stay"
    assert work(database) == {"remote": 1}
    assert conn.execute("SELECT number FROM remote.command ORDER BY 1").fetchall() == [(2,), (3,), (4,), (5,)]
    assert conn.execute("SELECT number FROM remote.result ORDER BY 1").fetchall() == [(2,), (3,), (4,), (5,)]
    with psycopg.connect(database) as owner:
        assert [one for page in remote.signed_commands(owner) for one in page] == before
        digests = [digest for _, _, digest in before]
        assert remote.known_digests(owner, digests) == set(digests)


def test_no_command_goes_before_it_is_over_and_nobody_writes_past_ones(database: str, conn: Connection) -> None:
    conn.execute(COMMAND, {"uid": UID, "n": 1, "kind": "hold", "at": datetime.now(UTC), "digest": "1"})
    conn.execute("INSERT INTO remote.result VALUES (%s, 1, 'accepted', 'accepted', 'said', now())", [UID])
    for statement in (
        "DELETE FROM remote.result",
        "DELETE FROM remote.command",
        "UPDATE remote.result SET outcome = 'done'",
        "INSERT INTO remote.past_command VALUES ('ABCD1234', 9, 'hold', sha256('forged'))",
    ):
        with psycopg.connect(as_role(database, INTAKE)) as working, pytest.raises(InsufficientPrivilege):
            working.execute(statement.encode())
    for statement in ("TRUNCATE remote.command CASCADE", "DELETE FROM remote.past_command"):
        with pytest.raises(InsufficientPrivilege):
            conn.execute(statement.encode())
