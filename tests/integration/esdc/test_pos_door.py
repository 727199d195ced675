"""The POS door over real HTTP: the published tests (wire: 13.1), tills side by side, hostile bytes."""

from __future__ import annotations

import asyncio
import json
import random
import re
import time
from pathlib import Path
from typing import Any

import attrs
import pytest
from esdc_bench import PIN, UID, body
from esdc_live import SETTINGS, Reply, Scene, http, play, until

from tallystick.device.esdc.service import RunningSlot
from tallystick.kernel.limits import LIMITS

V3 = "/api/v3"
INVOICES = f"{V3}/invoices"


def codes(reply: Reply) -> list[tuple[str, list[str]]]:
    assert reply.json["message"] == "Bad Request"
    return [(entry["property"], entry["errors"]) for entry in reply.json["modelState"]]


async def raw(port: int, sent: bytes, *, patience_seconds: float = 15) -> bytes:
    """Whatever comes back for some bytes, until the other side closes or says nothing more for a while."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    got = b""
    try:
        writer.write(sent)
        while part := await asyncio.wait_for(reader.read(65536), patience_seconds):
            got += part
    except (ConnectionError, TimeoutError):
        pass
    finally:
        writer.close()
    return got


async def online(scene: Scene, **settings: Any) -> RunningSlot:
    """An E-SDC that has reached its authority."""
    await scene.authority()
    running = await scene.start(**settings)
    await until(lambda: running.esdc.online)
    return running


def test_27_to_31_without_a_card(tmp_path: Path) -> None:
    """Five endpoints: 1300 everywhere, with the statuses of the list (wire: 2.9)."""

    async def act(scene: Scene) -> None:
        running = await online(scene)
        running.slot.reader.remove()  # type: ignore[attr-defined]
        port = running.port
        reply = await http(port, "GET", f"{V3}/environment-parameters")
        assert (reply.status, codes(reply)) == (400, [("", ["1300"])])
        reply = await http(port, "GET", f"{V3}/status")
        assert (reply.status, reply.json["gsc"]) == (200, ["1300", "1500", "0210"])
        reply = await http(port, "POST", f"{V3}/pin", PIN.encode())
        assert (reply.status, reply.json) == (200, "1300")
        reply = await http(port, "POST", INVOICES, body())
        assert (reply.status, codes(reply)) == (400, [("", ["1300"])])
        reply = await http(port, "GET", f"{INVOICES}/r1")
        assert (reply.status, codes(reply)) == (400, [("", ["1300"])])
        assert (await http(port, "GET", f"{V3}/attention")).status == 200

    play(tmp_path, act)


def test_24_and_32_to_38_from_the_card_without_pin_to_the_first_invoice(tmp_path: Path) -> None:
    """1500 whatever the request looks like, 423 for a wrong PIN, 0100 for the right one (S2-020 to S2-022)."""
    mixed = json.loads(body()) | {"invoiceType": "0", "transactionType": 0, "dateAndTimeOfIssue": None, "cashier": None}
    full = mixed | {
        "payment": [{"amount": 68.46, "paymentType": 4}, {"amount": 0, "paymentType": "card"}],
        "options": {"omitQRCodeGen": 1, "omitTextualRepresentation": "0"},
        "referentDocumentNumber": "XXXXXXXX-XXXXXXXX-121",
        "referentDocumentDT": None,
    }

    async def act(scene: Scene) -> None:
        running = await online(scene)
        running.slot.reader.insert(scene.cards[UID])  # type: ignore[attr-defined]
        port = running.port
        reply = await http(port, "GET", f"{V3}/status")
        assert (reply.status, reply.json["gsc"]) == (200, ["1500", "0210"])
        for request in (mixed, full):
            reply = await http(port, "POST", INVOICES, json.dumps(request).encode())
            assert (reply.status, codes(reply)) == (400, [("", ["1500"])])
        reply = await http(port, "POST", f"{V3}/pin", b"0000", {"Content-Type": "text/plain", "Accept": "text/plain"})
        assert (reply.status, reply.body, reply.headers["content-type"]) == (423, b"2100", "text/plain; charset=utf-8")
        reply = await http(port, "POST", f"{V3}/pin", f'"{PIN}"\n'.encode(), {"Content-Type": "application/json"})
        assert (reply.status, reply.body) == (200, b'"0100"')
        assert (await http(port, "GET", f"{V3}/status")).json["gsc"] == ["0100", "0210"]
        for request in (mixed, full):
            assert (await http(port, "POST", INVOICES, json.dumps(request).encode())).json["verificationUrl"]

    play(tmp_path, act)


def test_checklist_7_two_tills_find_their_own_invoices_after_a_restart(tmp_path: Path) -> None:
    """Test 11 of the list: answers that got lost are found by request id, by each till its own, and sold only once."""

    async def lost(port: int, request_id: str, request: bytes) -> None:
        """A till whose line breaks after it has asked."""
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        head = f"POST {INVOICES} HTTP/1.1\r\nHost: localhost\r\nRequestId: {request_id}\r\n"
        writer.write(f"{head}Content-Length: {len(request)}\r\n\r\n".encode() + request)
        await writer.drain()
        writer.close()

    async def act(scene: Scene) -> None:
        running = await online(scene)
        baskets = {f"till-{name}/{number}": body(cashier=name) for name in "ab" for number in range(3)}
        await asyncio.gather(*(lost(running.port, name, request) for name, request in baskets.items()))
        store = running.esdc.device.session.store  # type: ignore[union-attr]
        async with asyncio.timeout(10):
            while (await running.esdc.work(store.newest)).ordinal < len(baskets):
                await asyncio.sleep(0.02)
        await scene.host.remove(UID)
        again = await scene.host.add(scene.slot())
        found: dict[str, Any] = {}
        for name in baskets:
            reply = await http(again.port, "GET", f"{INVOICES}/{name.replace('/', '%2F')}")
            found[name] = reply.json
            assert reply.status == 200
        assert sorted(one["totalCounter"] for one in found.values()) == list(range(1, len(baskets) + 1))
        assert all(
            re.search(rf"^Cashier TIN: +{name[5]} *\r?$", one["journal"], re.MULTILINE) for name, one in found.items()
        )
        assert (await http(again.port, "GET", f"{INVOICES}/till-c%2F0")).body == b"null"
        assert (await http(again.port, "POST", f"{V3}/pin", PIN.encode())).status == 200
        for name, request in baskets.items():
            reply = await http(again.port, "POST", INVOICES, request, {"RequestId": name})
            assert reply.json == found[name]
        reply = await http(again.port, "POST", INVOICES, body(), {"RequestId": "new"})
        assert reply.json["totalCounter"] == len(baskets) + 1

    play(tmp_path, act)


@pytest.mark.parametrize(
    ("accept_language", "status", "title"),
    [
        (None, 200, "FISCAL INVOICE"),
        ("sr-Cyrl-RS;en-US", 200, "ФИСКАЛНИ РАЧУН"),
        ("fr-FR, sr-Latn", 200, "FISKALNI RAČUN"),
        ("en;q=0.2, sr;q=0.7", 200, "ФИСКАЛНИ РАЧУН"),
        ("fr-FR, *;q=0.1", 200, "FISCAL INVOICE"),
        ("fr-FR", 406, ""),
    ],
)
def test_checklist_9_the_language_of_the_journal(
    tmp_path: Path, accept_language: str | None, status: int, title: str
) -> None:
    """The first that is spoken, 406 where none is, the first of the authority's where nothing is asked (S2-072)."""

    async def act(scene: Scene) -> None:
        running = await online(scene)
        headers = {} if accept_language is None else {"Accept-Language": accept_language}
        reply = await http(running.port, "POST", INVOICES, body(), headers)
        assert reply.status == status
        if status == 200:
            assert title in reply.json["journal"].splitlines()[0]
        else:
            assert codes(reply) == [("Accept-Language", ["2805"])]

    play(tmp_path, act)


