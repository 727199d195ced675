"""All that lies apart of a device, on a phone: looked at, narrowed, asked for by keyboard, approved, its end seen."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import psycopg
import pytest
from browsing import PHONE, Site, Visit, Visitor

from tallystick.authority.intake import many_store
from tallystick.authority.oversight.approvals import operations

pytestmark = pytest.mark.browser
REASON = "The register was stolen on Tuesday; what it had reported before was sold by its owner"


@pytest.fixture
def apart(site: Site) -> Iterator[Site]:
    """Three hundred documents of a register that lie apart."""
    with psycopg.connect(site.country.dsn, autocommit=True) as conn:
        conn.execute(
            """INSERT INTO intake.quarantine (act_hash, body_hash, file_hash, body, requested_by, signed_by, ordinal,
                   tin, turnover, step, codes, verdict, received_at, entry_index)
               SELECT sha256(('act ' || number)::bytea), sha256('body'), sha256('body'), 'body', 'HARD0001', 'HARD0001',
                      number, '123456789', 57000, 9,
                      CASE WHEN number > 280 THEN '{TS-2403,TS-1402}' ELSE '{TS-2403}' END::text[], 4,
                      now() - interval '2 hours' + number * interval '1 second', number
               FROM generate_series(1, 300) number"""
        )
        yield site
        conn.execute("SET session_replication_role = replica")
        for table in ("intake.quarantine", "intake.decision_of_many", "approvals.request"):
            conn.execute(f"DELETE FROM {table}".encode())


def signed_in(site: Site, visitor: Visitor, name: str) -> Visitor:
    visitor.page.goto(site.country.sign_in_link(site.portal, name))
    visitor.page.get_by_role("button", name="Sign in").click()
    visitor.page.wait_for_url(f"{site.portal.url}/")
    return visitor


def test_many_documents_are_decided_about_on_a_phone(apart: Site, visit: Visit) -> None:
    vera = signed_in(apart, visit(viewport=PHONE), "vera")
    vera.page.goto(f"{apart.portal.url}/quarantine/")
    vera.page.get_by_role("link", name="Look at all of HARD0001").focus()
    vera.page.keyboard.press("Enter")
    vera.page.wait_for_url("**/quarantine/devices/HARD0001/")
    assert vera.page.get_by_role("heading", name="300 documents wait").is_visible()
    vera.page.get_by_label("To number").fill("290")
    vera.page.keyboard.press("Enter")
    vera.page.wait_for_url("**last=290")
    assert vera.page.get_by_role("heading", name="290 documents wait").is_visible()
    assert "1,653.00" in vera.page.get_by_role("main").inner_text()
    vera.assert_fits()
    vera.assert_accessible()
    vera.picture("many-of-a-device")
    vera.page.get_by_label("Why").fill(REASON)
    vera.page.keyboard.press("Tab")
    vera.page.keyboard.press("Enter")
    vera.page.wait_for_url("**/quarantine/")

    omar = signed_in(apart, visit(viewport=PHONE), "omar")
    omar.page.goto(f"{apart.portal.url}/quarantine/")
    request = omar.page.get_by_role("article").filter(has_text="re-admit 290 documents, numbers 1 to 290, of HARD0001")
    assert "1,653.00" in request.inner_text()
    request.scroll_into_view_if_needed()
    omar.assert_fits()
    omar.assert_accessible()
    request.get_by_role("button", name="Approve").click()
    with psycopg.connect(apart.country.dsn, autocommit=True) as conn:
        now, codes = datetime.now(UTC), {"TS-3040": 9, "TS-3041 (TS-1402)": 1}
        taken = operations.take_next(conn, ("quarantine.decide-many",), now)
        assert taken is not None, "the worker has not been started here"
        many_store.begin(conn, taken.request_id, taken.object, now)
        end = many_store.Progress(
            request_id=taken.request_id, uid=taken.object, at_number=290, at_entry=290, done=279, left_waiting=10,
            codes=codes, hindrance="number 281: TS-3040: the signer was revoked", begun_at=now, finished_at=now,
        )  # fmt: skip
        many_store.note(conn, end)
    omar.page.goto(f"{apart.portal.url}/quarantine/")
    ended = omar.page.get_by_role("article").filter(has_text="First hindrance")
    assert "TS-3040: 9, TS-3041 (TS-1402): 1" in ended.inner_text()
    assert "Decided by themselves meanwhile" in ended.inner_text()
    omar.assert_fits()
    omar.assert_accessible()
    omar.page.locator("section[aria-labelledby=documents]").evaluate("one => one.remove()")  # fifty long articles
    omar.picture("many-decided")
