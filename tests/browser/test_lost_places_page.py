"""A lost place on the page of quarantine: asked for on a phone, by keyboard, and seen when it is settled."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import psycopg
import pytest
from browsing import PHONE, Site, Visit
from settled_values import a_place

from tallystick.authority.intake import place_store
from tallystick.authority.intake.places import SETTLE
from tallystick.authority.oversight.approvals import operations
from tallystick.authority.oversight.approvals.values import PORTAL, Person

pytestmark = pytest.mark.browser
REASON = "A sector of the memory is unreadable, and the paper of that receipt is gone as well"


@pytest.fixture
def lost(site: Site) -> Iterator[Site]:
    """A document behind a hole, a request about another one, and a place that is settled."""
    with psycopg.connect(site.country.dsn, autocommit=True) as conn:
        conn.execute(
            """INSERT INTO intake.quarantine (act_hash, body_hash, file_hash, body, requested_by, signed_by, ordinal,
                   tin, turnover, step, codes, verdict, received_at, entry_index)
               VALUES (sha256('act'), sha256('body'), sha256('body'), 'body', 'HARD0001', 'HARD0001', 18,
                       '123456789', 57000, 9, '{TS-1402}', 4, now(), 1)"""
        )
        now, vera = datetime.now(UTC), Person("vera", PORTAL)
        content = {"device": "HARD0003", "first": "4", "last": "8", "behind": "312", "number": "HARD0003-HARD0003-9"}
        operations.ask(conn, SETTLE, "ef" * 32, content, REASON, vera, now)
        place_store.put(conn, a_place("HARD0002", 17, 17, bytes(32), reason=REASON, request=99), "123456789", now)
        place_store.number(conn, 99, 41)
        yield site
        conn.execute("SET session_replication_role = replica")
        conn.execute("DELETE FROM intake.quarantine")
        conn.execute("DELETE FROM intake.settled_place")
        conn.execute("DELETE FROM approvals.request")


def test_a_lost_place_is_asked_for_and_seen_on_a_phone(lost: Site, visit: Visit) -> None:
    omar = visit(viewport=PHONE)
    omar.page.goto(lost.country.sign_in_link(lost.portal, "omar"))
    omar.page.get_by_role("button", name="Sign in").click()
    omar.page.wait_for_url(f"{lost.portal.url}/")
    omar.page.goto(f"{lost.portal.url}/quarantine/")
    document = omar.page.get_by_role("article").filter(has_text="HARD0001-HARD0001-18")
    document.locator("summary").focus()
    omar.page.keyboard.press("Enter")
    assert document.get_by_role("button", name="Ask to settle what lacks before it").is_visible()
    settled = omar.page.get_by_role("article").filter(has_text="HARD0002, number 17")
    assert "settled by vera and omar" in settled.inner_text()
    omar.assert_fits()
    omar.assert_accessible()
    omar.picture("lost-places")
    request = omar.page.get_by_role("article").filter(has_text="settle numbers 4 to 8 of HARD0003 as lost")
    request.get_by_role("button", name="Approve").click()
    assert "approved, is carried out shortly" in request.inner_text()