def test_what_tills_write_into_heads(tmp_path: Path) -> None:
    """Double slashes, a type on a GET, no type, HTTP/1.0, `Expect`, chunks, HEAD, OPTIONS (wire: 2.2, 2.3.1)."""

    async def act(scene: Scene) -> None:
        running = await online(scene)
        port, request = running.port, body()
        assert (await http(port, "GET", f"/{V3}/status/", None, {"Content-Type": "application/json"})).status == 200
        for kind in ({"Content-Type": "text/json; charset=UTF-8"}, {"Content-Type": "a/b"}, {}):
            reply = await http(port, "POST", f"/{INVOICES}", b"\xef\xbb\xbf" + request, kind)
            assert reply.status == 200
        old = f"POST {INVOICES} HTTP/1.0\r\nContent-Length: {len(request)}\r\n\r\n".encode()
        assert (await raw(port, old + request)).startswith(b"HTTP/1.1 200")
        head = f"POST {INVOICES} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        chunk = f"{head}Transfer-Encoding: chunked\r\n\r\n{len(request):x}\r\n".encode()
        assert (await raw(port, chunk + request + b"\r\n0\r\n\r\n")).startswith(b"HTTP/1.1 200")
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"{head}Expect: 100-continue\r\nContent-Length: {len(request)}\r\n\r\n".encode())
        assert await asyncio.wait_for(reader.readline(), 5) == b"HTTP/1.1 100 Continue\r\n"
        writer.write(request)
        assert b"HTTP/1.1 200" in await asyncio.wait_for(reader.read(), 5)
        writer.close()
        head_reply = await raw(
            port, f"HEAD {V3}/status HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
        )
        assert head_reply.startswith(b"HTTP/1.1 200")
        assert head_reply.endswith(b"\r\n\r\n")
        assert b"\r\ncache-control: no-store\r\n" in head_reply.lower()
        framing = b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        refused = await raw(port, f"POST {INVOICES} HTTP/1.1\r\nHost: localhost\r\n".encode() + framing)
        assert refused.startswith(b"HTTP/1.1 400")
        assert refused.endswith(b'{"message":"Bad Request","modelState":[{"property":"","errors":["2806"]}]}')
        reply = await http(port, "OPTIONS", INVOICES)
        assert (reply.status, reply.headers["allow"]) == (200, "POST, OPTIONS")

    play(tmp_path, act)


