"""Retention by rule: what has had its time goes in pieces, what something needs stays, and each piece is an act."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest
from psycopg.errors import CheckViolation, InsufficientPrivilege

from tallystick.authority.intake.kept_apart import QuarantineAndEvidence
from tallystick.authority.oversight.activity import queries as activity
from tallystick.authority.projections.retention import operations
from tallystick.kernel.retention import RetainedKind, RetentionRules, months_before
from tallystick.ops.retention_desk import RetentionDesk
from tallystick.ops.schema.roles import INTAKE, PORTAL, as_role

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
RULES = RetentionRules()
UID, TIN = "ABCD1234", "100000001"
Connection = psycopg.Connection[tuple[object, ...]]


def long_ago(kind: RetainedKind, days: float = 1) -> datetime:
    """So many days after (before, where negative) the moment from which on a kind stays."""
    return RULES.before(kind, NOW) - timedelta(days=days)


REFUSED = (
    """INSERT INTO intake.refused VALUES (sha256(%s::text::bytea), %s, %s, 'sealed', 4, 'TS-1202', '', 1, %s, %s)"""
)
QUARANTINED = """INSERT INTO intake.quarantine
    (act_hash, body_hash, file_hash, body, requested_by, signed_by, ordinal, tin, turnover, step, codes, verdict,
     received_at, entry_index, state, decided_at, decided_by, decision, decision_index, request_id)
    VALUES (sha256(%(n)s::text::bytea), sha256('b'), sha256('f'), 'the body', %(uid)s, %(uid)s, %(n)s,
            '100000001', 70, 7, '{TS-1301}', 4, %(at)s, %(n)s, %(state)s, %(at)s, 'vera', 'decision', %(told)s, 1)"""
EVIDENCE = """INSERT INTO intake.evidence
    (act_hash, body_hash, kind, file_hash, body, first_body_hash, signed_by, ordinal, token_uid,
     received_at, entry_index)
    VALUES (sha256(%(n)s::text::bytea), sha256('b'), 'unsigned part differs', sha256('f'), 'the body', '', %(uid)s,
            %(n)s, %(uid)s, %(at)s, %(entry)s)"""
SIGHTING = """INSERT INTO inspections.sighting
    VALUES (sha256(%s::text::bytea), %s, %s, 1, '100000001', 5, now(), %s, %s, 1, %s)"""
CASE = """INSERT INTO inspections.case_file (kind, matter, tin, device, opened_at, last_seen_at, looked_at)
    VALUES ('unaudited', 'x', %s, %s, now(), now(), now())"""
AUDIT = """INSERT INTO audit.request (uid, audit_sequence, nonce, total_counter, proven_counter, unaudited, card_limit,
    stated_sum, stated_limit, received_at, state, missing)
    VALUES (%s, 1, sha256('n'), 3, 0, 70, 100, 0, 0, now(), %s, '{1}')"""
OVERRIDE = """INSERT INTO audit.override (uid, request_id, proven_counter, total_counter, excused, presumed, reason,
    asked_by, asked_from, asked_at, expires_at) VALUES (%s, (SELECT max(request_id) FROM audit.request), 0, 3,
    '{1}', 70, 'the device burnt', %s, '', now(), now() + interval '1 hour')"""
COMMAND = (
    "INSERT INTO commands.command (command_id, uid, type, payload, reported_at, success) VALUES (%s, %s, 1, '', %s, %s)"
)


@pytest.fixture
def conn(database: str) -> Iterator[Connection]:
    """The owner's hand, each statement by itself."""
    with psycopg.connect(database, autocommit=True) as opened:
        yield opened


def work(dsn: str, **options: int) -> dict[str, int]:
    with psycopg.connect(as_role(dsn, INTAKE)) as conn:
        done = operations.carry_out(conn, RULES, "process:worker", NOW, **options)
    return {kind.value: count for kind, count in done.items()}


def due(dsn: str) -> dict[str, tuple[int, int]]:
    desk = RetentionDesk(as_role(dsn, INTAKE), RULES, "shell:somebody", lambda: NOW)
    return {one.kind.value: (one.free, one.held) for one in desk.due() if one.free or one.held}


