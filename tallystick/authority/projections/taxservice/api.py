"""Figures of the queue for programs, on a private listener of this machine: counts of a nation, and nobody's name.

The listener is on loopback alone, like health and metrics: whoever may read it has an account on the authority's
machine. A page in a browser there is kept out as well: only requests for a loopback host are answered.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs
from zoneinfo import ZoneInfo

import attrs

from tallystick.authority.problems import Problems
from tallystick.authority.projections.taxservice import queries, store
from tallystick.authority.projections.taxservice.queries import Span, average
from tallystick.authority.projections.taxservice.values import State
from tallystick.authority.room_queries import Connection
from tallystick.kernel.faults import Fault, FieldFault
from tallystick.kernel.instants import Clock
from tallystick.kit.asgi import Answer, App, Receive, Scope, Send, guarded, header, plain_method, respond
from tallystick.kit.in_thread import in_thread
from tallystick.wire.openapi_tax_queue import PREFIX, tax_queue_api
from tallystick.wire.pos_values import encode_json, write_time

ANSWER_SECONDS = 8.0
_LOOPBACK_HOST = re.compile(rb"(127\.0\.0\.1|localhost|\[::1\])(:[0-9]+)?", re.IGNORECASE)
_HEADERS = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))
_HUNDREDTHS = 2


@attrs.frozen(kw_only=True)
class QueueServices:
    """What the figures need; ``connect`` lends a connection that only reads."""

    connect: Callable[[], AbstractContextManager[Connection]]
    clock: Clock
    zone: ZoneInfo
    problems: Problems


def build_app(services: QueueServices) -> App:
    """The ASGI application."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        answer = await _dispatch(services, scope)
        body = b"" if scope["method"] == "HEAD" else answer.body
        await respond(send, answer.status, body, answer.content_type, (*answer.headers, *_HEADERS))

    return guarded(app, services.problems.translate)


async def _dispatch(services: QueueServices, scope: Scope) -> Answer:
    if not _LOOPBACK_HOST.fullmatch(header(scope, b"host") or b""):
        raise Fault("TS-1001", detail="ask for 127.0.0.1 or localhost")
    path = str(scope["path"])
    if plain_method(scope) != "GET":
        raise Fault("TS-1001", detail="this path takes GET")
    if path == "/openapi.json":
        return Answer(200, encode_json(tax_queue_api()))
    question = _QUESTIONS.get(path.removeprefix(PREFIX)) if path.startswith(PREFIX) else None
    if question is None:
        raise Fault("TS-1001", detail="no such path")
    asked = parse_qs(scope.get("query_string", b"").decode("ascii", "replace"), keep_blank_values=True)
    for name in asked:
        if (question, name) != (_types, "span"):
            detail = "the question takes no such parameter"  # a figure of something else than was meant is worse
            raise Fault("TS-1220", detail=detail, fields=(FieldFault("/query", "5"),))

    def work() -> bytes:
        now = services.clock()
        with services.connect() as conn, store.acting(conn, None):
            told = question(conn, services.zone, now, asked)
        return encode_json({"at": write_time(now, None)} | told)

    return Answer(200, await in_thread(work, ANSWER_SECONDS))


Asked = Mapping[str, list[str]]
Question = Callable[[Connection, ZoneInfo, datetime, Asked], dict[str, Any]]


def _types(conn: Connection, zone: ZoneInfo, now: datetime, asked: Asked) -> dict[str, Any]:
    try:
        (span,) = (Span(one) for one in asked.get("span", [Span.ALL]))
    except ValueError:
        detail = f"span is one of {', '.join(Span)}"
        raise Fault("TS-1220", detail=detail, fields=(FieldFault("/span", "3"),)) from None
    found = queries.types(conn, span, now)
    return {
        "span": span.value,
        "since": None if found.since is None else write_time(found.since, None),
        "documents": found.states.total(),
        "states": _states(found.states),
        "types": [
            {
                "type": one.kind.value,
                "title": one.kind.plural,
                "documents": one.documents,
                "states": _states(one.states),
            }
            for one in found.types
        ],
    }


def _states(counted: Mapping[State, int]) -> dict[str, int]:
    """Every state, so that a graph need not know them."""
    return {state.value: counted.get(state, 0) for state in State}


def _operations(conn: Connection, zone: ZoneInfo, now: datetime, asked: Asked) -> dict[str, Any]:
    days = queries.days(conn, now, zone)
    return {
        "operations": sum(one.operations for one in days),
        "days": [{"day": one.day.isoformat(), "operations": one.operations} for one in days],
    }


def _times(conn: Connection, zone: ZoneInfo, now: datetime, asked: Asked) -> dict[str, Any]:
    days = queries.days(conn, now, zone)
    accepted, spent = sum(one.accepted for one in days), sum(one.accepted_ms for one in days)
    return {
        "accepted": accepted,
        "averageMilliseconds": average(spent, accepted),
        "days": [
            {
                "day": one.day.isoformat(),
                "accepted": one.accepted,
                "averageMilliseconds": average(one.accepted_ms, one.accepted),
            }
            for one in days
        ],
    }


def _registers(conn: Connection, zone: ZoneInfo, now: datetime, asked: Asked) -> dict[str, Any]:
    days = queries.days(conn, now, zone)
    return {
        "average": _in_hundredths(sum(one.registers for one in days), len(days)),
        "days": [{"day": one.day.isoformat(), "registers": one.registers} for one in days],
    }


def _points(conn: Connection, zone: ZoneInfo, now: datetime, asked: Asked) -> dict[str, Any]:
    days = queries.days(conn, now, zone)
    return {
        "average": _in_hundredths(sum(one.operations for one in days), sum(one.points for one in days)),
        "days": [
            {
                "day": one.day.isoformat(),
                "documents": one.operations,
                "points": one.points,
                "average": _in_hundredths(one.operations, one.points),
            }
            for one in days
        ],
    }


def _in_hundredths(total: int, count: int) -> float | None:
    """A mean to two decimals; no amount of money."""
    rounded = average(total, count, _HUNDREDTHS)
    return None if rounded is None else rounded / 100


def _queue(conn: Connection, zone: ZoneInfo, now: datetime, asked: Asked) -> dict[str, Any]:
    standing = queries.standing(conn)
    states = queries.types(conn, Span.ALL, now).states
    breaker, following = standing.breaker, standing.next_booked_at

    def at(moment: datetime | None) -> str | None:
        return None if moment is None else write_time(moment, None)

    return {
        "states": _states(states),
        "entriesBehind": standing.behind,
        "nextBookedAt": at(following),
        "service": {
            "away": breaker.is_open,
            "awaySince": at(breaker.open_since),
            "asksAgainAt": at(breaker.probe_at),
            "answeredAt": at(breaker.answered_at),
            "trouble": breaker.trouble,
        },
    }


_QUESTIONS: Mapping[str, Question] = {
    "queue": _queue,
    "types": _types,
    "operations": _operations,
    "times": _times,
    "registers": _registers,
    "points": _points,
}