def test_a_page_sells_nothing_over_the_wire_and_a_named_web_pos_does(tmp_path: Path) -> None:
    async def act(scene: Scene) -> None:
        await scene.authority()
        settings = attrs.evolve(SETTINGS, web_origins=("https://pos.example",), host_names=("till.example",))
        running = await scene.start(settings=settings)
        port = running.port
        for headers in ({"Origin": "https://evil.example"}, {"Host": "evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
            for path, sent in ((f"{V3}/pin", b"0000"), (INVOICES, body())):
                reply = await http(port, "POST", path, sent, {"Content-Type": "text/plain", **headers})
                assert reply.status == 403
        device = running.esdc.device
        card = device.require_card().card
        assert await running.esdc.work(card.pin_tries_left) == LIMITS.pin_tries
        page = {"Origin": "https://pos.example", "Host": "till.example:1"}
        asked = {**page, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "requestid"}
        reply = await http(port, "OPTIONS", INVOICES, None, asked)
        assert reply.headers["access-control-allow-origin"] == "https://pos.example"
        reply = await http(port, "POST", INVOICES, body(), page)
        assert reply.json["totalCounter"] == 1
        assert reply.headers["access-control-allow-origin"] == "https://pos.example"

    play(tmp_path, act)


def test_a_wrapped_sale_of_the_older_dialect_survives_a_restart(tmp_path: Path) -> None:
    async def act(scene: Scene) -> None:
        await scene.authority()
        wrapped = json.dumps({"invoiceRequest": json.loads(body())}).encode()
        running = await scene.start()
        assert (await http(running.port, "POST", INVOICES, wrapped)).status == 400
        assert (await http(running.port, "POST", "/api/invoices", wrapped)).status == 404
        await scene.host.remove(UID)
        running = await scene.start(settings=attrs.evolve(SETTINGS, older_dialect=True))
        reply = await http(running.port, "POST", "/api/invoices", wrapped, {"RequestId": "r1"})
        assert reply.json["totalCounter"] == 1
        await scene.host.remove(UID)
        again = await scene.host.add(scene.slot())
        assert (await http(again.port, "GET", f"{INVOICES}/r1")).json == reply.json

    play(tmp_path, act)


SALE_HEAD = f"POST {INVOICES} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n".encode()
HOSTILE = [
    b"\x00" * 64,
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64),
    b"GET\r\n\r\n",
    b"GET  HTTP/1.1\r\n\r\n",
    b"GET /api/v3/status HTTP/9.9\r\nHost: localhost\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET /api/v3/status HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
    b"GET /api/v3/invoices/%00%ff%zz HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET http://evil.example/api/v3/status HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /api/v3/status HTTP/1.1\r\n" + b"X-A: b\r\n" * 4000 + b"\r\n",
    SALE_HEAD + b"Content-Length: -1\r\n\r\n",
    SALE_HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n{}   ",
    SALE_HEAD + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    SALE_HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    SALE_HEAD + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nx",
    SALE_HEAD + b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00",
    SALE_HEAD + b"Content-Length: 1048577\r\n\r\n" + b" " * 1048577,
    SALE_HEAD + b"Content-Length: 100000\r\n\r\n" + b"[" * 100000,
    b"POST /api/v3/pin HTTP/1.1\r\nHost: localhost\r\nRequestId: \xff\xfe\r\nContent-Length: 3\r\n\r\n\xff\xfe\x00",
    b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n",
]
ROUNDS, AT_ONCE = 300, 15


@pytest.mark.soak
def test_hostile_bytes_get_no_500_and_cost_bounded_time(tmp_path: Path) -> None:
    """Fixed attacks, then requests with random damage; the device still sells afterwards, and lost no number."""
    chance = random.Random(20261127)
    request = body()
    whole = SALE_HEAD + f"Content-Length: {len(request)}\r\n\r\n".encode() + request

    def damaged() -> bytes:
        made = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            place = chance.randrange(len(made))
            made[place : place + chance.randint(0, 4)] = chance.randbytes(chance.randint(0, 4))
        return bytes(made)

    async def act(scene: Scene) -> None:
        running = await online(scene)
        attacks = [*HOSTILE, *(damaged() for _ in range(ROUNDS))]
        began, answered, sold = time.monotonic(), 0, 0
        for first in range(0, len(attacks), AT_ONCE):
            batch = attacks[first : first + AT_ONCE]
            answers = await asyncio.gather(*(raw(running.port, one, patience_seconds=1) for one in batch))
            for attack, answer in zip(batch, answers, strict=True):
                assert b"HTTP/1.1 5" not in answer, (attack[:200], answer[:200])
                answered += bool(answer)
                sold += b'"totalCounter"' in answer
        assert time.monotonic() - began < 120
        assert answered > len(attacks) * 0.5
        store = running.esdc.device.session.store  # type: ignore[union-attr]
        signed = (await running.esdc.work(store.newest)).ordinal
        assert signed >= sold, "what was answered was signed"
        reply = await http(running.port, "POST", INVOICES, request)
        assert reply.json["totalCounter"] == signed + 1

    play(tmp_path, act)


def test_a_till_that_sends_half_a_request_is_ended_with_our_code(tmp_path: Path) -> None:
    async def act(scene: Scene) -> None:
        running = await online(scene)
        began = time.monotonic()
        head = f"POST {INVOICES} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500\r\n\r\n{{"
        answer = await raw(running.port, head.encode())
        assert time.monotonic() - began < 12
        assert answer.startswith(b"HTTP/1.1 408")
        assert b'"errors":["2806"]' in answer
        await until(lambda: running.server.connections == 0)

    play(tmp_path, act)
