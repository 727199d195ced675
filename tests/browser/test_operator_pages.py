"""The operator's pages, seen by a browser: in by a link that works once, the country live, on a phone and a desk."""

from __future__ import annotations

import re

import pytest
from browsing import DESKTOP, PHONE, Site, Visit, Visitor
from public_live import shelf, wait_until

from benchmarks.package_maker import sale

pytestmark = pytest.mark.browser
WIDTHS = {"phone": PHONE, "desk": DESKTOP}


def sign_in(site: Site, visitor: Visitor) -> None:
    """Open a new link and press its button."""
    visitor.page.goto(site.country.sign_in_link(site.portal))
    visitor.page.get_by_role("button", name="Sign in").click()
    visitor.page.wait_for_url(f"{site.portal.url}/")


def figure(visitor: Visitor, name: str) -> str:
    """What a card says."""
    card = visitor.page.locator("li").filter(has=visitor.page.locator(f'.name:text-is("{name}")'))
    return card.locator(".figure").inner_text()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_the_way_in_and_the_country_live(site: Site, visit: Visit, width: str, dark: bool) -> None:
    site.country.book(sale(shelf(3)))
    name = f"{width}-{'dark' if dark else 'light'}"
    visitor = visit(viewport=WIDTHS[width], dark=dark)
    visitor.page.goto(site.portal.url)
    assert visitor.page.url.startswith(f"{site.portal.url}/sign-in/")
    visitor.assert_accessible()
    visitor.picture(f"operator-sign-in-{name}")
    sign_in(site, visitor)
    assert visitor.page.locator("h1").inner_text() == "Antarctica, live"
    assert figure(visitor, "Secure elements") == "2"
    assert int(figure(visitor, "Entries").replace(",", "")) >= 4
    assert figure(visitor, "99 of 100 within").endswith(" ms")
    assert "fdo.example/test/intake" in visitor.page.locator("#checkpoint-note").inner_text()
    visitor.assert_fits()
    visitor.assert_accessible()
    visitor.picture(f"operator-live-{name}")


def test_the_figures_renew_themselves_until_paused(site: Site, visit: Visit) -> None:
    visitor = visit()
    sign_in(site, visitor)
    visitor.page.evaluate("window.untouched = true")
    before = int(figure(visitor, "Entries").replace(",", ""))
    site.country.book()
    wait_until(lambda: int(figure(visitor, "Entries").replace(",", "")) > before, seconds=20)
    assert visitor.page.evaluate("window.untouched") is True
    visitor.page.get_by_role("button", name="Pause").click()
    visitor.page.wait_for_timeout(3000)
    shown = visitor.page.locator("time").inner_text()
    visitor.page.wait_for_timeout(3000)
    assert visitor.page.locator("time").inner_text() == shown
    visitor.page.get_by_role("button", name="Go on").click()
    wait_until(lambda: visitor.page.locator("time").inner_text() != shown, seconds=20)


def test_where_the_keyboard_is_stays_when_the_figures_renew(site: Site, visit: Visit) -> None:
    visitor = visit()
    sign_in(site, visitor)
    visitor.page.locator("#checkpoint-note").focus()
    shown = visitor.page.locator("time").inner_text()
    wait_until(lambda: visitor.page.locator("time").inner_text() != shown, seconds=20)
    assert visitor.page.evaluate("document.activeElement.id") == "checkpoint-note"


def test_old_figures_are_called_old(site: Site, visit: Visit) -> None:
    visitor = visit()
    sign_in(site, visitor)
    visitor.context.set_offline(True)
    message = visitor.page.locator("#connection")
    wait_until(lambda: message.inner_text().startswith("No answer"), seconds=20)
    visitor.assert_accessible()
    visitor.picture("operator-live-no-answer")
    visitor.context.set_offline(False)
    wait_until(lambda: message.inner_text() == "", seconds=20)
    visitor.complaints[:] = [text for text in visitor.complaints if "ERR_INTERNET_DISCONNECTED" not in text]


def test_a_link_signs_in_once(site: Site, visit: Visit) -> None:
    link = site.country.sign_in_link(site.portal)
    first, second = visit(), visit()
    for visitor in (first, second):
        visitor.page.goto(link)
    first.page.get_by_role("button", name="Sign in").click()
    assert first.page.locator("h1").inner_text() == "Antarctica, live"
    second.page.get_by_role("button", name="Sign in").click()
    assert "used already" in second.page.get_by_role("alert").inner_text()
    second.assert_accessible()
    second.picture("operator-link-spent")


def test_everything_by_keyboard_from_the_link_to_the_way_out(site: Site, visit: Visit) -> None:
    visitor = visit(viewport=DESKTOP)
    page = visitor.page
    page.goto(site.country.sign_in_link(site.portal))
    page.locator("button:focus").wait_for()  # the page puts the focus there, a moment after it has loaded
    page.keyboard.press("Enter")
    page.wait_for_url(f"{site.portal.url}/")
    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "Skip to content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "Pause"
    page.keyboard.press("Shift+Tab")
    assert page.locator(":focus").inner_text() == "Sign out"
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/sign-in/"))
    page.goto(site.portal.url)
    assert "/sign-in/" in page.url


def test_the_live_page_without_script_has_a_link_instead(site: Site, visit: Visit) -> None:
    visitor = visit(script=False)
    sign_in(site, visitor)
    assert figure(visitor, "Secure elements") == "2"
    assert visitor.page.locator("#pause").is_hidden()
    visitor.page.get_by_role("link", name="Show the figures anew").click()
    assert visitor.page.locator("h1").inner_text() == "Antarctica, live"


def test_a_page_that_is_not_there(site: Site, visit: Visit) -> None:
    visitor = visit()
    sign_in(site, visitor)
    answer = visitor.page.goto(f"{site.portal.url}/nothing/")
    assert answer is not None
    assert answer.status == 404
    visitor.assert_accessible()
    visitor.picture("operator-missing")
