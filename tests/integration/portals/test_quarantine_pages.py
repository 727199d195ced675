"""Quarantine and witnesses on the pages: who sees, who decides, two officers in two browsers (K-05, S0-041)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import attrs
import psycopg
import pytest
from django.test import Client
from portal_pages import Pages
from settled_values import a_place
from witness_bench import witnesses

from tallystick.authority.assurance.witnesses import operations
from tallystick.authority.assurance.witnesses.values import Contradiction
from tallystick.authority.intake import many_store, place_store
from tallystick.authority.intake.places import SETTLE
from tallystick.authority.oversight.approvals import operations as approvals
from tallystick.authority.oversight.approvals.values import PORTAL, Person
from tallystick.kernel.hashing import sha256
from tallystick.wire.signed_note import KeyType, NoteKey

REASON = "the signer was only put on hold by mistake"
ACT = "ab" * 32


@pytest.fixture
def kept(pages: Pages) -> Pages:
    """One document that was kept apart, with an entry in the ledger."""
    with psycopg.connect(pages.dsn) as conn:
        conn.execute(
            """INSERT INTO intake.quarantine (act_hash, body_hash, file_hash, body, requested_by, signed_by, ordinal,
                   tin, turnover, step, codes, verdict, received_at, entry_index)
               VALUES (decode(%s, 'hex'), decode(%s, 'hex'), decode(%s, 'hex'), 'body', 'ABCD1234', 'ABCD1234', 7,
                       '123456789', 1234500, 8, '{TS-2407}', 4, now(), 5)""",
            [ACT, ACT, ACT],
        )
    return pages


def text(visitor: Client, path: str = "/quarantine/") -> str:
    answer = visitor.get(path)
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_k_05_two_officers_in_two_browsers(kept: Pages) -> None:
    vera, omar = (kept.signed_in(user) for user in kept.officers)
    operator = kept.signed_in(kept.operator)
    page = text(operator)
    assert "ABCD1234-ABCD1234-7" in page
    assert "Device on hold (TS-2407)" in page
    assert "123.45" in page
    assert "Ask to re-admit" not in page, "an operator decides nothing"
    assert kept.send(operator, f"/quarantine/{ACT}/ask/", decision="readmit", reason=REASON).status_code == 404
    text(vera)
    assert kept.send(vera, f"/quarantine/{ACT}/ask/", decision="readmit", reason=REASON).status_code == 302
    again = kept.send(vera, f"/quarantine/{ACT}/ask/", decision="reject", reason=REASON)
    assert (again.status_code, b"Code TS-4004" in again.content) == (409, True)
    (number,) = kept.rows("SELECT request_id FROM approvals.request")[0]
    assert "Approve" not in text(vera), "not one's own"
    own = kept.send(vera, f"/quarantine/requests/{number}/approve/")
    assert (own.status_code, b"Code TS-4005" in own.content) == (409, True)
    assert "Approve" in text(omar)
    assert kept.send(omar, f"/quarantine/requests/{number}/approve/").status_code == 302
    assert "approved, is carried out shortly" in text(omar)
    assert kept.rows("SELECT state, asked_by, decided_by FROM approvals.request") == [("approved", "vera", "omar")]
    assert kept.rows("SELECT state FROM intake.quarantine") == [("received",)], "the pages carry nothing out"


def test_a_lost_place_is_asked_for_beside_the_document_behind_it(kept: Pages) -> None:
    """The button stands where something lacks before a document; what both officers see, and what was settled."""
    vera, omar = (kept.signed_in(user) for user in kept.officers)
    assert "Ask to settle what lacks before it" not in text(vera), "nothing lacks before that one"
    with psycopg.connect(kept.dsn) as conn:
        conn.execute("UPDATE intake.quarantine SET hindrance = ''")
        conn.execute(
            """INSERT INTO intake.quarantine (act_hash, body_hash, file_hash, body, requested_by, signed_by, ordinal,
                   tin, turnover, step, codes, verdict, received_at, entry_index)
               SELECT sha256('act'), body_hash, file_hash, body, 'HARD0001', 'HARD0001', 9, tin, turnover, step,
                      '{TS-1402}', verdict, received_at, 6 FROM intake.quarantine"""
        )
        content = {"device": "HARD0001", "first": "4", "last": "8", "behind": "3", "number": "HARD0001-HARD0001-9"}
        approvals.ask(conn, SETTLE, "ef" * 32, content, REASON, Person("vera", PORTAL), datetime.now(UTC))
        place = a_place("HARD0002", 17, 17, bytes(32), reason="<b>a bad sector</b>", request=99)
        place_store.put(conn, place, "123456789", datetime.now(UTC))
        place_store.number(conn, 99, 41)
    page = text(omar)
    assert "Ask to settle what lacks before it" in page
    assert "settle numbers 4 to 8 of HARD0001 as lost, 3 documents follow from HARD0001-HARD0001-9" in page
    assert "HARD0002, number 17" in page
    assert "entry 41" in page
    assert "&lt;b&gt;a bad sector" in page
    act = sha256(b"act").hex()
    answer = kept.send(vera, f"/quarantine/{act}/ask/", decision="settle", reason=REASON)
    assert (answer.status_code, b"Code TS-1408" in answer.content) == (409, True), "its entry is no register's"


def test_k_05_all_of_a_device_is_asked_for_at_once_and_what_came_later_is_not_in_it(kept: Pages) -> None:
    """What the page shows is what is asked for, and what the second officer reads; a stale page asks nothing."""
    vera, omar = (kept.signed_in(user) for user in kept.officers)
    copies = """INSERT INTO intake.quarantine (act_hash, body_hash, file_hash, body, requested_by, signed_by, ordinal,
                    tin, turnover, step, codes, verdict, received_at, entry_index)
                SELECT sha256(%s), body_hash, file_hash, body, requested_by, signed_by, %s, tin, turnover, step, codes,
                       verdict, received_at, %s FROM intake.quarantine WHERE ordinal = 7"""
    with psycopg.connect(kept.dsn) as conn:
        for number in (8, 9):
            conn.execute(copies, [bytes([number]), number, number])
    assert "ABCD1234: 3 documents" in text(vera)
    page = text(vera, "/quarantine/devices/ABCD1234/")
    for shown in ("3 documents wait", "7 to 9", "370.35", "Device on hold (TS-2407): 3", "entries up to 9"):
        assert shown in page, shown
    assert "2 documents wait" in text(vera, "/quarantine/devices/ABCD1234/?first=8&last=9")
    assert "Ask to re-admit" not in text(kept.signed_in(kept.operator), "/quarantine/devices/ABCD1234/")
    form = {name: re.search(rf'name="{name}" value="(\w+)"', page) for name in ("edge", "hash")}
    fields = {name: found[1] for name, found in form.items() if found} | {"first": "7", "last": "9"}
    with psycopg.connect(kept.dsn) as conn:
        conn.execute(copies, [b"ten", 9, 10])  # came while she was reading
    where = "/quarantine/devices/ABCD1234/ask/"
    for wrong, code in (
        ({"hash": "00" * 32}, b"TS-4007"),
        ({"last": "8"}, b"TS-4007"),
        ({"edge": "10"}, b"TS-4007"),
        ({"first": "x"}, b"TS-1220"),
        ({"edge": "9" * 19}, b"TS-1220"),
        ({"decision": "settle"}, b"TS-1220"),
        ({"reason": "short"}, b"TS-1220"),
        ({"first": "70", "last": "90"}, b"TS-4003"),
    ):
        answer = kept.send(vera, where, **({"decision": "readmit", "reason": REASON} | fields | wrong))
        assert code in answer.content, wrong
    assert kept.send(vera, where, decision="readmit", reason=REASON, **fields).status_code == 302
    asked = text(omar)
    assert "re-admit 3 documents, numbers 7 to 9, of ABCD1234" in asked
    assert "370.35" in asked
    assert kept.send(vera, where, decision="reject", reason=REASON, **fields).status_code == 409
    [(number, deed)] = kept.rows("SELECT request_id, deed FROM approvals.request")
    assert deed == "quarantine.decide-many"
    assert kept.send(omar, f"/quarantine/requests/{number}/approve/").status_code == 302
    with psycopg.connect(kept.dsn) as conn:
        many_store.begin(conn, number, "ABCD1234", datetime.now(UTC))
        [far] = many_store.newest(conn, 9)
        codes, hindrance = {"TS-3041 (TS-1402)": 1}, "number 8: TS-3041: <b>TS-1402"
        end = attrs.evolve(far, at_number=9, done=1, left_waiting=1, codes=codes, hindrance=hindrance)
        many_store.note(conn, attrs.evolve(end, finished_at=datetime.now(UTC)))
    ended = text(vera)
    for shown in (
        "Decisions about many",
        "TS-3041 (TS-1402): 1",
        "&lt;b&gt;TS-1402",
        "by themselves meanwhile</dt><dd>1<",
    ):
        assert shown in ended, shown
    assert kept.send(vera, "/quarantine/devices/NOBODY00/ask/", **fields).status_code in (404, 422)
    assert "None waits" in str(vera.get("/quarantine/devices/NOBODY00/").content)


def test_what_is_refused_says_why_and_keeps_the_words(kept: Pages) -> None:
    vera = kept.signed_in(kept.officers[0])
    text(vera)
    for act, decision, reason, code in (
        (ACT, "readmit", "short", b"TS-1220"),
        (ACT, "burn", REASON, b"TS-1220"),
        ("cd" * 32, "readmit", REASON, b"TS-4003"),
        ("zz", "readmit", REASON, b"TS-4003"),
    ):
        answer = kept.send(vera, f"/quarantine/{act}/ask/", decision=decision, reason=reason)
        assert code in answer.content
        assert answer.status_code in (404, 422)
    assert b"short" in kept.send(vera, f"/quarantine/{ACT}/ask/", decision="reject", reason="short").content
    for path in ("/quarantine/requests/99/approve/", "/witnesses/requests/99/approve/"):
        assert kept.send(vera, path).status_code == 404


def test_s0_041_the_page_of_witnesses_says_who_is_silent_what_contradicts_and_takes_a_second_word(
    pages: Pages, tmp_path: Path
) -> None:
    long_ago = datetime.now(UTC) - timedelta(minutes=20)
    log = NoteKey("log.example/x", KeyType.LOG, bytes(32))
    vera, omar = (pages.signed_in(user) for user in pages.officers)
    assert "Nobody watches this ledger" in text(vera, "/witnesses/")
    with witnesses(tmp_path, 3) as three, psycopg.connect(pages.dsn) as conn:
        operations.found_policy(conn, three.policy(log), "process:test", long_ago)
        conn.execute(
            "UPDATE witnesses.standing SET cosigned_at = now(), size = 5 WHERE verifier_key LIKE %s", ["%/0+%"]
        )
        operations.keep_conflict(
            conn, "device:ABCD1234", Contradiction.ANOTHER_ROOT, 5, b"<b>ours", b"theirs", long_ago
        )
        number = operations.ask_for_policy(
            conn, three.policy(log, 3), REASON, Person("vera", "portal"), datetime.now(UTC)
        )
    page = text(vera, "/witnesses/")
    assert page.count("has been silent for a quarter of an hour or more") == 2
    assert "The quorum is missing" in page
    assert "&lt;b&gt;ours" in page
    assert "brought by device:ABCD1234" in page
    assert "group all 3 w0 w1 w2" in page
    assert pages.send(vera, f"/witnesses/requests/{number}/approve/").status_code == 409
    text(omar, "/witnesses/")
    assert pages.send(omar, f"/quarantine/requests/{number}/approve/").status_code == 404, "another page's deed"
    assert pages.send(omar, f"/witnesses/requests/{number}/approve/").status_code == 302
    assert pages.rows("SELECT state FROM approvals.request") == [("approved",)]
