"""How much a caller may take of this door, in calls, bytes and time, and what two readers could read differently."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import time
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from cards import Country
from ecr_bench import Door, open_door
from ecr_till import Till

from tallystick.authority.channels.ecr.batches import api as batches_api
from tallystick.authority.channels.ecr.budget import CallBudget, WorkBudget
from tallystick.authority.channels.ecr.deliveries import read_wish
from tallystick.authority.channels.ecr.node import NodeApi
from tallystick.authority.channels.ecr.registering import Registering
from tallystick.crypto.national_oids import DeviceClass
from tallystick.crypto.pki import DemoPki
from tallystick.kernel.faults import Fault
from tallystick.kit.http_server import HttpLimits
from tallystick.wire.ecr_api import DEVICE_PATH
from tallystick.wire.offline_batch import BATCHES_PATH

_NUMBERS = count(1)


@pytest.fixture
def till(door: Door) -> Till:
    made = door.till(f"BOUN{next(_NUMBERS):04d}")
    made.begin()
    return made


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


def test_ts_1006_a_device_that_asks_faster_than_a_till_can_sell() -> None:
    moment = [0.0]
    budget = CallBudget(lambda: moment[0], per_second=2, at_once=3)
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


def test_ts_1006_strangers_have_a_small_budget_of_their_own_by_address(pki: DemoPki, home: Country) -> None:
    with open_door(pki, home.folder, monotonic=lambda: 0.0) as door:
        stranger, till = door.stranger(), door.till("BUDGET03")
        replies = [stranger.ask("POST", "/node/v1/registers", b"{", Content_Type="application/json") for _ in range(21)]
        assert [reply.code for reply in replies] == ["TS-1210"] * 20 + ["TS-1006"]
        assert till.ask("GET", DEVICE_PATH).status == 200


def test_purses_are_bounded() -> None:
    budget = CallBudget(lambda: 0.0, per_second=1, at_once=1, purses_most=2)
    for caller in ("A", "B", "C"):
        budget.spend(caller)
    with pytest.raises(Fault, match="TS-1006"):
        budget.spend("C")
    budget.spend("A")


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


def test_ts_1003_a_body_that_says_it_is_too_large_is_not_waited_for(till: Till) -> None:
    with till.context.wrap_socket(
        socket.create_connection(("127.0.0.1", till.port), timeout=10), server_hostname="localhost"
    ) as tls:
        tls.sendall(HEAD + b"Content-Length: 300000\r\n\r\nx")
        assert tls.recv(65_536).startswith(b"HTTP/1.1 413 "), "a slow body would get 408"


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


def test_strangers_keep_no_till_out(pki: DemoPki, home: Country) -> None:
    """Connections without a certificate are few of all, and fewer of one address; what is closed gives way again."""
    for limits in (
        HttpLimits(connections=6, connections_of_strangers=3),
        HttpLimits(connections=6, connections_of_strangers=100, connections_per_stranger=3),
    ):
        with open_door(pki, home.folder, limits) as door:
            till, strangers = door.till("CROWD001"), [door.stranger() for _ in range(10)]
            assert [_is_served(one) for one in strangers] == [True] * 3 + [False] * 7
            assert till.ask("GET", DEVICE_PATH).status == 200
            strangers[0].close()
            deadline = time.monotonic() + 10
            while not _is_served(strangers[-1]):
                assert time.monotonic() < deadline
                time.sleep(0.02)


def _is_served(stranger: Till) -> bool:
    try:
        return stranger.ask("GET", "/openapi.json").status == 200
    except (http.client.HTTPException, OSError):
        return False


def test_ts_1006_a_subscriber_of_ipv6_is_one_address(pki: DemoPki, home: Country) -> None:
    with open_door(pki, home.folder, monotonic=lambda: 0.0) as door:
        node = NodeApi(door.services, Registering(door.services))

        async def present(address: str) -> str:
            async def receive() -> Any:
                raise AssertionError("the type of the body is not taken")

            with pytest.raises(Fault) as raised:
                await node.present({"headers": [], "client": (address, 1)}, receive)
            return raised.value.code

        codes = [asyncio.run(present(f"2001:db8:0:1:{number:x}::1")) for number in range(21)]
        assert codes == ["TS-1002"] * 20 + ["TS-1006"]
        assert asyncio.run(present("2001:db8:0:2::1")) == "TS-1002"


def test_ts_5002_parts_of_batches_have_memory_of_their_own(
    pki: DemoPki, home: Country, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches_api, "PART_BYTES_IN_WORK_MOST", 1_000)
    with open_door(pki, home.folder) as door:
        till, part = door.till("PARTS001", DeviceClass.HARDWARE), f"{BATCHES_PATH}/{'A' * 22}/parts/1"
        full = till.ask("PUT", part, bytes(1_001), Content_Type="application/octet-stream")
        assert (full.status, full.code, full.headers["retry-after"]) == (503, "TS-5002", "1")
        with door.services.work.hold(64 * 1024 * 1024):  # what tills need is not asked for
            assert till.ask("PUT", part, b"x", Content_Type="text/plain").code == "TS-1002"


def test_a_part_is_read_without_the_database(pki: DemoPki, home: Country) -> None:
    """A fleet that comes back takes no connection from the tills while its parts are parsed; this door has none."""
    with open_door(pki, home.folder) as door:
        till, part = door.till("PARTS002", DeviceClass.HARDWARE), f"{BATCHES_PATH}/{'A' * 22}/parts/1"
        wrong = till.ask("PUT", part, b"no document\n", Content_Type="application/octet-stream")
        assert wrong.code.startswith("TS-12"), wrong
