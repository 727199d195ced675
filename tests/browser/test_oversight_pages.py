"""Requests and activity seen by a browser: on a phone, in the dark and by keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import psycopg
import pytest
from browsing import DESKTOP, PHONE, Site, Visit, Visitor

from tallystick.authority.oversight.approvals import operations
from tallystick.authority.oversight.approvals.values import PORTAL, Person
from tallystick.authority.reference.builds.operations import REVOKE
from tallystick.authority.reference.production.batches import OPEN_DEED

pytestmark = pytest.mark.browser
REASON = "Anchored before the revocation by the checkpoint of Friday evening; the shop did not know of the theft"


@pytest.fixture
def asked(site: Site) -> Iterator[Site]:
    """Two requests that wait, one of them to be decided in its own room; they are taken away again."""
    with psycopg.connect(site.country.dsn, autocommit=True) as conn:
        content = {"act": "3f9c0ab1" * 8, "documents": "17 to 45"}
        now, thing = datetime.now(UTC), "documents 17 to 45 of STUCK001"
        vera = Person("vera", PORTAL)
        operations.ask(conn, OPEN_DEED, "batch 7", {}, "The yearly order of the northern district", vera, now)
        operations.ask(conn, REVOKE, thing, content, REASON, vera, now)
        yield site
        conn.execute("SET session_replication_role = replica")
        conn.execute("DELETE FROM approvals.request")


def sign_in(site: Site, visitor: Visitor, user: str) -> None:
    visitor.page.goto(site.country.sign_in_link(site.portal, user))
    visitor.page.get_by_role("button", name="Sign in").click()
    visitor.page.wait_for_url(f"{site.portal.url}/")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_second_officer_approves_on_a_phone(asked: Site, visit: Visit, dark: bool) -> None:
    omar = visit(viewport=PHONE, dark=dark)
    sign_in(asked, omar, "omar")
    omar.page.get_by_role("link", name="Requests").click()
    request = omar.page.get_by_role("article").filter(has_text="STUCK001")
    assert "waits for a second person" in request.inner_text()
    omar.assert_fits()
    omar.assert_accessible()
    omar.picture(f"requests-{'dark' if dark else 'light'}")
    request.get_by_role("button", name="Approve").click()
    assert "approved, not carried out yet" in request.inner_text()
    own_room = omar.page.get_by_role("article").filter(has_text="batch 7")
    assert own_room.get_by_role("button").count() == 0
    own_room.get_by_role("link", name="Fiscal modules").focus()
    omar.page.keyboard.press("Enter")
    omar.page.wait_for_url("**/production/")
    omar.page.get_by_role("link", name="Activity").click()
    assert "approvals.approve" in omar.page.get_by_role("list", name="Acts, newest first").inner_text()
    omar.assert_fits()
    omar.assert_accessible()
    omar.picture(f"activity-{'dark' if dark else 'light'}")


def test_searching_by_keyboard(asked: Site, visit: Visit) -> None:
    visitor = visit(viewport=DESKTOP)
    sign_in(asked, visitor, "vera")
    page = visitor.page
    page.get_by_role("link", name="Activity").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/activity/")
    page.get_by_label("What", exact=True).focus()
    page.keyboard.type("approvals.ask")
    page.keyboard.press("Enter")
    page.wait_for_url("**verb=approvals.ask**")
    assert "STUCK001" in page.get_by_role("list", name="Acts, newest first").inner_text()
    visitor.assert_fits()
    visitor.picture("activity-wide")


def test_a_character_that_is_no_text_is_refused_on_a_page(site: Site, visit: Visit) -> None:
    visitor = visit(viewport=PHONE)
    visitor.page.goto(f"{site.portal.url}/sign-in/?next=%00")
    assert "TS-4024" in visitor.page.inner_text("main")
    visitor.assert_fits()
    visitor.assert_accessible()
    visitor.picture("no-text")
