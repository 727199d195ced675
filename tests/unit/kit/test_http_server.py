"""A listener on a real socket: bounds hold, framing tricks close the connection, ports move on, stops are graceful."""

from __future__ import annotations

import asyncio
import socket

import pytest
import uvloop
from http_talk import echo, served, talk

from tallystick.kit import asgi
from tallystick.kit.asgi import Receive, Scope, Send, read_body, respond
from tallystick.kit.http_server import HttpLimits, Server

CLOSE = b"Connection: close\r\n"


def test_serves_a_request_and_names_headers_in_lower_case() -> None:
    async def test(port: int) -> None:
        answer = await talk(port, b"POST //a/b HTTP/1.1\r\nHoSt: x\r\nContent-Length: 3\r\n" + CLOSE + b"\r\nabc")
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b"\r\ndate: " in answer
        assert answer.endswith(b"//a/b|abc|host,content-length,connection")

    served(test)


@pytest.mark.parametrize(
    "head",
    [
        b"POST /a HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        b"POST /a HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        b"POST /a HTTP/1.1\r\nContent-Length: +3\r\n\r\nabc",
        b"POST /a HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n\r\nabc",
        b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked, identity\r\n\r\nabc",
        b"POST /a HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        b"POST /a HTTP/1.1\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        b"GET /a HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n",
        b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET http://host HTTP/1.1\r\n\r\n",
        b"NONSENSE / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
    ],
)
def test_ts_1004_contradictory_framing_is_refused_and_closed(head: bytes) -> None:
    async def test(port: int) -> None:
        answer = await talk(port, head + b"GET /smuggled HTTP/1.1\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert b"smuggled" not in answer
        assert answer.count(b"HTTP/1.1") == 1

    served(test)


@pytest.mark.parametrize(
    "parts",
    [
        [b"GET /" + b"a" * 4200 + b" HTTP/1.1\r\n\r\n"],
        [b"GET / HTTP/1.1\r\n" + b"X: " + b"a" * 17_000 + b"\r\n\r\n"],
        [b"GET / HTTP/1.1\r\nX: ", b"a" * 9_000, b"a" * 9_000, b"a"],
        [b"GET / HTTP/1.1\r\n" + b"".join(b"X%d: 1\r\n" % n for n in range(65)) + b"\r\n"],
        [b"GET / HTTP/1.1\r\n", *[b"X%d: %s\r\n" % (n, b"a" * 2000) for n in range(9)]],
    ],
)
def test_an_oversized_head_is_refused(parts: list[bytes]) -> None:
    async def test(port: int) -> None:
        assert (await talk(port, *parts, pause=0.02)).startswith(b"HTTP/1.1 431 ")

    served(test)


def test_a_head_just_inside_the_bounds_is_served() -> None:
    async def test(port: int) -> None:
        fields = b"".join(b"X%d: %s\r\n" % (n, b"a" * 200) for n in range(63))
        answer = await talk(port, b"GET /" + b"a" * 4000 + b" HTTP/1.1\r\n" + fields + CLOSE + b"\r\n")
        assert answer.startswith(b"HTTP/1.1 200 ")

    served(test)


def test_trailers_do_not_become_headers() -> None:
    async def test(port: int) -> None:
        head = b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" + CLOSE + b"\r\n"
        answer = await talk(port, head, b"3\r\nabc\r\n0\r\nTaxCoreAuthenticationToken: x\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b"|abc|" in answer
        assert b"authentication" not in answer

    served(test)


OFFER = b" HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
PLAIN = b"GET /b HTTP/1.1\r\n" + CLOSE + b"\r\n"


@pytest.mark.parametrize(
    "parts",
    [
        [b"POST /a" + OFFER + b"Content-Length: 3\r\n\r\nabc", PLAIN],
        [b"POST /a" + OFFER + b"Content-Length: 3\r\n\r\n", b"abc", PLAIN],
        [b"POST /a" + OFFER + b"Content-Length: 3\r\n\r\na", b"bc" + PLAIN],
        [b"POST /a" + OFFER + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n", b"1\r\nc\r\n0\r\n\r\n", PLAIN],
        [b"POST /a" + OFFER + b"Content-Length: 3\r\n\r\nabc" + PLAIN],
    ],
)
def test_an_offer_to_upgrade_is_served_as_plain_http(parts: list[bytes]) -> None:
    async def test(port: int) -> None:
        answer = await talk(port, *parts, pause=0.05)
        assert answer.count(b"HTTP/1.1 200") == 2
        assert b"/a|abc|" in answer
        assert b"/b||" in answer

    served(test)


def test_an_offer_to_upgrade_without_a_body_is_served() -> None:
    async def test(port: int) -> None:
        answer = await talk(port, b"GET /a" + OFFER + b"\r\n" + PLAIN)
        assert answer.count(b"HTTP/1.1 200") == 2

    served(test)

    served(test)


def test_a_slow_head_is_ended() -> None:
    async def test(port: int) -> None:
        assert (await talk(port, b"GET / HTTP/1.1\r\nX: ")).startswith(b"HTTP/1.1 408 ")

    served(test, limits=HttpLimits(header_seconds=0.2))


async def patient_echo(scope: Scope, receive: Receive, send: Send) -> None:
    await respond(send, 200, await read_body(receive, 100_000, None), "text/plain")


def test_ts_1005_a_body_that_stops_is_ended_by_the_server() -> None:
    async def test(port: int) -> None:
        answer = await talk(port, b"POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\nabc")
        assert answer.startswith(b"HTTP/1.1 408 ")

    served(test, app=patient_echo, limits=HttpLimits(body_seconds=0.2))


def test_ts_1005_a_trickling_body_is_ended_by_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asgi, "_GRACE_SECONDS", 0.5)

    async def test(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST / HTTP/1.1\r\nContent-Length: 1000\r\n\r\n")
        answer = asyncio.create_task(reader.read())
        for _ in range(40):
            if answer.done():
                break
            writer.write(b"x")
            await asyncio.sleep(0.1)
        assert (await answer).startswith(b"HTTP/1.1 408 ")
        writer.close()

    served(test, app=patient_echo)


def test_a_body_that_comes_in_time_is_served() -> None:
    async def test(port: int) -> None:
        head = b"POST / HTTP/1.1\r\nContent-Length: 6\r\n" + CLOSE + b"\r\n"
        answer = await talk(port, head, b"abc", b"def", pause=0.7)
        assert answer.endswith(b"abcdef")

    served(test, app=patient_echo)


def test_an_idle_connection_is_closed() -> None:
    async def test(port: int) -> None:
        assert (await talk(port, b"GET / HTTP/1.1\r\n\r\n")).startswith(b"HTTP/1.1 200 ")

    served(test, limits=HttpLimits(idle_seconds=1))


def test_a_body_that_the_application_never_reads_ends_some_time() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await respond(send, 401)

    async def test(port: int) -> None:
        answer = await talk(port, b"POST / HTTP/1.1\r\nContent-Length: 1000\r\n\r\nabc")
        assert answer.startswith(b"HTTP/1.1 401 ")

    served(test, app=app, limits=HttpLimits(unread_body_seconds=0.2))


def test_more_connections_than_allowed_are_turned_away() -> None:
    async def test(port: int) -> None:
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        await asyncio.sleep(0.05)
        with pytest.raises((ConnectionError, AssertionError)):
            assert (await talk(port, b"GET / HTTP/1.1\r\n" + CLOSE + b"\r\n")) != b""
        for _, writer in held:
            writer.close()
        await asyncio.sleep(0.05)
        assert (await talk(port, b"GET / HTTP/1.1\r\n" + CLOSE + b"\r\n")).startswith(b"HTTP/1.1 200 ")

    served(test, limits=HttpLimits(connections=2))


def test_a_taken_port_means_the_next_free_one() -> None:
    async def main() -> None:
        first = Server(echo, "127.0.0.1", 0)
        taken = await first.start()
        second = Server(echo, "127.0.0.1", taken)
        port = await second.start()
        assert taken < port < taken + 20
        third = Server(echo, "127.0.0.1", taken, tries=1)
        with pytest.raises(OSError, match="taken"):
            await third.start()
        assert b"/here|" in await talk(port, b"GET /here HTTP/1.1\r\n" + CLOSE + b"\r\n")
        await first.stop()
        await second.stop()

    uvloop.run(main())


def test_stopping_lets_a_request_in_work_finish_and_takes_no_new_one() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(0.3)
        await respond(send, 200, b"done", "text/plain")

    async def main() -> None:
        server = Server(app, "127.0.0.1", 0)
        port = await server.start()
        idle = await asyncio.open_connection("127.0.0.1", port)
        answer = asyncio.create_task(talk(port, b"GET / HTTP/1.1\r\n\r\n"))
        await asyncio.sleep(0.1)
        await server.stop()
        assert (await answer).endswith(b"done")
        assert await idle[0].read() == b""
        idle[1].close()
        with pytest.raises(ConnectionError):
            await talk(port, b"GET / HTTP/1.1\r\n\r\n")

    uvloop.run(main())


def test_stopping_cuts_a_request_that_never_ends() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(3600)

    async def main() -> None:
        server = Server(app, "127.0.0.1", 0, limits=HttpLimits(stop_seconds=0.1))
        port = await server.start()
        answer = asyncio.create_task(talk(port, b"GET / HTTP/1.1\r\n\r\n"))
        await asyncio.sleep(0.1)
        await asyncio.wait_for(server.stop(), 5)
        assert b"200" not in await answer

    uvloop.run(main())


def test_runs_on_the_standard_loop_too() -> None:
    async def main() -> None:
        server = Server(echo, "127.0.0.1", 0)
        port = await server.start()
        assert b"/x|" in await talk(port, b"GET /x HTTP/1.1\r\n" + CLOSE + b"\r\n")
        await server.stop()

    asyncio.run(main())


def test_a_port_held_by_somebody_else_is_left_alone() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]

        async def main() -> None:
            server = Server(echo, "127.0.0.1", taken)
            assert await server.start() > taken
            await server.stop()

        uvloop.run(main())
