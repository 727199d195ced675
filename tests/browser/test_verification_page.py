"""The page a buyer lands on, seen by a browser: five answers, three languages, a phone's width, no script needed."""

from __future__ import annotations

import io

import attrs
import pytest
import zxingcpp
from browsing import DESKTOP, Site, Visit
from PIL import Image
from public_live import shelf

from benchmarks.package_maker import sale
from tallystick.authority.projections.verification.check import State
from tallystick.authority.projections.verification.words import PAGE_LANGUAGES
from tallystick.kernel.invoice import InvoiceType

pytestmark = pytest.mark.browser
SHOWN = (State.VALID, State.PENDING, State.MISMATCH, State.NOT_FISCAL, State.NOT_VERIFIABLE)


@pytest.fixture(scope="module")
def urls(site: Site) -> dict[State, str]:
    """One verification URL for each answer."""
    country = site.country
    booked = country.book(sale(shelf(20), buyer_id="10:998877665"))
    training = country.book(sale(shelf(3), invoice_type=InvoiceType.TRAINING))
    card = country.card
    counters = card.total_counter, list(card.type_counters)
    card.total_counter = booked.number.ordinal - 1
    _, other = country.sign(sale(shelf(2)))
    card.total_counter, card.type_counters = counters
    _, pending = country.sign(sale(shelf(4)))
    broken = booked.verification_url[:-40] + "A" * 40
    found = (
        booked.verification_url,
        pending.verification_url,
        other.verification_url,
        training.verification_url,
        broken,
    )
    return {state: site.page_of(url) for state, url in zip(SHOWN, found, strict=True)}


@pytest.mark.parametrize("tag", PAGE_LANGUAGES)
@pytest.mark.parametrize("state", SHOWN)
def test_each_answer_in_each_language_on_a_phone(
    site: Site, visit: Visit, urls: dict[State, str], state: State, tag: str
) -> None:
    visitor = visit()
    visitor.context.add_cookies([{"name": "localization", "value": tag, "url": site.public.url}])
    answer = visitor.page.goto(urls[state])
    assert answer is not None
    assert answer.status == (400 if state is State.NOT_VERIFIABLE else 200)
    assert visitor.page.locator("h1").inner_text().endswith(PAGE_LANGUAGES[tag].states[state])
    assert visitor.page.locator("html").get_attribute("lang") == tag
    visitor.assert_fits()
    visitor.assert_accessible()
    visitor.picture(f"verification-{state}-{tag}")


@pytest.mark.parametrize("state", SHOWN)
def test_each_answer_in_the_dark(visit: Visit, urls: dict[State, str], state: State) -> None:
    visitor = visit(dark=True)
    visitor.page.goto(urls[state])
    visitor.assert_accessible()
    visitor.picture(f"verification-{state}-dark")


@pytest.mark.parametrize("width", [320, 600, 1280])
def test_other_widths_scroll_no_page_sideways(visit: Visit, urls: dict[State, str], width: int) -> None:
    visitor = visit(viewport=DESKTOP | {"width": width})
    visitor.page.goto(urls[State.VALID])
    for summary in visitor.page.locator("summary").all():
        summary.click()
    visitor.assert_fits()
    visitor.assert_accessible()
    visitor.picture(f"verification-valid-{width}")


def test_everything_is_there_without_script(visit: Visit, urls: dict[State, str]) -> None:
    visitor = visit(script=False)
    visitor.page.goto(urls[State.VALID])
    assert visitor.page.locator("h1").inner_text() == "Invoice is verified"
    assert visitor.page.locator("tbody tr").count() == 20
    assert visitor.page.locator("#invoiceNumberLabel").inner_text().startswith("ABCD1234-ABCD1234-")
    visitor.page.get_by_role("link", name="Српски").click()
    assert visitor.page.locator("h1").inner_text() == "Рачун је проверен"
    visitor.page.locator("summary").first.click()
    assert visitor.page.locator("#PrintInvoice strong").first.is_visible()


def test_the_language_changes_by_keyboard_alone_and_stays(visit: Visit, urls: dict[State, str]) -> None:
    visitor = visit()
    page = visitor.page
    page.goto(urls[State.VALID])
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "Srpski"
    outline = page.locator(":focus").evaluate("link => getComputedStyle(link).outlineStyle")
    assert outline == "solid"
    page.keyboard.press("Enter")
    page.wait_for_load_state()
    assert page.locator("h1").inner_text() == "Račun je proveren"
    assert page.url == urls[State.VALID]
    page.goto(urls[State.PENDING])
    assert page.locator("html").get_attribute("lang") == "sr-Latn-RS"


def test_every_fold_opens_by_keyboard(visit: Visit, urls: dict[State, str]) -> None:
    visitor = visit()
    page = visitor.page
    page.goto(urls[State.VALID])
    while True:
        page.keyboard.press("Tab")
        focused = page.evaluate("document.activeElement.tagName")
        if focused == "BODY":
            break
        if focused == "SUMMARY":
            page.keyboard.press("Enter")
    assert page.locator("details[open]").count() == page.locator("details").count() == 3
    visitor.assert_accessible()


def test_the_code_on_the_page_leads_to_the_page(visit: Visit, urls: dict[State, str]) -> None:
    """S2-060: what a phone reads off the screen is the verification URL."""
    visitor = visit(device_scale_factor=2)
    visitor.page.goto(urls[State.VALID])
    picture = visitor.page.locator("img.qr").screenshot()
    found = zxingcpp.read_barcodes(Image.open(io.BytesIO(picture)))
    assert [code.text.partition("?")[2] for code in found] == [urls[State.VALID].partition("?")[2]]


def test_a_script_in_a_name_does_not_run(site: Site, visit: Visit) -> None:
    name = "<script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">\u202eexe"
    items = (attrs.evolve(shelf(1)[0], name=name),)
    result = site.country.book(sale(items, cashier="<b>Ana</b>"))
    visitor = visit()
    visitor.page.goto(site.page_of(result.verification_url))
    assert visitor.page.title() == "Invoice is verified"
    assert "[U+202E]exe" in visitor.page.locator("tbody").inner_text()
    assert visitor.page.locator("img[src=x], b").count() == 0
    visitor.picture("verification-hostile-name")


def test_a_page_that_is_not_there(site: Site, visit: Visit) -> None:
    visitor = visit()
    answer = visitor.page.goto(f"{site.public.url}/nothing")
    assert answer is not None
    assert answer.status == 404
    visitor.assert_accessible()
    visitor.picture("verification-missing")
