"""Whatever a browser, or what pretends to be one, sends to the device's page: an answer below 500, and no wrong PIN."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode

import attrs
import pytest
from esdc_bench import PIN, Bench, TestClock
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tallystick.device.esdc.device_clock import DeviceClock
from tallystick.device.esdc.device_log import DeviceLog, Kind
from tallystick.device.esdc.device_notes import named_properties
from tallystick.device.esdc.esdc import Esdc, Face
from tallystick.device.esdc.face.app import FaceApp
from tallystick.kernel.faults import PosFault, PropertyError

T = TypeVar("T")
PATHS = ("/", "/live", "/log", "/log.txt", "/clock", "/language", "/pin", "/pin/confirm", "/audit")
FORMS = ("/pin", "/pin/confirm", "/audit", "/clock/sync", "/clock/set", "/clock/take")
HOST = b"127.0.0.1:8880"
text = st.text(max_size=30)
values = st.one_of(st.sampled_from([HOST, b"http://" + HOST, b"null", b"evil", b"same-origin"]), st.binary(max_size=30))


@attrs.define
class Slot:
    """What a page needs of a slot, without threads."""

    device: Any
    home: Path
    clock: Any
    online: bool = False
    slot: Any = attrs.field(factory=attrs.make_class("Named", {"name": attrs.field(default="x")}))

    async def work(self, job: Callable[[], T]) -> T:
        return job()

    async def verify_pin(self, pin: str) -> None:
        self.device.verify_pin(pin)


@pytest.fixture
def page(tmp_path: Path) -> Iterator[FaceApp]:
    with Bench(tmp_path) as bench:
        bench.device.clock = clock = DeviceClock(bench.clock)
        slot: Any = Slot(bench.device, tmp_path, clock)
        esdc: Esdc = slot
        yield FaceApp(esdc, Face(languages=("en-US", "sr-Cyrl-RS")), audit=None, time=None)


def status_of(page: FaceApp, scope: dict[str, Any], body: bytes) -> int:
    """One request, answered without a network."""
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    async def main() -> None:
        await page.serve({"type": "http", **scope}, receive, send)

    asyncio.run(main())
    return int(sent[0]["status"])


QUICK = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@QUICK
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "HEAD"]),
    path=st.one_of(st.sampled_from(PATHS + FORMS), text.map("/".__add__)),
    query=st.one_of(st.binary(max_size=60), st.sampled_from([b"m=pin-ok", b"q=%00", b"tag=en-US", b"q=" + b"%ff" * 9])),
    headers=st.dictionaries(
        st.sampled_from([b"host", b"origin", b"sec-fetch-site", b"content-type", b"cookie"]), values
    ),
    body=st.binary(max_size=200),
)
def test_any_request_gets_an_answer(
    page: FaceApp, method: str, path: str, query: bytes, headers: dict[bytes, bytes], body: bytes
) -> None:
    named = {b"host": HOST} | headers
    scope = {"method": method, "path": path, "query_string": query, "headers": list(named.items())}
    assert status_of(page, scope, body) < 500


@QUICK
@given(path=st.sampled_from(FORMS), fields=st.dictionaries(st.sampled_from(["pin", "time", "x", "m"]), text))
def test_any_form_of_ours_is_done_or_refused(page: FaceApp, path: str, fields: dict[str, str]) -> None:
    form = {name: value for name, value in fields.items() if not (name == "pin" and value.strip().isdecimal())}
    headers = {
        b"host": HOST,
        b"origin": b"http://" + HOST,
        b"content-type": b"application/x-www-form-urlencoded",
    }
    body = urlencode({"token": page._guard.token, **form}).encode()
    scope = {"method": "POST", "path": path, "query_string": b"", "headers": list(headers.items())}
    assert status_of(page, scope, body) == 303
    assert page._esdc.device.session is not None
    assert page._esdc.device.session.card.pin_tries_left() == 5, "only four digits reach the card"


@given(st.text(max_size=200))
def test_any_text_is_one_line_of_the_log(words: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        log = DeviceLog(Path(folder), TestClock(), lambda: UTC)
        log.error(Kind.DEVICE, words)
        assert log.text().count("\n") == 1


def test_a_path_that_is_none_of_the_contract_is_not_repeated() -> None:
    refusal = PosFault((PropertyError("items[0].name", "2801"), PropertyError("10:998877665 Ana", "2806")))
    assert named_properties(refusal) == "items[0].name 2801, request 2806"
    assert PIN not in named_properties(refusal)
