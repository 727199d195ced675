"""Inspections seen by a browser: on a phone, in the dark and by keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import psycopg
import pytest
from browsing import DESKTOP, PHONE, Site, Visit
from cases import open_cases

pytestmark = pytest.mark.browser
REASON = "the shop was closed for works; seen on the spot on Friday"


@pytest.fixture
def watched(site: Site) -> Iterator[Site]:
    """Two open cases; they are taken away again."""
    open_cases(site.country.dsn, datetime.now(UTC))
    yield site
    with psycopg.connect(site.country.dsn) as conn:
        conn.execute("SET session_replication_role = replica")
        conn.execute("DELETE FROM inspections.seen")
        conn.execute("DELETE FROM inspections.case_file")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_an_officer_closes_a_case_on_a_phone(watched: Site, visit: Visit, dark: bool) -> None:
    vera = visit(viewport=PHONE, dark=dark)
    page = vera.page
    page.goto(watched.country.sign_in_link(watched.portal, "vera"))
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{watched.portal.url}/")
    page.get_by_role("link", name="Inspections").click()
    vera.assert_fits()
    vera.assert_accessible()
    vera.picture(f"inspections-{'dark' if dark else 'light'}")
    page.get_by_role("link", name="Buyers hold receipts").click()
    page.get_by_text("Close with a reason").click()
    vera.assert_fits()
    vera.assert_accessible()
    vera.picture(f"inspection-{'dark' if dark else 'light'}")
    page.get_by_label("Why").fill(REASON)
    page.get_by_role("button", name="Close the case").click()
    assert REASON in page.get_by_role("article").inner_text()


def test_searching_cases_by_keyboard(watched: Site, visit: Visit) -> None:
    visitor = visit(viewport=DESKTOP)
    page = visitor.page
    page.goto(watched.country.sign_in_link(watched.portal, "vera"))
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{watched.portal.url}/")
    page.get_by_role("link", name="Inspections").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/inspections/")
    page.get_by_label("Taxpayer").focus()
    page.keyboard.type("987654321")
    page.keyboard.press("Enter")
    page.wait_for_url("**tin=987654321**")
    assert "Rows of the ledger lack" in page.get_by_role("list", name="Cases, newest first").inner_text()
    assert "Buyers" not in page.get_by_role("list", name="Cases, newest first").inner_text()
    visitor.assert_fits()
    visitor.picture("inspections-wide")
