"""Answers on the wire: one well-formed message or none, requests of one connection in their order, idle ends."""

from __future__ import annotations

import asyncio

import httptools
import pytest
from http_talk import served, talk

from tallystick.kit.asgi import Receive, Scope, Send, read_body, respond
from tallystick.kit.http_exchange import Bell, header_line, target_of
from tallystick.kit.http_server import HttpLimits

GET = b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize("size", [1, 1_000])
@pytest.mark.parametrize("poison", [b"a\r\nset-cookie: b", b"a\nb", b"a\rb", b"\0"])
def test_a_value_is_never_more_than_one_line(poison: bytes, size: int) -> None:
    for _ in range(2):  # what was refused once is not remembered as good
        with pytest.raises(RuntimeError):
            header_line(b"x-told", poison * size)
        with pytest.raises(RuntimeError):
            header_line(b"x-" + poison, b"a")
    assert header_line(b"X-Told", b"a b") == b"x-told: a b\r\n"


def test_a_target_is_read_the_same_whatever_its_length() -> None:
    for tail in ("", "a" * 2_000):
        raw = b"/a%20b/%C3%A9" + tail.encode()
        assert target_of(raw + b"?q=1&r=%20") == ("/a b/é" + tail, raw, b"q=1&r=%20")
    with pytest.raises(httptools.HttpParserInvalidURLError):
        target_of(b"http://host:port:port/")


def test_a_bell_wakes_who_waits_and_lets_pass_who_comes_later() -> None:
    async def main() -> None:
        bell = Bell()
        waiting = asyncio.create_task(bell.wait())
        await asyncio.sleep(0)
        assert not waiting.done()
        bell.set()
        await asyncio.wait_for(waiting, 5)
        await asyncio.wait_for(bell.wait(), 5)
        bell.clear()
        waiting = asyncio.create_task(bell.wait())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.sleep(0)
        bell.set()  # nobody waits any more
        assert waiting.cancelled()

    asyncio.run(main())


def test_requests_sent_at_once_are_answered_one_after_the_other() -> None:
    at_work: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await read_body(receive, 10, None)
        assert not at_work
        at_work.append(scope["path"])
        await asyncio.sleep(0.01)
        await respond(send, 200, at_work.pop().encode(), "text/plain")

    async def test(port: int) -> None:
        last = b"GET /3 HTTP/1.1\r\nConnection: close\r\n\r\n"
        answer = await talk(port, GET % 1 + GET % 2 + last)
        assert [part.split(b"\r\n\r\n")[1] for part in answer.split(b"HTTP/1.1 200 OK")[1:]] == [b"/1", b"/2", b"/3"]

    served(test, app=app)


def test_empty_lines_do_not_keep_an_idle_connection() -> None:
    async def test(port: int) -> None:
        loop = asyncio.get_running_loop()
        start = loop.time()
        assert (await talk(port, GET % 1, b"\r\n\r\n", pause=0.3)).count(b"HTTP/1.1 200") == 1
        assert 1 < loop.time() - start < 4

    served(test, limits=HttpLimits(idle_seconds=1))


def test_a_request_in_work_is_not_idle() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(2.2 if scope["path"] == "/2" else 0)
        await respond(send, 200, b"done", "text/plain")

    async def test(port: int) -> None:
        head, rest = b"GET /2 HTTP/1.1\r\n", b"Connection: close\r\n\r\n"
        assert (await talk(port, GET % 1 + head, rest, pause=0.1)).count(b"done") == 2

    served(test, app=app, limits=HttpLimits(idle_seconds=1))


@pytest.mark.parametrize(
    ("length", "body"), [(b"3", b"long"), (b"9", b"short")], ids=["longer than said", "shorter than said"]
)
def test_an_answer_that_breaks_its_word_ends_the_connection(length: bytes, body: bytes) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
        await send({"type": "http.response.body", "body": body})

    async def test(port: int) -> None:
        answer = await talk(port, GET % 1 + GET % 2)
        assert answer.count(b"HTTP/1.1 ") == 1
        assert (body in answer) is (len(body) < int(length))

    served(test, app=app)


@pytest.mark.parametrize("first", [{"type": "http.response.body", "body": b"early"}, None])
def test_an_application_without_an_answer_is_a_500(first: dict[str, object] | None) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if first is not None:
            await send(first)

    async def test(port: int) -> None:
        assert (await talk(port, GET % 1)).startswith(b"HTTP/1.1 500 ")

    served(test, app=app)


def test_an_answer_in_parts_is_chunked_and_head_has_no_body() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ab", "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": True})
        await send({"type": "http.response.body", "body": b"c"})

    async def test(port: int) -> None:
        answer = await talk(port, b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
        head, _, body = answer.partition(b"\r\n\r\n")
        assert b"transfer-encoding: chunked" in head
        assert body == b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"
        answer = await talk(port, b"HEAD / HTTP/1.1\r\nConnection: close\r\n\r\n")
        assert answer.endswith(b"\r\n\r\n")
        assert b"ab" not in answer.partition(b"\r\n\r\n")[2]

    served(test, app=app)


def test_a_sender_that_asks_first_is_told_to_go_on() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await respond(send, 200, await read_body(receive, 10, None), "text/plain")

    async def test(port: int) -> None:
        head = b"POST / HTTP/1.1\r\nExpect: 100-Continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\n"
        answer = await talk(port, head, b"ok", pause=0.05)
        assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 ")
        assert answer.endswith(b"\r\n\r\nok")

    served(test, app=app)
