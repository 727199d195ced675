"""A WSGI application behind the ASGI server: what it is told, what it may take, that it never waits for a visitor."""

from __future__ import annotations

import asyncio
import http.client
import time
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment
from wsgiref.validate import validator

import pytest
import uvloop

from tallystick.kit.http_server import Server
from tallystick.kit.wsgi import REFUSAL, Admitted, LargeBodies, WsgiBridge, environment

SMALL, LARGE = 100, 3_000_000
ASKED: list[str] = []
"""Who was asked about, in order."""


def echo(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
    """Says what came; refuses what is announced above a bound, as the pages do."""
    if REFUSAL in environ:
        start("429 Refused" if environ[REFUSAL] == "crowded" else "408 Slow", [("Content-Type", "text/plain")])
        return [environ[REFUSAL].encode()]
    size = int(environ["CONTENT_LENGTH"] or 0)
    most = LARGE if environ.get("HTTP_KEY") == "right" else SMALL
    start("413 Too Large" if size > most else "200 OK", [("Content-Type", "text/plain"), ("X-Two", "a")])
    return [f"{size} ".encode(), str(len(environ["wsgi.input"].read(size))).encode()]


def admit(environ: WSGIEnvironment) -> Admitted:
    """More for who has a key; a question that cannot be answered for who asks for it."""
    ASKED.append(environ.get("HTTP_WHO", ""))
    if environ.get("HTTP_KEY") == "breaks":
        raise OSError("away")
    return Admitted(LARGE if environ.get("HTTP_KEY") == "right" else 0, environ.get("HTTP_WHO", ""))


def served(test: Callable[[http.client.HTTPConnection], None], large: LargeBodies | None = None) -> None:
    async def main() -> None:
        bridge = WsgiBridge(validator(echo), admit, threads=2, small_body_bytes=SMALL, large=large)
        server = Server(bridge, "127.0.0.1", 0)
        connection = http.client.HTTPConnection("127.0.0.1", await server.start(), timeout=10)
        try:
            await asyncio.to_thread(test, connection)
        finally:
            connection.close()
            await server.stop()
            bridge.close()

    uvloop.run(main())


def said(connection: http.client.HTTPConnection, body: Any, **more: Any) -> tuple[int, str]:
    connection.request("POST", "/a", body, more.pop("headers", {}), **more)
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


@pytest.mark.parametrize(
    ("size", "key", "status", "taken"),
    [
        (0, "", 200, 0),
        (SMALL, "", 200, SMALL),
        (SMALL + 1, "", 413, 0),
        (LARGE, "right", 200, LARGE),
        (LARGE + 1, "right", 413, 0),
    ],
)
def test_ts_1003_a_large_body_is_read_for_who_may_bring_it(size: int, key: str, status: int, taken: int) -> None:
    def test(connection: http.client.HTTPConnection) -> None:
        for _ in range(2):
            assert said(connection, bytes(size), headers={"Key": key}) == (status, f"{size} {taken}")

    served(test)


@pytest.mark.parametrize(
    ("chunks", "key", "expected"),
    [(9, "", (200, "90 90")), (11, "", (413, "110 0")), (1000, "right", (200, "10000 10000"))],
)
def test_a_body_in_chunks_gets_a_length(chunks: int, key: str, expected: tuple[int, str]) -> None:
    def test(connection: http.client.HTTPConnection) -> None:
        body = (b"x" * 10 for _ in range(chunks))
        assert said(connection, body, headers={"Key": key}, encode_chunked=True) == expected

    served(test)


def test_a_question_that_cannot_be_asked_is_our_trouble_and_not_the_visitors() -> None:
    def test(connection: http.client.HTTPConnection) -> None:
        assert said(connection, bytes(SMALL + 1), headers={"Key": "breaks"}) == (503, "Come back in a moment.\n")
        assert said(connection, b"", headers={"Key": "breaks"}) == (200, "0 0")

    served(test)


class Slow:
    """An upload that has begun and does not go on; made behind the connection that a test has."""

    def __init__(self, connection: http.client.HTTPConnection, who: str, first: int = SMALL + 1) -> None:
        self.connection = http.client.HTTPConnection(connection.host, connection.port, timeout=10)
        self.connection.putrequest("POST", "/a")
        for name, value in (("Content-Length", str(LARGE)), ("Key", "right"), ("Who", who)):
            self.connection.putheader(name, value)
        before = len(ASKED)
        self.connection.endheaders(bytes(first))
        until = time.monotonic() + 5
        while len(ASKED) == before and time.monotonic() < until:
            time.sleep(0.01)
        said(connection, b"")  # behind it in the loop: by now it has its place, or has none
        time.sleep(0.05)

    def answer(self) -> tuple[int, str]:
        found = self.connection.getresponse()
        return found.status, found.read().decode()


def test_slow_uploads_of_one_lock_nobody_else_out() -> None:
    """Two of one person at once, of all together three here; whoever finds no place is told so at once."""

    def test(connection: http.client.HTTPConnection) -> None:
        slow = [Slow(connection, "ann"), Slow(connection, "ann")]
        slow.append(Slow(connection, "ann"))
        assert slow[-1].answer() == (429, "crowded")
        right = {"Key": "right", "Who": "bob"}
        assert said(connection, bytes(LARGE), headers=right) == (200, f"{LARGE} {LARGE}")
        slow.append(Slow(connection, "carl"))
        slow.append(Slow(connection, "bob"))
        assert slow[-1].answer() == (429, "crowded"), "three are three"
        assert said(connection, bytes(SMALL), headers=right) == (200, f"{SMALL} {SMALL}"), "small ones need no place"
        for one in slow:
            one.connection.close()
        until = time.monotonic() + 5
        while said(connection, bytes(LARGE), headers=right)[0] != 200:
            connection.close()
            assert time.monotonic() < until, "a place whose visitor has gone is free again"

    served(test, LargeBodies(at_once=3, of_one=2))


def test_ts_1005_an_upload_that_does_not_go_on_ends() -> None:
    def test(connection: http.client.HTTPConnection) -> None:
        halted = Slow(connection, "ann")
        assert halted.answer() == (408, "slow")
        halted.connection.close()
        lively = Slow(connection, "bob")
        for _ in range(4):
            time.sleep(0.3)
            lively.connection.send(bytes(1_000))
        lively.connection.send(bytes(LARGE - 4_000 - SMALL - 1))
        assert lively.answer() == (200, f"{LARGE} {LARGE}")
        lively.connection.close()

    served(test, LargeBodies(progress_seconds=0.8, progress_bytes=1_000))


def test_head_has_no_body_and_headers_pass() -> None:
    def test(connection: http.client.HTTPConnection) -> None:
        connection.request("HEAD", "/")
        answer = connection.getresponse()
        assert (answer.status, answer.getheader("x-two"), answer.read()) == (200, "a", b"")

    served(test)


def test_what_an_application_is_told() -> None:
    headers = [
        (b"host", b"h:1"),
        (b"cookie", b"a=1"),
        (b"cookie", b"b=2"),
        (b"x-a", b"1"),
        (b"x-a", b"2"),
        (b"x_forwarded_for", b"evil"),
        (b"content-type", b"text/plain"),
    ]
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/ž a",
        "raw_path": b"/%C5%BE%20a",
        "query_string": b"q=%C5%BE",
        "http_version": "1.1",
        "client": ("127.0.0.1", 5),
        "server": ("127.0.0.1", 8450),
        "headers": headers,
    }
    told = environment(scope, "https")
    assert told["wsgi.url_scheme"] == "https"
    assert told["PATH_INFO"].encode("latin-1").decode() == "/ž a"
    assert (told["QUERY_STRING"], told["REMOTE_ADDR"], told["SERVER_PORT"]) == ("q=%C5%BE", "127.0.0.1", "8450")
    assert (told["HTTP_COOKIE"], told["HTTP_X_A"], told["CONTENT_TYPE"]) == ("a=1; b=2", "1,2", "text/plain")
    assert "HTTP_X_FORWARDED_FOR" not in told
