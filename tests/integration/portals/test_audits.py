"""Open audits and overrides on the pages: who sees them, who decides, two officers in two browsers (S2-104, K-13)."""

from __future__ import annotations

import psycopg
import pytest
from django.test import Client
from portal_pages import Pages

REASON = "the device burnt with the shop on Friday"
UID = "ABCD1234"


@pytest.fixture
def stuck(pages: Pages) -> Pages:
    """A card of which nothing has arrived, that asked for a proof of three invoices."""
    with psycopg.connect(pages.dsn) as conn:
        conn.execute(
            """INSERT INTO audit.request (uid, audit_sequence, nonce, total_counter, proven_counter, unaudited,
                   card_limit, stated_sum, stated_limit, received_at, state, missing, gone, code)
               VALUES (%s, 1, decode(repeat('00', 32), 'hex'), 3, 0, 1234567, 10000000, 0, 0, now(), 'incomplete',
                       '{1,3}', '{2,2}', 'TS-1406')""",
            [UID],
        )
        conn.execute("INSERT INTO audit.cycle (uid, started_at) VALUES (%s, now())", [UID])
    return pages


def text(visitor: Client, path: str = "/audits/") -> str:
    """What a page says."""
    answer = visitor.get(path)
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_k_13_the_page_says_which_card_waits_for_what(stuck: Pages) -> None:
    for user in (stuck.operator, *stuck.officers):
        page = text(stuck.signed_in(user))
        assert f'<h3 id="card-{UID}">{UID}</h3>' in page
        assert "waits for documents (TS-1406)" in page
        assert "<dt>Missing numbers</dt><dd>1–3</dd>" in page
        assert "<dt>Lost at the device</dt><dd>2</dd>" in page
        assert "<dt>Unaudited at the card</dt><dd>123.46</dd>" in page


def test_s2_104_two_officers_in_two_browsers(stuck: Pages) -> None:
    vera, omar = (stuck.signed_in(user) for user in stuck.officers)
    assert "Ask a second officer" in text(vera)
    assert stuck.send(vera, f"/audits/{UID}/override/", reason=REASON).status_code == 302
    page = text(vera)
    assert "waits for a second officer (TS-3105)" in page
    assert "Approve" not in page, "not one's own"
    (number,) = stuck.rows("SELECT override_id FROM audit.override")[0]
    own = stuck.send(vera, f"/overrides/{number}/approve/")
    assert (own.status_code, b"Code TS-4005" in own.content) == (409, True)
    assert "Approve" in text(omar)
    assert stuck.send(omar, f"/overrides/{number}/approve/").status_code == 302
    rows = stuck.rows("SELECT state, asked_by, decided_by, excused, presumed FROM audit.override")
    assert rows == [("approved", "vera", "omar", [1, 3], 1234567)]
    page = text(omar)
    assert "Decided by</dt><dd>omar" in page
    assert "Came after all</dt><dd>0 of 3" in page
    late = stuck.send(omar, f"/overrides/{number}/refuse/")
    assert (late.status_code, b"Code TS-4007" in late.content) == (412, True)


def test_a_request_may_be_taken_back_or_refused(stuck: Pages) -> None:
    vera, omar = (stuck.signed_in(user) for user in stuck.officers)
    for who in (vera, omar):
        text(vera)
        assert stuck.send(vera, f"/audits/{UID}/override/", reason=REASON).status_code == 302
        (number,) = stuck.rows("SELECT max(override_id) FROM audit.override")[0]
        text(who)
        assert stuck.send(who, f"/overrides/{number}/refuse/").status_code == 302
    assert stuck.rows("SELECT DISTINCT state FROM audit.override") == [("refused",)]


def test_what_is_refused_says_why_and_keeps_the_words(stuck: Pages) -> None:
    vera = stuck.signed_in(stuck.officers[0])
    text(vera)
    answer = stuck.send(vera, f"/audits/{UID}/override/", reason="<b>few")
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "Code TS-1220" in page
    assert "&lt;b&gt;few</textarea>" in page
    for path, status in ((f"/audits/{UID[::-1]}/override/", 404), ("/overrides/99/approve/", 404)):
        answer = stuck.send(vera, path, reason=REASON)
        assert (answer.status_code, b"Code TS-4003" in answer.content) == (status, True)
    assert stuck.rows("SELECT count(*) FROM audit.override") == [(0,)]


def test_nobody_else_decides(stuck: Pages) -> None:
    """Forbidden looks like missing; no form, no deed; a GET changes nothing; without our form's token neither."""
    operator = stuck.signed_in(stuck.operator)
    assert "Ask a second officer" not in text(operator)
    deeds = (f"/audits/{UID}/override/", "/overrides/1/approve/", "/overrides/1/refuse/")
    for path in deeds:
        answer = stuck.send(operator, path, reason=REASON)
        assert (answer.status_code, b"Page not found" in answer.content) == (404, True)
    taxpayer = stuck.signed_in(stuck.taxpayer)
    assert taxpayer.get("/audits/").status_code == 404
    vera = stuck.signed_in(stuck.officers[0])
    for path in deeds:
        assert vera.get(path).status_code == 405
        assert vera.post(path, {"reason": REASON}).status_code == 403
    assert stuck.visitor().get("/audits/").status_code == 302
    assert stuck.rows("SELECT count(*) FROM audit.override") == [(0,)]


def test_an_officer_who_was_switched_off_decides_nothing(stuck: Pages) -> None:
    vera = stuck.signed_in(stuck.officers[0])
    text(vera)
    with psycopg.connect(stuck.dsn) as conn:
        conn.execute("UPDATE registry.app_user SET is_active = false WHERE username = 'vera'")
    assert stuck.send(vera, f"/audits/{UID}/override/", reason=REASON).status_code in (302, 404)
    assert stuck.rows("SELECT count(*) FROM audit.override") == [(0,)]
