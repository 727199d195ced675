"""The POS API as HTTP: paths, headers, statuses and shapes (wire: 2.1, 2.2, 2.8, 2.9)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import unquote

import attrs
import pytest

from tallystick.device.esdc.database import StoreBroken
from tallystick.device.esdc.device import PinPaused, StorageFull
from tallystick.device.esdc.fiscalise import Order
from tallystick.device.esdc.pos_api import QueueFull, build_app, refuse
from tallystick.device.esdc.pos_gate import PosGate
from tallystick.kernel.faults import PosFault, PropertyError
from tallystick.kernel.limits import LIMITS
from tallystick.kernel.status_codes import StatusCode
from tallystick.kit.http_server import Refusal
from tallystick.wire.pos_languages import LanguageNotOffered


@attrs.frozen
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Counter:
    """Stands for the device: answers, or raises what it was told to."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.pins: list[str] = []
        self.orders: list[Order] = []

    def _do(self) -> None:
        if self.error:
            raise self.error

    async def status(self) -> bytes:
        self._do()
        return b'{"gsc":[]}'

    async def environment_parameters(self) -> bytes:
        self._do()
        return b'{"country":"AQ"}'

    async def verify_pin(self, pin: str) -> None:
        self.pins.append(pin)
        self._do()

    async def sell(self, order: Order, answer: Callable[[bytes], Awaitable[None]]) -> None:
        self.orders.append(order)
        self._do()
        await answer(b'{"invoiceNumber":"1"}')

    async def find_invoice(self, request_id: str) -> bytes | None:
        self._do()
        return b'{"invoiceNumber":"1"}' if request_id == "r1" else None


def ask(
    counter: Counter,
    method: str,
    path: str,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    *,
    raw_path: str | None = None,
    gate: PosGate | None = None,
    older: bool = False,
) -> Reply:
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    fields = [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]
    scope: dict[str, Any] = {"type": "http", "method": method, "path": path, "headers": fields}
    scope |= {} if raw_path is None else {"raw_path": raw_path.encode()}

    async def serve() -> None:
        await build_app(counter, gate or PosGate(), older=older)(scope, receive, send)

    asyncio.run(serve())
    start, content = sent
    told = {name.decode(): value.decode() for name, value in start["headers"]}
    return Reply(start["status"], told, content["body"])


def codes(reply: Reply) -> list[tuple[str, list[str]]]:
    value = json.loads(reply.body)
    assert value["message"] == "Bad Request"
    return [(one["property"], one["errors"]) for one in value["modelState"]]


def test_attention_is_an_empty_200() -> None:
    assert ask(Counter(), "GET", "/api/v3/attention") == Reply(200, {"content-length": "0"}, b"")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/v3/status", b'{"gsc":[]}'),
        ("/api/v3/environment-parameters", b'{"country":"AQ"}'),
        ("/api/v3/invoices/r1", b'{"invoiceNumber":"1"}'),
        ("/api/v3/invoices/unknown", b"null"),
        ("//api//v3///status/", b'{"gsc":[]}'),
        ("/API/V3/Status", b'{"gsc":[]}'),
    ],
)
def test_what_a_pos_may_ask_in_the_paths_that_clients_write(path: str, body: bytes) -> None:
    reply = ask(Counter(), "GET", path)
    assert (reply.status, reply.body) == (200, body)
    assert reply.headers["content-type"].startswith("application/json")


@pytest.mark.parametrize(
    "headers",
    [{}, {"Content-Type": "application/json; charset=utf-8"}, {"Content-Type": "text/json"}, {"Content-Type": "x/y"}],
)
def test_s2_028_any_content_type_is_read_as_json(headers: dict[str, str]) -> None:
    counter = Counter()
    reply = ask(counter, "POST", "/api/v3/invoices", b"{}", {**headers, "RequestId": "7", "Accept-Language": "en-US"})
    assert (reply.status, reply.body) == (200, b'{"invoiceNumber":"1"}')
    assert counter.orders == [Order(body=b"{}", request_id="7", accept_language="en-US")]


def test_a_request_id_is_optional_and_has_at_most_32_characters() -> None:
    counter = Counter()
    for request_id in (None, ""):
        headers = {} if request_id is None else {"RequestId": request_id}
        assert ask(counter, "POST", "/api/v3/invoices", b"{}", headers).status == 200
    assert [order.request_id for order in counter.orders] == [None, None]
    assert ask(counter, "POST", "/api/v3/invoices", b"{}", {"RequestId": "x" * 32}).status == 200
    reply = ask(counter, "POST", "/api/v3/invoices", b"{}", {"RequestId": "x" * 33})
    assert (reply.status, codes(reply)) == (400, [("RequestId", ["2801"])])
    assert len(counter.orders) == 3