def count(conn: Connection, table: str) -> int:
    row = conn.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()
    assert row is not None
    return int(str(row[0]))


def quarantined(
    conn: Connection, number: int, *, state: str = "rejected", told: int | None = 9, uid: str = UID
) -> None:
    at = long_ago(RetainedKind.QUARANTINE)
    conn.execute(QUARANTINED, {"n": number, "uid": uid, "at": at, "state": state, "told": told})


def test_what_is_old_enough_goes_and_the_day_after_stays(database: str, conn: Connection) -> None:
    for number, days in ((1, 1), (2, -1)):
        at = long_ago(RetainedKind.REFUSED, days)
        conn.execute(REFUSED, [str(number), UID, TIN, at, at])
        at = long_ago(RetainedKind.SIGHTINGS, days)
        conn.execute(SIGHTING, [str(number), UID, UID, at, at, True])
        at = long_ago(RetainedKind.UPLOADS, days)
        conn.execute(
            "INSERT INTO media.upload (upload_id, user_id, username, created_at) VALUES (%s, 1, 'x', %s)",
            [UUID(int=number), at],
        )
        at = long_ago(RetainedKind.REQUESTS, days)
        conn.execute("INSERT INTO vsdc.request VALUES ('P', %s, sha256('h'), 'S', 1, %s)", [str(number), at])
        at = long_ago(RetainedKind.SESSIONS, days)
        conn.execute("INSERT INTO portal.django_session VALUES (%s, 'x', %s)", [str(number), at])
        at = long_ago(RetainedKind.EVIDENCE, days)
        conn.execute(EVIDENCE, {"n": number, "uid": UID, "at": at, "entry": number})
    kinds = ("refused", "uploads", "requests", "evidence", "sightings", "sessions")
    assert due(database) == dict.fromkeys(kinds, (1, 0))
    assert work(database) == dict.fromkeys(kinds, 1)
    assert due(database) == {}
    assert work(database) == {}
    for table in ("intake.refused", "media.upload", "vsdc.request", "inspections.sighting", "portal.django_session"):
        assert count(conn, table) == 1, table
    bodies = conn.execute("SELECT ordinal, body FROM intake.evidence ORDER BY ordinal").fetchall()
    assert bodies == [(1, b""), (2, b"the body")]


def test_each_piece_and_its_act_are_one_transaction(database: str, conn: Connection) -> None:
    at = long_ago(RetainedKind.REFUSED)
    for number in range(5):
        conn.execute(REFUSED, [str(number), UID, TIN, at - timedelta(hours=number), at - timedelta(hours=number)])
    assert work(database, piece_rows=2) == {"refused": 5}
    acts = [one.act for one in activity.newest(conn, verb="retention.remove")]
    assert [act.facts["count"] for act in acts] == ["1", "2", "2"]
    before = months_before(NOW, 3).isoformat(timespec="seconds")
    assert {(act.actor, act.object, act.purpose, act.facts["before"]) for act in acts} == {
        ("process:worker", "refused", "3 months", before)
    }


def test_a_round_is_bounded_and_the_next_one_goes_on(
    database: str, conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "PIECES_MOST", 2)
    at = long_ago(RetainedKind.REFUSED)
    for number in range(5):
        conn.execute(REFUSED, [str(number), UID, TIN, at, at])
    assert work(database, piece_rows=2) == {"refused": 4}
    assert work(database, piece_rows=2) == {"refused": 1}


