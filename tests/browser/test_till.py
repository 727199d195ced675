"""The till in a browser: phone, small touch screen, keys alone, a scanner that types, three languages, no script.

S0-020, S0-063, S0-094 to S0-096. Pictures of each place are written for people to look at.
"""

from __future__ import annotations

import http.client
import json
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from browsing import DESKTOP, PHONE, Visit, Visitor
from till_bench import Bench, sale, without_flushes
from till_live import LiveRegister

from tallystick.device.ecr.synchronise import Pace

pytestmark = pytest.mark.browser
SMALL_SCREEN = {"width": 480, "height": 320}
CATALOGUE = (
    "code,name,price,label\n4006381333931,Blue pen,1.20,A\n20000017,Bread,2.50,B\n"
    "20000024,A very long name of a cheese from the mountains behind the seven hills,11.99,A\n"
)
LANGUAGES = ("en-US", "sr-Cyrl-RS", "ka-GE")
SLOW = Pace(round_seconds=60)


@pytest.fixture(autouse=True, scope="module")
def _quick() -> Iterator[None]:
    with without_flushes():
        yield


def till(folder: Path, *, offline: bool, pace: Pace = SLOW) -> LiveRegister:
    """A register with a catalogue, on the clock of now."""
    folder.mkdir()
    (folder / "catalogue.csv").write_text(CATALOGUE, encoding="utf-8")
    return LiveRegister(Bench(folder, offline=offline, languages=LANGUAGES), pace)


@pytest.fixture
def online(tmp_path: Path) -> Iterator[LiveRegister]:
    running = till(tmp_path / "online", offline=False)
    yield running
    running.close()


@pytest.fixture
def offline(tmp_path: Path) -> Iterator[LiveRegister]:
    running = till(tmp_path / "offline", offline=True)
    yield running
    running.close()


def begun(visitor: Visitor, live: LiveRegister) -> Visitor:
    """Registered, with an open shift, at the field for codes."""
    page = visitor.page
    page.goto(live.url)
    page.keyboard.press("Tab")
    page.get_by_role("button", name="Report the register").click()
    page.get_by_label("Cash in the drawer").fill("100")
    page.get_by_label("Cashier").fill("Ana")
    page.get_by_role("button", name="Open the shift").click()
    page.get_by_text("The shift is open.").wait_for()
    return visitor


def look(visitor: Visitor, name: str, *, with_axe: bool = False) -> None:
    visitor.assert_fits()
    visitor.picture(f"till-{name}")
    if with_axe:
        visitor.assert_accessible()


def test_s0_020_a_sale_by_scanner_and_keys_alone_on_a_phone(online: LiveRegister, visit: Visit) -> None:
    visitor = visit(viewport=PHONE)
    visitor.page.goto(online.url)
    look(visitor, "1-not-registered")
    begun(visitor, online)
    page = visitor.page
    look(visitor, "2-empty")
    for typed in ("4006381333931", "3*20000017", "cheese"):  # as fast as a scanner types, without a pause
        page.keyboard.type(typed)
        page.keyboard.press("Enter")
    page.get_by_role("heading", name="Found").wait_for()
    look(visitor, "3-found")
    page.get_by_role("button", name="A very long name").click()
    assert page.locator("#total").inner_text() == "20.69 XTS"
    page.get_by_role("button", name="one less: Bread").click()
    page.get_by_role("button", name="remove: A very long").click()
    assert page.locator("#total").inner_text() == "6.20 XTS"
    look(visitor, "4-basket", with_axe=True)
    assert page.evaluate("document.activeElement.name") == "code", "the scanner types where the focus is"
    page.get_by_label("Handed over in cash").fill("10")
    page.keyboard.press("Enter")
    page.get_by_text("Change: 3.80 XTS").wait_for()
    look(visitor, "5-receipt", with_axe=True)
    box = page.locator("img.qr").bounding_box()
    assert box is not None
    assert box["width"] > 200
    page.get_by_role("link", name="Next sale").press("Enter")
    page.get_by_text("The basket is empty").wait_for()
    assert online.bench.authority.state.turnover == online.bench.register.status().state.turnover
    assert json.loads(online.bench.register.newest(1)[0])["total"] == "6.20"


def test_goods_come_back_are_corrected_and_the_shift_is_closed(online: LiveRegister, visit: Visit) -> None:
    page = begun(visit(viewport=PHONE), online).page
    page.keyboard.type("2*20000017")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Card").click()
    page.get_by_label("Address or number").fill("a@b.example")
    page.get_by_role("button", name="Send").click()
    page.get_by_text("The authority sends the link.").wait_for()
    page.get_by_role("link", name="Give back").click()
    page.get_by_label("Bread (2)").fill("1")
    page.get_by_role("button", name="Give back", exact=True).click()
    page.get_by_text("Given back.").wait_for()
    page.goto(online.url + "receipt/3")
    page.get_by_text("May still be given back: 2.50 XTS").wait_for()
    page.get_by_role("link", name="Give back").click()
    page.get_by_role("button", name="Give everything back").click()
    page.get_by_text("More than is left of the sale.").wait_for()
    page.goto(online.url + "correct/3")
    page.get_by_label("Name").fill("Bread")
    page.get_by_label("Price").fill("0,10")
    page.get_by_label("Tax label").select_option("B")
    page.get_by_label("Reason").fill("wrong price")
    page.get_by_role("button", name="Correct").click()
    page.get_by_text("Corrected.").wait_for()
    page.get_by_role("link", name="Shift").click()
    page.get_by_role("button", name="Report without closing").click()
    page.get_by_text("Report made.").wait_for()
    page.get_by_role("link", name="Shift").click()
    page.get_by_role("button", name="Close the shift").click()
    page.get_by_text("The shift is closed.").wait_for()
    assert not online.bench.authority.state.is_open
    assert len(online.bench.authority.booked) == 7