def test_unknown_paths_and_methods_are_coded() -> None:
    for path in ("/", "/api/v3", "/api/v3/nothing", "/api/v2/status", "/status"):
        assert ask(Counter(), "GET", path).status == 404
    reply = ask(Counter(), "GET", "/api/v3/invoices")
    assert (reply.status, reply.headers["allow"]) == (405, "POST, OPTIONS")
    assert codes(reply) == [("", ["2805"])]
    reply = ask(Counter(), "DELETE", "/api/v3/invoices/r1")
    assert (reply.status, reply.headers["allow"]) == (405, "GET, HEAD, OPTIONS")


@pytest.mark.parametrize("path", ["attention", "status", "environment-parameters", "invoices/r1", "invoices/never"])
def test_head_answers_like_get_without_a_body(path: str) -> None:
    get, head = (ask(Counter(), method, f"/api/v3/{path}") for method in ("GET", "HEAD"))
    assert (head.status, head.headers, head.body) == (200, get.headers, b"")
    assert ask(Counter(), "HEAD", "/api/v3/invoices").status == 405, "nothing is sold by looking"


@pytest.mark.parametrize(("path", "allow"), [("pin", "POST, OPTIONS"), ("status", "GET, HEAD, OPTIONS")])
def test_options_names_the_methods_and_touches_nothing(path: str, allow: str) -> None:
    counter = Counter(RuntimeError("not asked"))
    reply = ask(counter, "OPTIONS", f"/api/v3/{path}")
    assert (reply.status, reply.headers, reply.body) == (200, {"content-length": "0", "allow": allow}, b"")
    assert ask(counter, "OPTIONS", "/api/v3/nothing").status == 404


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.example"}, {"Host": "evil.example"}, {"Sec-Fetch-Site": "cross-site"}]
)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "HEAD", "BREW"])
def test_a_web_page_reaches_nothing_behind_the_door(headers: dict[str, str], method: str) -> None:
    counter = Counter()
    for path in ("/api/v3/pin", "/api/v3/invoices", "/api/v3/status", "/api/v3/nothing", "/openapi.json"):
        reply = ask(counter, method, path, b"2017", headers)
        assert reply.status == 403
        assert not [name for name in reply.headers if name.startswith("access-control")]
    assert not counter.pins
    assert not counter.orders


def test_a_web_pos_that_is_named_sells_and_reads_its_errors() -> None:
    page = {"Origin": "https://pos.example", "Access-Control-Request-Method": "POST"}
    gate = PosGate(origins=["https://pos.example"])
    reply = ask(Counter(), "OPTIONS", "/api/v3/invoices", headers=page, gate=gate)
    assert reply.status == 200
    assert reply.headers["access-control-allow-methods"] == "POST, OPTIONS"
    for counter, status in ((Counter(), 200), (Counter(WRONG), 400)):
        reply = ask(counter, "POST", "/api/v3/invoices", b"{}", {"Origin": "https://pos.example"}, gate=gate)
        assert (reply.status, reply.headers["access-control-allow-origin"]) == (status, "https://pos.example")


def test_the_key_of_an_accredited_pos_reaches_the_device() -> None:
    counter = Counter()
    ask(counter, "POST", "/api/v3/invoices", b"{}", {"Api-Key": " k3y "})
    assert counter.orders[0].api_key == "k3y"


@pytest.mark.parametrize(
    ("path", "request_id"),
    [
        ("/api/v3/invoices/r1", "r1"),
        ("//api//v3//invoices//r1/", "r1"),
        ("/API/V3/Invoices/R1", "R1"),
        ("/api/v3/invoices/a%2Fb%2F%2Fc", "a/b//c"),
        ("/api/v3/invoices/%C5%BE%20%3F", "ž ?"),
        ("/api/v3/invoices/invoices", "invoices"),
        ("/%61pi/v3/invoices/r1", "r1"),
    ],
)
def test_a_request_id_is_found_as_it_was_sent(path: str, request_id: str) -> None:
    """The header and the path must mean the same text, whatever stands in it."""
    asked: list[str] = []

    class Looking(Counter):
        async def find_invoice(self, request_id: str) -> bytes | None:
            asked.append(request_id)
            return None

    assert ask(Looking(), "GET", unquote(path), raw_path=path).body == b"null"
    assert asked == [request_id]
    counter = Counter()
    ask(counter, "POST", "/api/v3/invoices", b"{}", {"RequestId": request_id})
    assert counter.orders[0].request_id == request_id


@pytest.mark.parametrize("path", ["/api/attention", "/api/status", "/api/invoices/r1"])
def test_paths_without_a_version_only_where_the_dialect_is_spoken(path: str) -> None:
    assert ask(Counter(), "GET", path).status == 404
    assert ask(Counter(), "GET", path, older=True).status == 200
    assert ask(Counter(), "GET", "/api/v2/status", older=True).status == 404
    assert ask(Counter(), "POST", "/api/pin", b"2017", older=True).json == "0100"


