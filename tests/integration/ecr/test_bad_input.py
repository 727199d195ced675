"""Whatever is wrong at this door gets a coded problem and changes nothing."""

from __future__ import annotations

import base64
import http.client
import json
import socket
import time
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest
from cards import Country
from ecr_bench import Door, Till, open_door
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tallystick.authority.channels.ecr.budget import DeviceBudget, WorkBudget
from tallystick.authority.channels.ecr.deliveries import read_wish
from tallystick.crypto.keys import generate_p256_key
from tallystick.crypto.pki import DemoPki
from tallystick.crypto.signatures import ecdsa_der, sign_es256
from tallystick.kernel.fault_catalogue import CATALOGUE
from tallystick.kernel.faults import Fault
from tallystick.kit.http_server import HttpLimits
from tallystick.wire.compact_jws import read_base64url, write_base64url
from tallystick.wire.document_jws import DOCUMENT_BYTES_MAX
from tallystick.wire.ecr_api import DEVICE_PATH, DOCUMENTS_PATH

_NUMBERS = count(1)
Change = Callable[[dict[str, Any]], Any]


@pytest.fixture
def till(door: Door) -> Till:
    made = door.till(f"BADS{next(_NUMBERS):04d}")
    made.begin()
    return made


def parts_of(compact: bytes) -> tuple[dict[str, Any], bytes, bytes]:
    header, payload, signature = compact.split(b".")
    return json.loads(read_base64url(header)), read_base64url(payload), read_base64url(signature)


def signed(till: Till, header: Any, payload: bytes, signature: bytes | None = None) -> bytes:
    """Any header and payload, with a good signature over them unless another one is given."""
    text = header if isinstance(header, bytes) else json.dumps(header, separators=(",", ":")).encode()
    said = write_base64url(text) + b"." + write_base64url(payload)
    return said + b"." + write_base64url(till.papers.device.sign(said) if signature is None else signature)


def without(name: str) -> Change:
    return lambda header: {key: value for key, value in header.items() if key != name}


def with_(**more: Any) -> Change:
    return lambda header: header | {name.replace("_", "-"): value for name, value in more.items()}


HEADERS: list[tuple[str, Change]] = [
    *((f"{name} is missing", without(name)) for name in (
        "alg", "typ", "kid", "crit", "ts-aud", "ts-dev", "ts-seq", "ts-prev", "ts-time", "ts-nonce")),
    *((f"{name} is there", with_(**{name: value})) for name, value in (
        ("jwk", {}), ("jku", "https://x"), ("x5u", "https://x"), ("x5c", []), ("zip", "DEF"), ("b64", False),
        ("ts_more", "1"))),
    ("crit in another order", lambda header: header | {"crit": header["crit"][::-1]}),
    ("crit with one less", lambda header: header | {"crit": header["crit"][1:]}),
    ("crit with one more", lambda header: header | {"crit": [*header["crit"], "exp"]}),
    ("alg none", with_(alg="none")),
    ("alg HS256", with_(alg="HS256")),
    ("alg ES384", with_(alg="ES384")),
    ("alg in small letters", with_(alg="es256")),
    ("another typ", with_(typ="tallystick-batch+jws")),
    ("a number for text", with_(ts_seq=3)),
    ("a sequence with a leading nought", with_(ts_seq="03")),
    ("a sequence of nought", with_(ts_seq="0")),
    ("a sequence beyond four bytes", with_(ts_seq=str(2**32))),
    ("a time without milliseconds", with_(ts_time="2026-11-27T10:00:00Z")),
    ("a time with an offset", with_(ts_time="2026-11-27T10:00:00.000+00:00")),
    ("a time that no calendar has", with_(ts_time="2026-02-30T10:00:00.000Z")),
    ("a nonce of 15 bytes", with_(ts_nonce=write_base64url(bytes(15)).decode())),
    ("a link with padding", with_(ts_prev=base64.urlsafe_b64encode(bytes(32)).decode())),
    ("a kid with stray bits", with_(kid="A" * 42 + "B")),
    ("a device in small letters", with_(ts_dev="abcd1234")),
    ("a member twice", lambda header: json.dumps(header)[:-1].encode() + b',"alg":"ES256"}'),
    ("an array", lambda header: [header]),
    ("no JSON", lambda header: b"{"),
    ("nothing", lambda header: b""),
    ("a header of more than a kibibyte", with_(ts_aud="x" * 1024)),
    ("nested deeply", lambda header: b"[" * 700),
]  # fmt: skip


def test_ts_1201_a_header_is_exactly_this(door: Door, till: Till) -> None:
    header, payload, _ = parts_of(till.compact())
    for name, change in HEADERS:
        reply = till.post(signed(till, change(dict(header)), payload))
        assert (name, reply.status, reply.code) == (name, 400, "TS-1201")
    assert len(door.pipeline.taken) == 2
    shuffled = dict(sorted(header.items(), reverse=True))
    assert till.post(signed(till, shuffled, payload)).status == 201, "members of JSON have no order"


