"""One call to a server that is not trusted: it ends at its deadline, whatever the server does."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tallystick.kit.http_call import Away, KeptConnection, call

SECONDS = 0.6
Talk = Callable[[socket.socket, threading.Event], None]


@contextmanager
def server(talk: Talk) -> Iterator[str]:
    """A server of one caller; what it says is the test's. Gives the host and port."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            accepted, _ = listening.accept()
            with accepted:
                try:
                    talk(accepted, over)
                except OSError:
                    pass

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"127.0.0.1:{listening.getsockname()[1]}"
        finally:
            over.set()
            thread.join()


def trickle(before: bytes, part: bytes) -> Talk:
    """Says something, and then a part every moment, for ever."""

    def talk(sock: socket.socket, over: threading.Event) -> None:
        sock.recv(65536)
        sock.sendall(before)
        while not over.wait(0.1):
            sock.sendall(part)

    return talk


def say(answer: bytes) -> Talk:
    def talk(sock: socket.socket, over: threading.Event) -> None:
        sock.recv(65536)
        sock.sendall(answer)
        sock.shutdown(socket.SHUT_WR)
        while sock.recv(65536):  # who closes with something unread cuts its own answer off
            pass

    return talk


def silent(sock: socket.socket, over: threading.Event) -> None:
    over.wait(10)


@pytest.mark.parametrize(
    ("scheme", "talk"),
    [
        ("http", silent),
        ("http", trickle(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"a")),
        ("http", trickle(b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n")),
        ("http", trickle(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n", b"a")),
        ("http", trickle(b"HTTP/1.0 200 OK\r\nConnection: close\r\n\r\n", b"a")),
        ("http", trickle(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1", b"0")),
        ("https", silent),
        ("https", trickle(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc", b"\x00")),
    ],
    ids=["silent", "head", "interim", "body", "until-close", "chunk", "tls-silent", "tls"],
)
def test_a_call_ends_at_its_deadline(scheme: str, talk: Talk) -> None:
    with server(talk) as place:
        begun = time.monotonic()
        # an answer that never ends well is let go after a while, so that a call without a deadline fails, not hangs
        ended = threading.Event()

        def ask() -> None:
            with pytest.raises(Away):
                call(f"{scheme}://{place}/", timeout_seconds=SECONDS)
            ended.set()

        thread = threading.Thread(target=ask)
        thread.start()
        assert ended.wait(SECONDS * 4), "still waiting"
        assert time.monotonic() - begun < SECONDS * 3
    thread.join()


def test_a_server_that_does_not_read_is_left() -> None:
    with server(silent) as place:
        begun = time.monotonic()
        with pytest.raises(Away):
            call(f"http://{place}/", method="POST", body=bytes(64 << 20), timeout_seconds=SECONDS)
        assert time.monotonic() - begun < SECONDS * 3


def test_a_name_that_is_not_found_in_time_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()

    def slow(*_: object, **__: object) -> list[object]:
        over.wait(10)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    begun = time.monotonic()
    with pytest.raises(Away, match="in time"):
        call("http://slow.example/", timeout_seconds=SECONDS)
    assert time.monotonic() - begun < SECONDS * 3
    over.set()


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (b"HTTP/1.1 409 Conflict\r\nX-One: 1\r\nContent-Length: 3\r\n\r\nyes", b"yes"),
        (b"HTTP/1.0 409 Conflict\r\nX-One: 1\r\n\r\nuntil the end", b"until the end"),
        (b"HTTP/1.1 409 C\r\nX-One: 1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nyes\r\n2\r\n!!\r\n0\r\n\r\n", b"yes!!"),
    ],
)
def test_an_answer_comes_whole(answer: bytes, body: bytes) -> None:
    with server(say(answer)) as place:
        reply = call(f"http://{place}/path?x=1", method="POST", body=b"asked", timeout_seconds=5)
    assert (reply.status, reply.headers["x-one"], reply.body) == (409, "1", body)


def test_too_much_is_away() -> None:
    with server(say(b"HTTP/1.1 200 OK\r\n\r\n" + bytes(9_000))) as place, pytest.raises(Away, match="more than 8000"):
        call(f"http://{place}/", most_bytes=8_000)


@pytest.mark.parametrize("url", ["ftp://x/", "http:///x", "http://127.0.0.1:1/", "http://127.0.0.1:99999/", "nothing"])
def test_what_is_no_server_is_away(url: str) -> None:
    with pytest.raises(Away):
        call(url, timeout_seconds=2)


def serve_many(*talks: Talk) -> Iterator[str]:
    """A server that takes so many connections, one after the other, each with its own manner."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            for talk in talks:
                accepted, _ = listening.accept()
                with accepted:
                    try:
                        talk(accepted, over)
                    except OSError:
                        pass

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            over.set()


many = contextmanager(serve_many)


def says(*answers: bytes) -> Talk:
    """So many answers over one connection, and then the end of it."""

    def talk(sock: socket.socket, over: threading.Event) -> None:
        for answer in answers:
            sock.recv(65536)
            sock.sendall(answer)

    return talk


def whole(body: bytes, *, head: bytes = b"") -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%b\r\n%b" % (len(body), head, body)


def test_a_kept_connection_is_used_again() -> None:
    with many(says(whole(b"one"), whole(b"two"), whole(b""), whole(b"four"))) as place:
        kept = KeptConnection(place)
        assert [kept.call("/", timeout_seconds=5).body for _ in range(4)] == [b"one", b"two", b"", b"four"]
        kept.close()


def test_a_kept_connection_that_was_closed_meanwhile_is_opened_anew() -> None:
    with many(says(whole(b"one")), says(whole(b"two", head=b"Connection: close\r\n")), says(whole(b"three"))) as place:
        kept = KeptConnection(place)
        assert [kept.call("/", timeout_seconds=5).body for _ in range(3)] == [b"one", b"two", b"three"]
        kept.close()


def test_a_kept_connection_asks_once_more_and_not_for_ever() -> None:
    with many(says(whole(b"one")), says(b"")) as place:
        kept = KeptConnection(place)
        kept.call("/", timeout_seconds=5)
        with pytest.raises(Away):
            kept.call("/", timeout_seconds=1)
        kept.close()


def test_each_call_on_a_kept_connection_has_its_own_deadline() -> None:
    def once(sock: socket.socket, over: threading.Event) -> None:
        says(whole(b"one"))(sock, over)
        silent(sock, over)

    with many(once) as place:
        kept = KeptConnection(place)
        kept.call("/", timeout_seconds=5)
        begun = time.monotonic()
        with pytest.raises(Away):
            kept.call("/", timeout_seconds=SECONDS)
        assert time.monotonic() - begun < SECONDS * 3
        kept.close()
