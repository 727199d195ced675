"""The device's page in a browser: small touch screen, phone, keys alone, three languages, no script, other pages."""

from __future__ import annotations

import asyncio
import re
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import attrs
import pytest
from browsing import DESKTOP, PHONE, Visit, Visitor
from esdc_bench import PIN, UID, body, setup_commands
from esdc_live import SETTINGS, scene

from tallystick.device.applet import VirtualCard
from tallystick.device.esdc.activity import Doing
from tallystick.device.esdc.device_log import Kind
from tallystick.device.esdc.esdc import Face
from tallystick.device.esdc.fiscalise import Order
from tallystick.device.esdc.service import RunningSlot
from tallystick.device.esdc.settings import Storage, TimeSync
from tallystick.kernel.fixed_point import Money

pytestmark = pytest.mark.browser
T = TypeVar("T")
SMALL_SCREEN = {"width": 480, "height": 320}
LANGUAGES = ("en-US", "sr-Cyrl-RS", "sr-Latn-RS")
READY = {"en-US": "Ready to sign", "sr-Cyrl-RS": "Спреман за потписивање", "sr-Latn-RS": "Spreman za potpisivanje"}
OFFLINE = attrs.evolve(SETTINGS, time_sync=TimeSync(look_seconds=60))


class Till:
    """A device that runs in a thread of its own, in the hand of a test. It knows no authority."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run)
        self.running: RunningSlot
        self.card: VirtualCard
        self._thread.start()
        assert self._started.wait(60)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        async with scene(self._folder) as made:
            slot = made.slot(settings=OFFLINE, limit=Money.of(150))
            self.card = made.cards[UID]
            self.running = await made.host.add(
                attrs.evolve(slot, face=Face(port=0, languages=LANGUAGES), authority_ca=None)
            )
            self._started.set()
            await self._stop.wait()

    def work(self, job: Callable[[], T]) -> T:
        """A job in the device's thread."""
        return asyncio.run_coroutine_threadsafe(self.running.esdc.work(job), self._loop).result(20)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(30)

    # What tests do with it

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.running.face_port}/"

    def configure(self) -> None:
        self.work(lambda: self.running.esdc.device.obey_all(setup_commands()))

    def unlock(self) -> None:
        self.work(lambda: self.running.esdc.device.verify_pin(PIN))

    def sell(self) -> None:
        self.work(lambda: self.running.esdc.device.sell(Order(body=body())))

    def fill(self, per_cent: int) -> None:
        device = self.running.esdc.device
        used = self.work(device.require_card().store.used_bytes)
        device.settings = attrs.evolve(OFFLINE, storage=Storage(store_bytes_max=used * 100 // per_cent))


@pytest.fixture
def till(browser: Any) -> Iterator[Till]:
    with tempfile.TemporaryDirectory(prefix="tallystick-face-") as folder:
        made = Till(Path(folder))
        yield made
        made.close()


def calm(till: Till) -> None:
    """Nothing is shown of work that has just ended."""
    till.running.esdc.device.activity._ended.clear()


def headline(visitor: Visitor) -> str:
    return visitor.page.locator("h1").inner_text()


def choose(visitor: Visitor, till: Till, tag: str) -> None:
    visitor.page.goto(f"{till.url}language?tag={tag}")


def states(till: Till) -> Iterator[str]:
    """The device in each state of S2-122 to S2-131, one after another; gives the notice that it must show."""
    yield "not-configured"
    till.configure()
    yield "commands"
    calm(till)
    yield "enter-pin"
    till.unlock()
    yield "ready"
    with till.running.esdc.device.activity.of(Doing.TRANSFER):
        yield "transfer"
    calm(till)
    mark = till.running.esdc.home / "updating"
    mark.touch()
    yield "updating"
    mark.unlink()
    till.sell()
    till.sell()
    yield "audit-time"
    till.fill(92)
    yield "storage-almost-full"
    till.fill(97)
    yield "storage-full"
    till.running.slot.reader.remove()  # type: ignore[attr-defined]
    yield "card-missing"


@pytest.mark.parametrize("tag", LANGUAGES)
def test_s2_121_to_131_each_notice_on_a_small_screen_and_on_a_phone(till: Till, visit: Visit, tag: str) -> None:
    small, phone = visit(viewport=SMALL_SCREEN, has_touch=True), visit(viewport=PHONE)
    for visitor in (small, phone):
        choose(visitor, till, tag)
    for notice in states(till):
        for name, visitor in (("small", small), ("phone", phone)):
            visitor.page.goto(till.url)
            shown = visitor.page.locator(f"#notice-{notice}")
            assert shown.is_visible(), notice
            assert shown.locator("svg.symbol").is_visible()
            assert len(shown.inner_text()) > 10
            visitor.assert_fits()
            visitor.assert_accessible()
            visitor.picture(f"face-{notice}-{tag}-{name}")


def test_headline_and_pin_are_seen_without_scrolling_on_a_small_screen(till: Till, visit: Visit) -> None:
    till.configure()
    calm(till)
    visitor = visit(viewport=SMALL_SCREEN)
    visitor.page.goto(till.url)
    for part in (".head", "#pin-field", "#pin button"):
        box = visitor.page.locator(part).bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= SMALL_SCREEN["height"], part


def test_s2_123_the_pin_by_keyboard_alone(till: Till, visit: Visit) -> None:
    till.configure()
    visitor = visit(viewport=SMALL_SCREEN)
    page = visitor.page
    page.goto(till.url)
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "pin-field":
            break
    outline = page.locator(":focus").evaluate("field => getComputedStyle(field).outlineStyle")
    assert outline == "solid"
    page.keyboard.type(PIN)
    page.keyboard.press("Enter")
    page.wait_for_url("**/?m=pin-ok")
    assert headline(visitor) == READY["en-US"]
    assert page.locator(".message").inner_text() == "The card accepted the PIN."
    assert PIN not in page.content()


def test_every_control_is_reached_by_keyboard(till: Till, visit: Visit) -> None:
    till.configure()
    visitor = visit()
    for place in ("", "log", "clock"):
        visitor.page.goto(till.url + place)
        wanted = visitor.page.locator("a[href], button, input:not([type=hidden])").count()
        seen = set()
        for _ in range(wanted + 20):  # a field for date and time has a stop for each of its parts
            visitor.page.keyboard.press("Tab")
            seen.add(visitor.page.evaluate("document.activeElement.outerHTML"))
        reached = [one for one in seen if re.match(r"<(a|button|input)\b", one)]
        assert len(reached) == wanted, place


def test_touch_targets_are_large_enough(till: Till, visit: Visit) -> None:
    till.configure()
    visitor = visit(viewport=PHONE, has_touch=True)
    visitor.page.goto(till.url)
    for control in visitor.page.locator("button, input:not([type=hidden]), nav a").all():
        box = control.bounding_box()
        assert box is not None
        assert box["height"] >= 44, control.inner_text()


def test_the_state_renews_itself_and_typing_is_not_disturbed(till: Till, visit: Visit) -> None:
    till.configure()
    visitor = visit()
    page = visitor.page
    page.goto(till.url)
    page.locator("#pin-field").type("20")
    calm(till)
    till.running.slot.reader.remove()  # type: ignore[attr-defined]
    page.locator("#notice-card-missing").wait_for(timeout=10_000)
    assert page.locator("#pin-field").input_value() == "20"
    assert page.locator("#told").inner_text() == "No card"
    till.running.slot.reader.insert(till.card)  # type: ignore[attr-defined]
    page.locator("#notice-enter-pin").wait_for(timeout=10_000)
    page.locator("#pin-field").fill(PIN)
    page.keyboard.press("Enter")
    page.locator("#notice-ready").wait_for(timeout=10_000)


def test_everything_works_without_script(till: Till, visit: Visit) -> None:
    till.configure()
    visitor = visit(script=False)
    page = visitor.page
    page.goto(till.url)
    page.locator("#pin-field").fill("0000")
    page.get_by_role("button", name="Enter PIN").click()
    assert page.locator(".message").inner_text() == "The PIN is wrong."
    page.locator("#pin-field").fill(PIN)
    page.get_by_role("button", name="Enter PIN").click()
    assert headline(visitor) == READY["en-US"]
    page.get_by_role("link", name="Српски (ћирилица)").click()
    assert headline(visitor) == READY["sr-Cyrl-RS"]
    page.locator("#refresh").click()
    assert page.locator("html").get_attribute("lang") == "sr-Cyrl-RS"


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("place", ["log", "clock"])
def test_log_and_clock(till: Till, visit: Visit, place: str, dark: bool) -> None:
    till.configure()
    till.unlock()
    till.running.esdc.device.log.failure(Kind.CARD, "a made-up failure", ValueError())
    for name, size in (("small", SMALL_SCREEN), ("phone", PHONE), ("desktop", DESKTOP)):
        visitor = visit(viewport=size, dark=dark)
        visitor.page.goto(till.url + place)
        visitor.assert_fits()
        visitor.assert_accessible()
        visitor.picture(f"face-{place}-{name}{'-dark' if dark else ''}")


def test_s2_135_the_log_is_searched_and_saved(till: Till, visit: Visit) -> None:
    till.configure()
    visitor = visit()
    page = visitor.page
    page.goto(till.url + "log")
    page.locator("#q").fill("0007 carried")
    page.keyboard.press("Enter")
    page.wait_for_url("**/log?q=0007+carried")
    assert page.locator("tbody tr").count() == 1
    with page.expect_download() as saving:
        page.locator("#export").click()
    text = Path(saving.value.path()).read_text("utf-8")
    assert text.count("\n") == 1
    assert "of type 7 carried out" in text


def test_s2_019_the_clock_is_set_by_hand(till: Till, visit: Visit) -> None:
    visitor = visit()
    page = visitor.page
    page.goto(till.url + "clock")
    page.locator("#time-field").fill("2031-02-03T04:05:06")
    page.get_by_role("button", name="Set the clock").click()
    assert page.locator(".message").inner_text() == "The clock is set."
    assert page.locator("#clock-now").inner_text().startswith("2031-02-03 04:05:")
    assert page.locator("#clock-by").inner_text() == "a person"


def test_ts_3133_a_page_elsewhere_can_enter_no_pin(till: Till, visit: Visit) -> None:
    """Another page in the browser of the till's machine sends forms and scripts to the device."""
    till.configure()
    visitor = visit()
    page = visitor.page
    page.route("http://evil.example/", lambda route: route.fulfill(content_type="text/html", body="<h1>Hello</h1>"))
    page.goto("http://evil.example/")
    page.evaluate(
        """url => {
          const form = document.createElement("form");
          form.method = "post"; form.action = url + "pin"; form.target = "_blank";
          form.innerHTML = '<input name="pin" value="0000"><input name="token" value="x">';
          document.body.append(form);
          return fetch(url + "pin", {method: "POST", mode: "no-cors", body: new URLSearchParams({pin: "0000"})})
            .catch(() => null);
        }""",
        till.url,
    )
    with page.expect_popup() as opened:
        page.evaluate("document.forms[0].submit()")
    opened.value.wait_for_load_state()
    assert "TS-3133" in opened.value.content()
    read = page.evaluate("url => fetch(url).then(one => one.text()).catch(() => 'kept out')", till.url)
    assert read == "kept out"
    framed = page.evaluate(
        """url => new Promise(done => {
          const frame = document.createElement("iframe");
          frame.onload = () => done(frame.contentDocument === null ? "kept out" : "seen");
          frame.src = url; document.body.append(frame);
        })""",
        till.url,
    )
    assert framed == "kept out"
    assert "PIN refused" not in till.running.esdc.device.log.text()
    visitor.complaints.clear()  # the browser says aloud that it kept the page out


def test_screens_for_people_who_see_no_colours(till: Till, visit: Visit) -> None:
    """In grey the notices still differ, by words, sign and shape: these pictures are looked at by a person."""
    till.configure()
    till.unlock()
    till.sell()
    till.sell()
    calm(till)
    visitor = visit(viewport=PHONE)
    session = visitor.context.new_cdp_session(visitor.page)
    session.send("Emulation.setEmulatedVisionDeficiency", {"type": "achromatopsia"})
    visitor.page.goto(till.url)
    drawn = visitor.page.locator(".shape").evaluate_all("all => all.map(one => one.outerHTML)")
    assert len(set(drawn)) > 1
    visitor.picture("face-no-colours")