def test_ts_1201_and_ts_1312_signatures(door: Door, till: Till) -> None:
    compact = till.compact()
    header, payload, signature = parts_of(compact)
    wrong: list[tuple[str, bytes, str]] = [
        ("DER", ecdsa_der(signature), "TS-1201"),
        ("63 bytes", signature[:63], "TS-1201"),
        ("65 bytes", signature + b"\0", "TS-1201"),
        ("none", b"", "TS-1201"),
        ("noughts", bytes(64), "TS-1312"),
        ("of other bytes", till.papers.device.sign(b"x"), "TS-1312"),
        ("of another key", sign_es256(generate_p256_key(), compact.rpartition(b".")[0]), "TS-1312"),
    ]
    for name, other, code in wrong:
        assert (name, till.post(signed(till, header, payload, other)).code) == (name, code)
    for text in (b"", b".", b"..", compact + b".", compact[:-3], b" " + compact, compact + b"\n", compact + b"="):
        assert till.post(text).code == "TS-1201", text[-10:]
    assert len(door.pipeline.taken) == 2
    assert till.post(compact).status == 201


def test_ts_1313_a_document_of_another_device(door: Door, till: Till) -> None:
    other = door.till(f"OTHR{next(_NUMBERS):04d}")
    reply = till.post(other.compact(other.registration()))
    assert (reply.status, reply.code) == (403, "TS-1313")


PAYLOADS: list[tuple[str, bytes, int, str]] = [
    ("nothing", b"", 400, "TS-1210"),
    ("no JSON", b"{", 400, "TS-1210"),
    ("not UTF-8", b'{"kind":"\xff"}', 400, "TS-1210"),
    ("a byte order mark", b"\xef\xbb\xbf{}", 400, "TS-1210"),
    ("nested deeply", b"[" * 1_000, 400, "TS-1211"),
    ("a member twice", b'{"kind":"receipt","kind":"receipt"}', 400, "TS-1212"),
    ("a fraction", b'{"total":1.5}', 400, "TS-1213"),
    ("many elements", b"[" + b"1," * 20_000 + b"1]", 400, "TS-1214"),
    ("another kind", b'{"kind":"invoice"}', 422, "TS-1220"),
    ("an array", b"[]", 422, "TS-1220"),
]


def test_payloads_are_read_strictly(door: Door, till: Till) -> None:
    header, payload, _ = parts_of(till.compact())
    more = json.loads(payload) | {"discount": "1"}
    less = {name: value for name, value in json.loads(payload).items() if name != "total"}
    cases = [
        *PAYLOADS,
        ("an unknown member", json.dumps(more).encode(), 400, "TS-1215"),
        ("a member less", json.dumps(less).encode(), 422, "TS-1220"),
        ("a number for text", json.dumps(less | {"total": 5}).encode(), 422, "TS-1220"),
    ]
    for name, body, status, code in cases:
        reply = till.post(signed(till, header, body))
        assert (name, reply.status, reply.code) == (name, status, code)
    assert len(door.pipeline.taken) == 2


ROWS: list[tuple[str, str, str, Any, dict[str, str], int, str]] = [
    ("a path that nobody knows", "GET", "/ecr/v1/nothing", None, {}, 404, "TS-1001"),
    ("the root", "GET", "/", None, {}, 404, "TS-1001"),
    ("a path with a slash too many", "POST", "/ecr//v1/documents", b"x", {}, 404, "TS-1001"),
    ("a path in capitals", "POST", "/ECR/v1/documents", b"x", {}, 404, "TS-1001"),
    ("a part too many", "GET", "/ecr/v1/documents/1/2/3", None, {}, 404, "TS-1001"),
    ("a part that is empty", "GET", "/ecr/v1/documents//deliveries", None, {}, 404, "TS-1001"),
    ("a method that nobody knows", "DELETE", DOCUMENTS_PATH, None, {}, 405, "TS-1001"),
    ("a method of another path", "POST", DEVICE_PATH, b"x", {}, 405, "TS-1001"),
    ("another version", "POST", "/ecr/v2/documents", b"x", {}, 406, "TS-1007"),
    ("another version of the node", "GET", "/node/v9/queue", None, {}, 406, "TS-1007"),
    ("no type", "POST", DOCUMENTS_PATH, b"x", {"Content_Type": ""}, 415, "TS-1002"),
    ("another type", "POST", DOCUMENTS_PATH, b"x", {"Content_Type": "application/json"}, 415, "TS-1002"),
    ("a form", "POST", DOCUMENTS_PATH, b"x", {"Content_Type": "application/x-www-form-urlencoded"}, 415, "TS-1002"),
    ("compressed", "POST", DOCUMENTS_PATH, b"x", {"Content_Encoding": "gzip"}, 415, "TS-1002"),
    ("too large", "POST", DOCUMENTS_PATH, b"x" * (DOCUMENT_BYTES_MAX + 1), {}, 413, "TS-1003"),
    ("nothing", "POST", DOCUMENTS_PATH, b"", {}, 400, "TS-1201"),
    ("a large closure", "POST", "/node/v1/closures", b"x" * (DOCUMENT_BYTES_MAX + 1), {}, 413, "TS-1003"),
    ("a cursor in words", "GET", "/node/v1/queue?after=x", None, {}, 503, "TS-3240"),
]


