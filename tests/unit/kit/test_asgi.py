"""Bodies are bounded in size and time, answers are whole, and whatever an application raises is translated."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest

from tallystick.kit import asgi
from tallystick.kit.asgi import Answer, App, BodyTooLarge, BodyTooSlow, ClientGone, Message, Receive, Scope, Send


def feeding(*messages: Message, then_wait: bool = False) -> Receive:
    queue = list(messages)

    async def receive() -> Message:
        if not queue and then_wait:
            await asyncio.sleep(3600)
        return queue.pop(0)

    return receive


def chunks(parts: Iterable[bytes]) -> list[Message]:
    bodies = list(parts)
    return [
        {"type": "http.request", "body": body, "more_body": number < len(bodies) - 1}
        for number, body in enumerate(bodies)
    ]


def test_a_body_in_parts_is_joined() -> None:
    assert asyncio.run(asgi.read_body(feeding(*chunks([b"ab", b"", b"c"])), 3)) == b"abc"


def test_one_byte_over_the_limit_is_refused_at_once() -> None:
    seen: list[int] = []
    parts = chunks([b"abcd", b"x" * 10, b"y" * 10])

    async def receive() -> Message:
        seen.append(1)
        return parts.pop(0)

    with pytest.raises(BodyTooLarge):
        asyncio.run(asgi.read_body(receive, 3))
    assert len(seen) == 1, "the server takes the rest off the line (test_http_server)"


def test_a_sender_that_leaves_is_told_apart() -> None:
    with pytest.raises(ClientGone):
        asyncio.run(asgi.read_body(feeding({"type": "http.disconnect"}), 3))


def test_a_silent_sender_is_given_up() -> None:
    with pytest.raises(BodyTooSlow):
        asyncio.run(asgi.read_body(feeding(then_wait=True), 3, timeout_seconds=0.05))


def test_a_trickling_sender_is_given_up_although_bytes_keep_coming(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asgi, "_GRACE_SECONDS", 0.05)

    async def receive() -> Message:
        await asyncio.sleep(0.02)
        return {"type": "http.request", "body": b"x", "more_body": True}

    with pytest.raises(BodyTooSlow):
        asyncio.run(asgi.read_body(receive, 10_000, timeout_seconds=30))


class Recorder:
    def __init__(self) -> None:
        self.messages: list[Message] = []

    async def __call__(self, message: Message) -> None:
        self.messages.append(message)


def test_an_empty_answer_has_a_length_and_no_content_type() -> None:
    send = Recorder()
    asyncio.run(asgi.respond(send, 200))
    assert send.messages[0]["headers"] == [(b"content-length", b"0")]


def run(app: App, send: Send) -> None:
    async def main() -> None:
        await asgi.guarded(app, translate)({"type": "http", "path": "/p"}, feeding(), send)

    asyncio.run(main())


def translate(error: Exception, scope: Scope) -> Answer:
    return Answer(418, f"{type(error).__name__} at {scope['path']}".encode(), "text/plain", ((b"x-y", b"z"),))


def test_whatever_is_raised_is_translated() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise ZeroDivisionError

    send = Recorder()
    run(app, send)
    assert send.messages[0]["status"] == 418
    assert (b"x-y", b"z") in send.messages[0]["headers"]
    assert send.messages[1]["body"] == b"ZeroDivisionError at /p"


def test_after_the_answer_began_an_exception_goes_on_up() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(app, Recorder())


def test_nobody_answers_a_sender_that_left() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise ClientGone

    send = Recorder()
    run(app, send)
    assert send.messages == []


def test_headers_are_found_and_the_length_is_read() -> None:
    scope: Scope = {"type": "http", "headers": [(b"content-length", b"12"), (b"a", b"1"), (b"a", b"2")]}
    assert asgi.header(scope, b"a") == b"1"
    assert asgi.header(scope, b"b") is None
    assert asgi.declared_length(scope) == 12
    assert asgi.declared_length({"type": "http", "headers": []}) is None