def test_what_the_server_refuses_by_itself_has_the_shape_of_this_api() -> None:
    for refusal, status, code in (
        (Refusal.BAD_FRAMING, 400, "2806"),
        (Refusal.TOO_SLOW, 408, "2806"),
        (Refusal.HEADER_TOO_LARGE, 431, "2801"),
    ):
        answer = refuse(refusal)
        assert answer.status == status
        assert codes(Reply(answer.status, {}, answer.body)) == [("", [code])]


RIGHT = None
WRONG = PosFault.single(StatusCode.PIN_NOT_OK)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (RIGHT, 200, "0100"),
        (WRONG, 423, "2100"),
        (PosFault.single(StatusCode.CARD_LOCKED), 423, "2110"),
        (PosFault.single(StatusCode.INVALID_FORMAT), 400, "2806"),
        (PosFault.single(StatusCode.CARD_NOT_PRESENT), 200, "1300"),
        (PosFault.single(StatusCode.SECURE_ELEMENT_UNREACHABLE), 400, "2220"),
        (PosFault.single(StatusCode.SECURE_ELEMENT_LOCKED), 400, "2210"),
        (PosFault.single(StatusCode.SECURE_ELEMENT_PROTOCOL_MISMATCH), 400, "2230"),
        (PosFault.single(StatusCode.NOT_CONFIGURED), 400, "2400"),
        (PosFault.single(StatusCode.UNDEFINED_WARNING), 400, "1999"),
        (PinPaused(), 400, "1999"),
    ],
)
def test_s2_022_the_answer_to_a_pin(error: Exception | None, status: int, code: str) -> None:
    reply = ask(Counter(error), "POST", "/api/v3/pin", b"2017")
    assert (reply.status, json.loads(reply.body)) == (status, code)


@pytest.mark.parametrize(
    ("accept", "body", "content_type"),
    [
        (None, b'"0100"', "application/json"),
        ("*/*", b'"0100"', "application/json"),
        ("application/json", b'"0100"', "application/json"),
        ("text/plain", b"0100", "text/plain"),
        ("text/plain, application/json", b'"0100"', "application/json"),
        ("text/plain, */*;q=0.1", b'"0100"', "application/json"),
    ],
)
def test_c_03_the_coding_of_the_pin_answer_follows_accept(accept: str | None, body: bytes, content_type: str) -> None:
    reply = ask(Counter(), "POST", "/api/v3/pin", b"2017", {"Accept": accept} if accept else {})
    assert reply.body == body
    assert reply.headers["content-type"].startswith(content_type)


@pytest.mark.parametrize("body", [b"2017", b'"2017"', b" 2017\r\n", b'\xef\xbb\xbf"2017"\n', b"'2017'"])
def test_a_pin_is_read_in_the_forms_that_clients_send(body: bytes) -> None:
    counter = Counter()
    assert ask(counter, "POST", "/api/v3/pin", body, {"Content-Type": "application/json"}).status == 200
    assert counter.pins == ["2017"]


def test_errors_of_a_request_keep_their_paths_and_card_states_come_first() -> None:
    fault = PosFault(
        (
            PropertyError("items[0].labels[0]", StatusCode.INVALID_TAX_LABELS),
            PropertyError("", StatusCode.PIN_REQUIRED),
            PropertyError("referentDocumentNumber", StatusCode.FIELD_REQUIRED),
        )
    )
    reply = ask(Counter(fault), "POST", "/api/v3/invoices", b"{}")
    assert reply.status == 400
    assert codes(reply) == [("", ["1500"]), ("items[0].labels[0]", ["2310"]), ("referentDocumentNumber", ["2800"])]


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (PosFault.single(StatusCode.CARD_NOT_PRESENT), 400, "1300"),
        (LanguageNotOffered(), 406, "2805"),
        (QueueFull(), 503, "1999"),
        (StorageFull(), 503, "1100"),
        (StoreBroken(), 503, "1999"),
        (RuntimeError("our own bug"), 500, "1999"),
    ],
)
def test_whatever_goes_wrong_leaves_as_a_code(error: Exception, status: int, code: str) -> None:
    reply = ask(Counter(error), "POST", "/api/v3/invoices", b"{}")
    assert reply.status == status
    assert codes(reply)[0][1] == [code]
    assert b"bug" not in reply.body
    assert ("retry-after" in reply.headers) == (status == 503)


def test_a_body_that_is_too_large_is_refused_unread() -> None:
    counter = Counter()
    reply = ask(counter, "POST", "/api/v3/invoices", bytes(LIMITS.pos_request_bytes + 1))
    assert (reply.status, codes(reply)) == (413, [("", ["2808"])])
    assert ask(counter, "POST", "/api/v3/pin", bytes(10_000)).status == 413
    assert counter.orders == []
    assert counter.pins == []