def test_each_wrong_request_gets_its_code_and_changes_nothing(door: Door, till: Till) -> None:
    for name, method, path, body, headers, status, code in ROWS:
        reply = till.ask(method, path, body, **({"Content_Type": "application/jose"} | headers))
        assert (name, reply.status, reply.code) == (name, status, code)
        assert code in CATALOGUE
        if status == 405:
            assert reply.headers["allow"]
    assert len(door.pipeline.taken) == 2
    assert till.post(till.compact()).status == 201, "and the next one is served"


def test_numbers_that_are_not_ones_own_are_unknown(till: Till) -> None:
    for number in ("x", "AAAAAAAA-AAAAAAAA-1", f"{till.uid}-AAAAAAAA-1", f"{till.uid}-{till.uid}-01", "%2e%2e"):
        for path in (
            f"{DOCUMENTS_PATH}/{number}",
            f"{DOCUMENTS_PATH}/{number}/deliveries",
            f"/node/v1/receipts/{number}",
        ):
            reply = till.ask("GET", path)
            assert (path, reply.status, reply.code) == (path, 404, "TS-4003")


WISHES: list[tuple[Any, str]] = [
    (b"", "TS-1210"),
    (b"[" * 1000, "TS-1211"),
    ([], "TS-1220"),
    ({}, "TS-1220"),
    ({"by": "email"}, "TS-1220"),
    ({"by": "post", "to": "Main Street 1"}, "TS-1220"),
    ({"by": ["email"], "to": "ana@example.org"}, "TS-1220"),
    ({"by": "email", "to": 7}, "TS-1220"),
    ({"by": "email", "to": "ana"}, "TS-1220"),
    ({"by": "email", "to": "ana@example.org\r\nBcc: x@example.org"}, "TS-1220"),
    ({"by": "email", "to": "ana@example.org\nBcc: x@example.org"}, "TS-1220"),
    ({"by": "email", "to": "a@b@example.org"}, "TS-1220"),
    ({"by": "email", "to": "a" * 60 + "@" + "b" * 250}, "TS-1220"),
    ({"by": "sms", "to": "061234567"}, "TS-1220"),
    ({"by": "sms", "to": "+38161234567;ext=1"}, "TS-1220"),
    ({"by": "sms", "to": "+38161234567", "text": "hello"}, "TS-1215"),
    (b" " * 5_000 + b"{}", "TS-1003"),
]


def test_s0_033_wishes_are_read_strictly() -> None:
    for said, code in WISHES:
        with pytest.raises(Fault) as raised:
            read_wish(said if isinstance(said, bytes) else json.dumps(said).encode())
        assert (said, raised.value.code) == (said, code)
    assert read_wish(b'{"by":"email","to":"ana.b+x@mail.example.org"}').to == "ana.b+x@mail.example.org"
    assert read_wish(b'{"to":"+38161234567","by":"sms"}').by == "sms"


def test_what_is_our_own_bug_shows_no_stack(door: Door, till: Till) -> None:
    def fail() -> None:
        raise RuntimeError("secret words")

    door.pipeline.before = fail
    reply = till.post(till.compact())
    assert (reply.status, reply.code) == (500, "TS-5099")
    assert b"secret" not in reply.body
    door.pipeline.before = lambda: None
    assert till.post(till.compact()).status == 201


def test_ts_1006_a_device_that_asks_faster_than_a_till_can_sell() -> None:
    moment = [0.0]
    budget = DeviceBudget(lambda: moment[0], per_second=2, at_once=3)
    for _ in range(3):
        budget.spend("A")
    with pytest.raises(Fault, match="TS-1006"):
        budget.spend("A")
    budget.spend("B")
    moment[0] = 0.5
    budget.spend("A")
    with pytest.raises(Fault, match="TS-1006"):
        budget.spend("A")
    moment[0] = 1_000
    for _ in range(3):
        budget.spend("A")
    with pytest.raises(Fault, match="TS-1006"):
        budget.spend("A")