def test_an_open_case_audit_or_override_holds_everything_of_its_device(database: str, conn: Connection) -> None:
    at = long_ago(RetainedKind.REFUSED)
    conn.execute(REFUSED, ["1", UID, TIN, at, at])
    conn.execute(SIGHTING, ["1", UID, UID, long_ago(RetainedKind.SIGHTINGS), long_ago(RetainedKind.SIGHTINGS), True])
    conn.execute(EVIDENCE, {"n": 1, "uid": UID, "at": long_ago(RetainedKind.EVIDENCE), "entry": 1})
    quarantined(conn, 2)
    kinds = ("refused", "quarantine", "evidence", "sightings")
    holders = (
        (CASE, ["", f"{UID}-{UID}"], "UPDATE inspections.case_file SET state = 'vanished', closed_at = now()"),
        (AUDIT, [UID, "incomplete"], "UPDATE audit.request SET state = 'ended'"),
        (
            OVERRIDE,
            [UID, "vera"],
            "UPDATE audit.override SET state = 'expired'",
        ),
    )
    for hold, facts, release in holders:
        conn.execute(hold.encode(), facts)
        assert due(database) == dict.fromkeys(kinds, (0, 1)), hold
        assert work(database) == {}
        conn.execute(release.encode())
    assert work(database) == dict.fromkeys(kinds, 1)


def test_an_open_case_of_a_taxpayer_holds_what_is_his_and_nobody_elses(database: str, conn: Connection) -> None:
    at = long_ago(RetainedKind.REFUSED)
    conn.execute(REFUSED, ["1", UID, TIN, at, at])
    conn.execute(REFUSED, ["2", "WXYZ9876", "100000002", at, at])
    conn.execute(CASE, [TIN, ""])
    assert due(database) == {"refused": (1, 1)}
    assert work(database) == {"refused": 1}
    assert conn.execute("SELECT token_tin FROM intake.refused").fetchall() == [(TIN,)]


def test_what_was_kept_apart_loses_its_body_and_still_counts(database: str, conn: Connection) -> None:
    quarantined(conn, 1)
    quarantined(conn, 2, told=None)
    quarantined(conn, 4)
    conn.execute(
        "INSERT INTO intake.quarantine (act_hash, body_hash, file_hash, body, requested_by, signed_by, ordinal, tin,"
        " turnover, step, codes, verdict, received_at, entry_index) VALUES (sha256('w'), sha256('b'), sha256('f'),"
        " 'the body', %(uid)s, %(uid)s, 3, '100000001', 70, 7, '{TS-1301}', 4, %(at)s, 3)",
        {"uid": UID, "at": long_ago(RetainedKind.QUARANTINE)},
    )
    conn.execute(
        "INSERT INTO approvals.request (deed, object, content, reason, asked_by, asked_from, asked_at, expires_at)"
        " SELECT 'quarantine.decide', encode(act_hash, 'hex'), '{}', 'once more, please', 'vera', 'pages', now(),"
        " now() + interval '1 hour' FROM intake.quarantine WHERE ordinal = 4"
    )
    assert due(database) == {"quarantine": (1, 2)}
    assert work(database) == {"quarantine": 1}
    rows = conn.execute("SELECT ordinal, body, octet_length(body_hash) FROM intake.quarantine ORDER BY 1").fetchall()
    assert rows == [(1, b"", 32), *((number, b"the body", 32) for number in (2, 3, 4))]
    assert QuarantineAndEvidence().ordinals(conn, UID, 1, 4) == {1, 2, 3, 4}, "no number gets lost with its body"
    assert QuarantineAndEvidence().turnover(conn, UID, 1, 4) == 4 * 70


def test_an_order_of_erasure_that_is_not_done_holds_the_copies(database: str, conn: Connection) -> None:
    quarantined(conn, 5)
    conn.execute(EVIDENCE, {"n": 6, "uid": UID, "at": long_ago(RetainedKind.EVIDENCE), "entry": 6})
    conn.execute("INSERT INTO personal.erasure VALUES (1, 'law', 'vera', 'omar', now())")
    for index in (5, 6):
        conn.execute("INSERT INTO personal.erased VALUES (1, %s, sha256('b'))", [index])
    assert due(database) == {"quarantine": (0, 1), "evidence": (0, 1)}
    conn.execute("UPDATE personal.erasure SET done_at = now()")
    assert work(database) == {"quarantine": 1, "evidence": 1}


