"""Whatever is wrong at this door gets a coded problem and changes nothing."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from ecr_bench import Door
from ecr_till import Till
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tallystick.authority.channels.ecr.node import cursor_of
from tallystick.crypto.keys import generate_p256_key
from tallystick.crypto.signatures import ecdsa_der, sign_es256
from tallystick.kernel.fault_catalogue import CATALOGUE
from tallystick.kernel.faults import Fault
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
    ("a member twice, with a blank", lambda header: b'{"ts-seq" :"9",' + json.dumps(header)[1:].encode()),
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
    ("a member twice, with a blank", b'{"kind" :"receipt","kind":"receipt"}', 400, "TS-1212"),
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


def test_what_is_our_own_bug_shows_no_stack(door: Door, till: Till) -> None:
    def fail() -> None:
        raise RuntimeError("secret words")

    door.pipeline.before = fail
    reply = till.post(till.compact())
    assert (reply.status, reply.code) == (500, "TS-5099")
    assert b"secret" not in reply.body
    door.pipeline.before = lambda: None
    assert till.post(till.compact()).status == 201


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


QUERIES = ("qr=%C3%A9", "%ff=1", "qr", "%00", "a=b&c=%E2%82", "qr=1&qr=%FF")


def test_a_query_that_means_nothing_costs_no_answer(door: Door, till: Till) -> None:
    """What was booked is answered, whatever stands behind the question mark; a cursor that is none is refused."""
    for query in QUERIES:
        assert till.submit(path=f"{DOCUMENTS_PATH}?{query}").status == 201, query
    for path in ("/ecr/v1/device/log?device=%C3%A9", "/ecr/v1/device/log?after=%ff"):
        assert (path, till.ask("GET", path).code) == (path, "TS-1220")
    for asked in (b"after=%C3%A9", b"after=%D9%A1", b"after=", b"after=1&after=2", b"after=-1", b"after=4294967296"):
        with pytest.raises(Fault, match="TS-1220"):
            cursor_of({"query_string": asked})
    assert cursor_of({"query_string": b"x=%ff&after=4294967295"}) == 4294967295