def test_ts_1006_at_the_door(pki: DemoPki, home: Country) -> None:
    with open_door(pki, home.folder, monotonic=lambda: 0.0) as door:
        till = door.till("BUDGET01")
        replies = [till.ask("GET", DEVICE_PATH) for _ in range(201)]
        assert {reply.status for reply in replies[:200]} == {200}
        assert (replies[200].status, replies[200].code, replies[200].headers["retry-after"]) == (429, "TS-1006", "1")
        assert door.till("BUDGET02").ask("GET", DEVICE_PATH).status == 200


def test_ts_5002_memory_and_requests_in_work_are_bounded() -> None:
    work = WorkBudget(most=2, most_bytes=100)
    with work.hold(60):
        with pytest.raises(Fault, match="TS-5002"), work.hold(41):
            pass
        with work.hold(40), pytest.raises(Fault, match="TS-5002"), work.hold(0):
            pass
    with work.hold(100):
        pass


def raw(till: Till, *parts: bytes, pause: float = 0.0) -> bytes:
    plain = socket.create_connection(("127.0.0.1", till.port), timeout=10)
    with till.context.wrap_socket(plain, server_hostname="localhost") as tls:
        for part in parts:
            tls.sendall(part)
            time.sleep(pause)
        answer = b""
        while chunk := tls.recv(65536):
            answer += chunk
        return answer


HEAD = b"POST /ecr/v1/documents HTTP/1.1\r\nHost: x\r\nContent-Type: application/jose\r\n"
SMUGGLED = b"0\r\n\r\nGET /ecr/v1/device HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
        b"Content-Length: 4\r\nContent-Length: 5\r\n",
        b"Content-Length: +4\r\n",
        b"Content-Length: 4, 4\r\n",
        b"Transfer-Encoding: identity, chunked\r\n",
        b"Transfer-Encoding: xchunked\r\n",
        b"Transfer-Encoding : chunked\r\n",
        b"Host: y\r\n",
    ],
)
def test_ts_1004_what_two_readers_may_read_differently_closes_the_connection(till: Till, head: bytes) -> None:
    answer = raw(till, HEAD + head + b"\r\n" + SMUGGLED)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"TS-1004" in answer
    assert answer.count(b"HTTP/1.1 ") == 1


def test_ts_1003_an_oversized_head(till: Till) -> None:
    answer = raw(till, b"GET /ecr/v1/device HTTP/1.1\r\nX: " + b"a" * 20_000 + b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"application/problem+json" in answer


@pytest.fixture(scope="module")
def hasty(pki: DemoPki, home: Country) -> Iterator[Door]:
    limits = HttpLimits(header_seconds=0.5, body_seconds=0.5, connections_per_certificate=2)
    with open_door(pki, home.folder, limits) as door:
        yield door


def test_ts_1005_a_head_or_a_body_that_does_not_come(hasty: Door) -> None:
    till = hasty.till("SLOW0001")
    assert b"TS-1005" in raw(till, HEAD)
    assert b"TS-1005" in raw(till, HEAD + b"Content-Length: 100\r\n\r\nabc")


def test_one_device_takes_its_share_of_connections_and_no_more(hasty: Door) -> None:
    till = hasty.till("MANY0001")
    kept = [http.client.HTTPSConnection("127.0.0.1", till.port, context=till.context, timeout=5) for _ in range(2)]
    for connection in kept:
        connection.request("GET", DEVICE_PATH)
        assert connection.getresponse().read()
    with pytest.raises((ConnectionError, http.client.HTTPException, OSError)):
        till.ask("GET", DEVICE_PATH)
    for connection in kept:
        connection.close()


def test_a_body_in_chunks_is_taken_within_the_same_bounds(till: Till) -> None:
    compact = till.compact()
    reply = till.ask("POST", DOCUMENTS_PATH, iter([compact[:100], compact[100:]]), Content_Type="application/jose")
    assert reply.status == 201
    bomb = iter([b"x" * 65_536] * 5)
    assert till.ask("POST", DOCUMENTS_PATH, bomb, Content_Type="application/jose").code == "TS-1003"


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary(max_size=300)
    | st.lists(st.binary(max_size=60).map(write_base64url), max_size=5).map(b".".join)
    | st.dictionaries(st.text(max_size=8), st.integers() | st.text(max_size=9) | st.none(), max_size=5).map(
        lambda said: write_base64url(json.dumps(said).encode()) + b".e30." + write_base64url(bytes(64))
    )
)
def test_no_body_whatever_makes_a_500(till: Till, body: bytes) -> None:
    reply = till.post(body)
    assert reply.status < 500, reply.body
    assert reply.code in CATALOGUE


def test_a_receipt_that_is_larger_than_usual_is_taken(till: Till) -> None:
    big = till.papers.receipt(till.papers.sale(["0.01"] * 1_000))
    assert till.post(till.compact(big)).status == 201
