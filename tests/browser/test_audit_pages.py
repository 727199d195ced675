"""Open audits seen by a browser: two officers in two browsers, on a phone and by keyboard (S2-104, K-13)."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from browsing import DESKTOP, PHONE, Site, Visit, Visitor

pytestmark = pytest.mark.browser
UID = "STUCK001"
REASON = "The shop burnt down on Friday; its POS shows the turnover of these two days"


@pytest.fixture
def stuck(site: Site) -> Iterator[Site]:
    """A card that waits for documents, one whose sum contradicts; both are taken away again."""
    with psycopg.connect(site.country.dsn, autocommit=True) as conn:
        for uid, state, code, missing, gone, held in (
            (UID, "incomplete", "TS-1406", [17, 17, 40, 45], [17, 17], None),
            ("OTHER001", "contradicts", "TS-1405", [], [], 90_000_000),
        ):
            conn.execute(
                """INSERT INTO audit.request (uid, audit_sequence, nonce, total_counter, proven_counter, unaudited,
                       card_limit, stated_sum, stated_limit, received_at, state, missing, gone, held, code)
                   VALUES (%s, 1, decode(repeat('00', 32), 'hex'), 50, 16, 123456700, 1000000000, 0, 0,
                           now() - interval '5 hours', %s, %s, %s, %s, %s)""",
                [uid, state, missing, gone, held, code],
            )
        yield site
        conn.execute("DELETE FROM audit.override; DELETE FROM audit.request WHERE audit_sequence = 1")


def sign_in(site: Site, visitor: Visitor, user: str) -> None:
    """By a one-time link."""
    visitor.page.goto(site.country.sign_in_link(site.portal, user))
    visitor.page.get_by_role("button", name="Sign in").click()
    visitor.page.wait_for_url(f"{site.portal.url}/")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_two_officers_release_a_card_on_their_phones(stuck: Site, visit: Visit, dark: bool) -> None:
    vera, omar = visit(viewport=PHONE, dark=dark), visit(viewport=PHONE, dark=dark)
    sign_in(stuck, vera, "vera")
    vera.page.get_by_role("link", name="Audits").click()
    card = vera.page.get_by_role("article", name=UID, exact=True)
    assert "17, 40–45" in card.inner_text()
    assert "Lost at the device" in card.inner_text()
    vera.assert_fits()
    vera.assert_accessible()
    card.get_by_text(f"Release {UID} nevertheless").click()
    card.get_by_label("Why, and how the liability is known").fill(REASON)
    vera.assert_fits()
    vera.assert_accessible()
    vera.picture(f"audits-ask-{'dark' if dark else 'light'}")
    card.get_by_role("button", name="Ask a second officer").click()
    asked = vera.page.get_by_role("article", name="override").first
    assert "waits for a second officer (TS-3105)" in asked.inner_text()
    assert asked.get_by_role("button", name="Approve").count() == 0
    sign_in(stuck, omar, "omar")
    omar.page.goto(f"{stuck.portal.url}/audits/")
    omar.assert_fits()
    omar.picture(f"audits-pending-{'dark' if dark else 'light'}")
    asked = omar.page.get_by_role("article", name="override").first
    asked.get_by_role("button", name="Approve").click()
    assert "approved" in omar.page.get_by_role("article", name="override").first.inner_text()
    omar.assert_fits()
    omar.assert_accessible()
    omar.picture(f"audits-approved-{'dark' if dark else 'light'}")


def test_everything_by_keyboard(stuck: Site, visit: Visit) -> None:
    visitor = visit(viewport=DESKTOP)
    sign_in(stuck, visitor, "vera")
    page = visitor.page
    for expected in ("Skip to content", "Live", "Audits"):
        page.keyboard.press("Tab")
        assert page.locator(":focus").inner_text() == expected
    page.keyboard.press("Enter")
    page.wait_for_url(f"{stuck.portal.url}/audits/")
    page.locator("#main").focus()
    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() in (f"Release {UID} nevertheless", "Release OTHER001 nevertheless")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.tagName") == "TEXTAREA"
    page.keyboard.type("short")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.tagName") == "TEXTAREA", "the browser asks for more words"
    page.keyboard.press("End")
    page.keyboard.type(" of nothing: " + REASON)
    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "Ask a second officer"
    page.keyboard.press("Enter")
    page.get_by_role("article", name="override").wait_for()
    visitor.assert_accessible()
    visitor.picture("audits-desk")


def test_the_operator_sees_and_decides_nothing(stuck: Site, visit: Visit) -> None:
    visitor = visit()
    sign_in(stuck, visitor, "operator")
    visitor.page.goto(f"{stuck.portal.url}/audits/")
    assert visitor.page.get_by_role("article").count() == 2
    assert visitor.page.get_by_role("button").all_inner_texts() == ["Sign out"]
    visitor.assert_accessible()