def test_what_is_not_in_the_ledger_or_not_told_yet_stays(database: str, conn: Connection) -> None:
    conn.execute(EVIDENCE, {"n": 1, "uid": UID, "at": long_ago(RetainedKind.EVIDENCE), "entry": None})
    conn.execute(SIGHTING, ["1", UID, UID, long_ago(RetainedKind.SIGHTINGS), long_ago(RetainedKind.SIGHTINGS), False])
    at = long_ago(RetainedKind.UPLOADS)
    conn.execute("INSERT INTO media.upload (upload_id, user_id, username, created_at) VALUES (%s, 1, 'x', %s)",
                 [UUID(int=1), at])  # fmt: skip
    conn.execute(
        "INSERT INTO media.upload_file (upload_id, position, name, kind, rank, uid, tin, received_at, state, due_at)"
        " VALUES (%s, 1, 'n', 'package', 1, %s, %s, now(), 'waiting', now())",
        [UUID(int=1), UID, TIN],
    )
    assert due(database) == {"uploads": (0, 1), "evidence": (0, 1), "sightings": (0, 1)}
    assert work(database) == {}


def test_of_deliveries_the_newest_of_a_kind_and_unended_proofs_stay(database: str, conn: Connection) -> None:
    at = long_ago(RetainedKind.COMMANDS)
    for number in (1, 2, 3):
        conn.execute(COMMAND, [UUID(int=number), UID, at, True])
    conn.execute(COMMAND, [UUID(int=4), "WXYZ9876", None, None])
    conn.execute(AUDIT, ["WXYZ9876", "ended"])
    conn.execute(
        "INSERT INTO audit.proof (request_id, uid, command_id, message, intended_at)"
        " SELECT request_id, uid, %s, '', now() FROM audit.request",
        [UUID(int=1)],
    )
    assert due(database) == {"commands": (1, 2)}
    assert work(database) == {"commands": 1}
    left = conn.execute("SELECT command_id FROM commands.command ORDER BY position").fetchall()
    assert left == [(UUID(int=number),) for number in (1, 3, 4)]


def test_a_begun_invoice_may_still_be_asked_for_by_its_id(database: str, conn: Connection) -> None:
    conn.execute("SET session_replication_role = replica")
    conn.execute("INSERT INTO vsdc.pair VALUES ('P', 'S', 7, 'act')")
    for number in (6, 7):
        at = long_ago(RetainedKind.REQUESTS)
        conn.execute("INSERT INTO vsdc.request VALUES ('P', %s, sha256('h'), 'S', %s, %s)", [str(number), number, at])
    assert due(database) == {"requests": (1, 1)}
    assert work(database) == {"requests": 1}
    assert conn.execute("SELECT total_counter FROM vsdc.request").fetchall() == [(7,)]


def test_no_other_way_takes_a_body_and_no_other_role_does_it(database: str, conn: Connection) -> None:
    quarantined(conn, 1)
    quarantined(conn, 2, told=None)
    for statement in (
        "UPDATE intake.quarantine SET body = '' WHERE ordinal = 2",
        "UPDATE intake.quarantine SET body = '', tin = '1' WHERE ordinal = 1",
        "UPDATE intake.quarantine SET body = 'x' WHERE ordinal = 1",
    ):
        with psycopg.connect(as_role(database, INTAKE)) as working, pytest.raises(CheckViolation):
            working.execute(statement.encode())
    with psycopg.connect(as_role(database, PORTAL)) as pages, pytest.raises(InsufficientPrivilege):
        operations.carry_out(pages, RULES, "officer:vera", NOW)
    with psycopg.connect(as_role(database, INTAKE)) as working, pytest.raises(InsufficientPrivilege):
        working.execute("SELECT session_data FROM portal.django_session")


def test_a_shell_sees_what_is_due_and_does_it_by_name(database: str, conn: Connection) -> None:
    at = long_ago(RetainedKind.REFUSED)
    conn.execute(REFUSED, ["1", UID, TIN, at, at])
    desk = RetentionDesk(as_role(database, INTAKE), RULES, "shell:somebody", lambda: NOW)
    assert [(one.months, one.free) for one in desk.due() if one.kind is RetainedKind.REFUSED] == [(3, 1)]
    assert count(conn, "intake.refused") == 1, "a look takes nothing"
    assert desk.carry_out() == {RetainedKind.REFUSED: 1}
    (act,) = activity.newest(conn, verb="retention.remove")
    assert act.act.actor == "shell:somebody"