def test_s0_063_without_a_network_the_online_class_says_that_nothing_was_sold(
    online: LiveRegister, visit: Visit
) -> None:
    visitor = begun(visit(viewport=PHONE), online)
    page, authority = visitor.page, online.bench.authority
    page.keyboard.type("20000017")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="one more: Bread").wait_for()
    authority.away = True
    page.get_by_role("button", name="Card").click()
    page.get_by_text("No connection to the authority: nothing was sold.").wait_for()
    look(visitor, "6-no-network", with_axe=True)
    authority.away, authority.lost_answers = False, 1
    page.get_by_role("button", name="Card").click()
    page.get_by_role("heading", name="The sale has no answer yet").wait_for()
    look(visitor, "7-no-answer")
    page.get_by_role("button", name="Try again").click()
    page.get_by_text("Sold.").wait_for()
    assert len(authority.booked) == 3, "one sale, however often it was tried"


def test_s0_064_a_revoked_register_says_so_in_every_language_and_sells_nothing(
    online: LiveRegister, visit: Visit
) -> None:
    visitor = begun(visit(viewport=PHONE), online)
    page, authority = visitor.page, online.bench.authority
    page.keyboard.type("20000017")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="one more: Bread").wait_for()
    authority.revoked = True
    pay = page.locator("form[action='/pay']:has(input[value='card']) button")
    for tag, said in (
        ("en-US", "The certificate is revoked: nothing is sold."),
        ("sr-Cyrl-RS", "Сертификат је опозван: не продаје се."),
        ("ka-GE", "სერტიფიკატი გაუქმებულია: არაფერი იყიდება."),
    ):
        page.goto(f"{online.url}language?tag={tag}")
        pay.click()
        page.get_by_text(said).wait_for()
        page.locator("li.stop").first.wait_for()
        look(visitor, f"16-revoked-{tag}", with_axe=True)
    assert len(authority.booked) == 2


def test_s0_095_the_offline_class_sells_and_shows_what_waits(offline: LiveRegister, visit: Visit) -> None:
    offline.bench.authority.away = True
    visitor = begun(visit(viewport=SMALL_SCREEN), offline)
    page = visitor.page
    page.keyboard.type("20000017")
    page.keyboard.press("Enter")
    look(visitor, "8-small-screen")
    page.get_by_role("button", name="Card").click()
    page.get_by_text("Sold.").wait_for()
    page.get_by_text("Documents waiting: 3").wait_for()
    page.get_by_text("Hours left: 71").wait_for()
    look(visitor, "9-offline-receipt")
    offline.bench.authority.away = False
    assert offline.running.background.round()
    page.goto(offline.url)
    assert page.get_by_text("Documents waiting").count() == 0


def test_three_languages_in_the_dark_and_without_script(online: LiveRegister, visit: Visit) -> None:
    begun(visit(), online)
    online.bench.do("a", sale())
    visitor = visit(viewport=PHONE, dark=True)
    page = visitor.page
    for tag in LANGUAGES:
        page.goto(f"{online.url}language?tag={tag}")
        assert page.locator("html").get_attribute("lang") == tag
        for place in ("shift", "receipt/3", "correct/3"):
            page.goto(online.url + place)
            visitor.assert_fits()
        page.goto(online.url)
        visitor.assert_fits()
        visitor.picture(f"till-sale-{tag}")
    visitor.assert_accessible()
    plain = visit(viewport=DESKTOP, script=False).page
    plain.goto(online.url)
    plain.get_by_label("Code, 3*code").fill("20000017")
    plain.keyboard.press("Enter")
    plain.get_by_role("button", name="Card").click()
    plain.get_by_text("Sold.").wait_for()


def test_no_other_page_and_no_other_name_reaches_the_till(online: LiveRegister) -> None:
    port = online.running.till_port
    with urllib.request.urlopen(online.url, timeout=10) as page:
        token = re.search(r'name="token" value="([^"]+)"', page.read().decode())
    assert token is not None
    form, forged = f"token={token[1]}&request=a".encode(), b"token=x&request=a"
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    cases = [
        ("POST", "/register", kind | {"Origin": "http://evil.example"}, form, 403),
        ("POST", "/register", kind | {"Sec-Fetch-Site": "cross-site"}, form, 403),
        ("POST", "/register", kind, form, 403),
        ("POST", "/register", kind | {"Origin": f"http://127.0.0.1:{port}"}, forged, 403),
        ("GET", "/", {"Host": "evil.example"}, None, 403),
        ("GET", "/receipt/99", {}, None, 404),
        ("GET", "/receipt/x", {}, None, 404),
        ("GET", "/code/1.gif", {}, None, 404),
        ("GET", "/nothing", {}, None, 404),
        ("PUT", "/", {}, None, 404),
        ("POST", "/register", kind | {"Origin": f"http://127.0.0.1:{port}"}, form, 303),
    ]
    for method, path, headers, sent, status in cases:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request(method, path, sent, headers)
        answer = connection.getresponse()
        body = answer.read().decode()
        connection.close()
        assert answer.status == status, (method, path, headers, body[:200])
        assert "Traceback" not in body
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert len(online.bench.documents) == (status == 303)
