"""Pages in a real browser on the till's machine: what they may not do to an E-SDC, and what a named web POS may."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import attrs
import pytest
from browsing import FLAGS, Visitor, chromium
from esdc_bench import PIN, UID, body
from esdc_live import SETTINGS, Scene
from playwright.sync_api import Browser

from tallystick.device.esdc.service import RunningSlot
from tallystick.kernel.limits import LIMITS

pytestmark = pytest.mark.browser

NO_CORS = """async ([url, body]) => {
  const how = {method: 'POST', mode: 'no-cors', headers: {'Content-Type': 'text/plain'}, body};
  try { await fetch(url, how); return 'sent' } catch (error) { return 'failed' }
}"""
CORS = """async ([url, body]) => {
  const headers = {'Content-Type': 'application/json', 'RequestId': 'web-1'};
  try {
    const answer = await fetch(url, {method: 'POST', headers, body});
    return [answer.status, await answer.json()];
  } catch (error) { return [0, null] }
}"""
SAME_ORIGIN = """async path => {
  const answer = await fetch(path); return [answer.status, await answer.json()];
}"""


class _Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><link rel=icon href=data:,><title>a page</title>")

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def web_site() -> Iterator[str]:
    """A web server of somebody else; gives its origin."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@attrs.define
class Till:
    """An unlocked E-SDC in a loop of its own."""

    running: RunningSlot
    loop: asyncio.AbstractEventLoop

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.running.port}"

    def count(self) -> int:
        """What its card has signed."""
        esdc = self.running.esdc
        store = esdc.device.require_card().store
        return asyncio.run_coroutine_threadsafe(esdc.work(store.newest), self.loop).result(10).ordinal

    def tries(self) -> int | None:
        """How many wrong PINs it would bear."""
        esdc = self.running.esdc
        card = esdc.device.require_card().card
        return asyncio.run_coroutine_threadsafe(esdc.work(card.pin_tries_left), self.loop).result(10)


@contextmanager
def till(folder: Path, *origins: str) -> Iterator[Till]:
    """An E-SDC that knows these web POS."""
    ready, made, stop = threading.Event(), {}, asyncio.Event()

    async def main() -> None:
        scene = Scene(folder)
        await scene.authority()
        settings = attrs.evolve(SETTINGS, web_origins=origins)
        made["till"] = Till(await scene.start(settings=settings), asyncio.get_running_loop())
        ready.set()
        await stop.wait()
        await scene.close()

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    assert ready.wait(30)
    try:
        yield made["till"]
    finally:
        made["till"].loop.call_soon_threadsafe(stop.set)
        thread.join()


@pytest.fixture
def visitor(browser: Browser) -> Iterator[Visitor]:
    """A person whose browser may complain: that is what the door is for."""
    made = Visitor(browser)
    yield made
    made.context.close()


def test_an_open_page_neither_sells_nor_tries_pins(tmp_path: Path, visitor: Visitor) -> None:
    with till(tmp_path) as device, web_site() as page:
        visitor.page.goto(page)
        for _ in range(3):
            assert visitor.page.evaluate(NO_CORS, [f"{device.url}/api/v3/pin", "0000"]) == "sent"
        assert visitor.page.evaluate(NO_CORS, [f"{device.url}/api/v3/invoices", body().decode()]) == "sent"
        assert visitor.page.evaluate(CORS, [f"{device.url}/api/v3/invoices", body().decode()]) == [0, None]
        assert (device.count(), device.tries()) == (0, LIMITS.pin_tries)
        assert device.running.esdc.device.require_card().wrong_pins == 0


def test_a_form_does_not_reach_the_card_either(tmp_path: Path, visitor: Visitor) -> None:
    with till(tmp_path) as device, web_site() as page:
        visitor.page.goto(page)
        form = f"<form method=post enctype=text/plain action={device.url}/api/v3/pin><input name=0000 value=''></form>"
        visitor.page.evaluate("html => { document.body.innerHTML = html }", form)
        with visitor.page.expect_navigation() as navigation:
            visitor.page.evaluate("document.forms[0].submit()")
        answer = navigation.value
        assert answer is not None
        assert answer.status == 403
        assert device.tries() == LIMITS.pin_tries


def test_a_web_pos_that_the_owner_named_sells_and_reads_the_answer(tmp_path: Path, visitor: Visitor) -> None:
    with web_site() as page, till(tmp_path, page) as device:
        visitor.page.goto(page)
        assert visitor.page.evaluate(CORS, [f"{device.url}/api/v3/pin", PIN]) == [200, "0100"]
        status, answer = visitor.page.evaluate(CORS, [f"{device.url}/api/v3/invoices", body().decode()])
        assert (status, answer["invoiceNumber"]) == (200, f"{UID}-{UID}-1")
        status, answer = visitor.page.evaluate(CORS, [f"{device.url}/api/v3/invoices", "{}"])
        assert (status, answer["modelState"][0]["errors"]) == (400, ["2800"])


def test_a_name_that_was_bent_to_this_machine_opens_nothing(tmp_path: Path, browser: Browser) -> None:
    """DNS rebinding: for the browser the page and the device are one origin, so only the Host header tells."""
    bent = "--host-resolver-rules=MAP evil.example 127.0.0.1"
    flags = [*FLAGS, "--no-sandbox", bent]
    with till(tmp_path) as device:
        other = browser.browser_type.launch(executable_path=chromium(), args=flags)
        page = other.new_page()
        page.goto(f"http://evil.example:{device.running.port}/api/v3/attention")
        status, answer = page.evaluate(SAME_ORIGIN, "/api/v3/status")
        assert (status, answer["modelState"][0]["errors"]) == (403, ["1999", "9031"])
        other.close()
