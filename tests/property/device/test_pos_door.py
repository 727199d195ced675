"""The POS door in a hostile world: any request gets a coded answer that is described, never a 500."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from described import Described
from esdc_bench import PIN, Bench, request
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tallystick.device.esdc.fiscalise import Order
from tallystick.device.esdc.pos_api import build_app, description
from tallystick.device.esdc.pos_gate import PosGate
from tallystick.device.esdc.status import status_body
from tallystick.kernel.faults import PosFault
from tallystick.kernel.status_codes import StatusCode
from tallystick.wire.configuration import environment_parameters
from tallystick.wire.pos_invoice import encode_json


class Straight:
    """A real device behind the door, in the test's own thread."""

    def __init__(self, bench: Bench) -> None:
        self._device = bench.device

    async def status(self) -> bytes:
        return status_body(self._device, online=True)

    async def environment_parameters(self) -> bytes:
        setup = self._device.require_card().setup
        if setup is None:
            raise PosFault.single(StatusCode.NOT_CONFIGURED)
        return encode_json(environment_parameters(setup.configuration))

    async def verify_pin(self, pin: str) -> None:
        self._device.confirm_pin_entry()
        if pin in (PIN, "") or len(pin) != len(PIN):  # a guess would lock the card in the end, and that is another test
            self._device.verify_pin(pin)

    async def sell(self, order: Order, answer: Callable[[bytes], Awaitable[None]]) -> None:
        await answer(self._device.sell(order).answer)

    async def find_invoice(self, request_id: str) -> bytes | None:
        return self._device.find_invoice(request_id)


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    bench = Bench(tmp_path_factory.mktemp("door"))
    bench.ready()
    yield bench
    bench.close()


DESCRIBED = Described(json.loads(description()))
PATHS = [
    "/api/v3/attention", "/api/v3/status", "/api/v3/environment-parameters", "/api/v3/pin", "/api/v3/invoices",
    "/api/v3/invoices/r1", "//API//v3//Invoices", "/openapi.json", "/api/status", "/",
]  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
CHANGES = st.dictionaries(
    st.sampled_from([*sorted(request()), "buyerId", "referentDocumentDT", "options"]), JSON, max_size=2
)
BODIES = st.one_of(
    st.binary(max_size=100),
    st.sampled_from([b"", PIN.encode(), b"[" * 5000, b'{"a":1,"a":2}', b"\xef\xbb\xbf{}", b" " * 1_100_000]),
    JSON.map(lambda value: json.dumps(value).encode()),
    CHANGES.map(lambda changes: json.dumps(request() | changes).encode("utf-8", "surrogatepass")),
)
HEADERS = st.dictionaries(
    st.sampled_from(
        [
            b"host",
            b"origin",
            b"sec-fetch-site",
            b"requestid",
            b"accept-language",
            b"accept",
            b"api-key",
            b"content-type",
        ]
    ),
    st.sampled_from([b"localhost", b"https://pos.example", b"same-origin", b"en", b"sr;en;q=0.1", b"text/plain", b"r1"])
    | st.binary(max_size=40),
    max_size=3,
)


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    method=st.sampled_from(["GET", "POST", "HEAD", "OPTIONS", "PUT", "BREW"]),
    path=st.sampled_from(PATHS) | st.text(max_size=30),
    fields=HEADERS,
    body=BODIES,
    older=st.booleans(),
)
def test_any_request_gets_an_answer_that_is_described(
    device: Bench, method: str, path: str, fields: dict[bytes, bytes], body: bytes, older: bool
) -> None:
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "headers": list(fields.items())}
    app = build_app(Straight(device), PosGate(origins=["https://pos.example"]), older=older)

    async def serve() -> None:
        await app(scope, receive, send)

    asyncio.run(serve())
    status, told, content = sent[0]["status"], dict(sent[0]["headers"]), sent[1]["body"]
    assert status in {200, 400, 403, 404, 405, 406, 408, 413, 423}
    if method == "HEAD":
        assert content == b""
        return
    kind = told.get(b"content-type", b"").decode()
    if status in {404, 405}:
        DESCRIBED.validate({"$ref": "#/components/schemas/Error"}, json.loads(content))
    elif method != "OPTIONS" and (path, method) in DESCRIBED.operations():
        DESCRIBED.check(method, path, status, kind, content)


def test_after_all_that_the_device_still_sells_without_a_gap(device: Bench) -> None:
    """Whatever was signed meanwhile has its package; the next sale takes the next number."""
    sold = device.device.sell(Order(body=encode_json(request())))
    assert sold.signed is not None
    assert device.device.session is not None
    ordinals = [ordinal for ordinal, _ in device.device.session.store.waiting(10_000)]
    assert ordinals == list(range(1, sold.signed.total_counter + 1))
