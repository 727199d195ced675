"""The figures of the queue to the tax service as an OpenAPI document, served by their listener at `/openapi.json`."""

from __future__ import annotations

from typing import Any

from tallystick.wire.openapi import Schema, answer, array, document, named, operation, or_null, parameter, record, text
from tallystick.wire.problem import CONTENT_TYPE

PREFIX = "/tax-service/v1/"
_DESCRIPTION = """How many documents are on their way to the tax authority's own system, and how the market goes. Served
on loopback alone, without sign-in: whoever may ask has an account on the authority's machine. Counts and states of a
nation; no taxpayer and no person. Days are those of the authority's time zone, and the last one is not over."""

_PROBLEM = answer("Refused.", named("Problem"), CONTENT_TYPE)
_COUNT: Schema = {"type": "integer", "minimum": 0}
_MEAN: Schema = or_null({"type": "number", "minimum": 0, "description": "Two decimals; null of nothing."})
_TIME = text(format="date-time")
_DAY = text(format="date")
_STATES = ("waiting", "sent", "accepted", "rejected", "given-up", "resent")


def tax_queue_api(server: str = "http://127.0.0.1:9430") -> dict[str, Any]:
    """The document."""
    span = parameter(
        "span",
        "query",
        {"enum": ["all", "six-hours"], "default": "all"},
        "All documents, or those booked in the past six hours; the answer says from which minute on.",
    )
    paths = {
        f"{PREFIX}queue": _get("queue", "The queue and the service at a glance", "Queue"),
        f"{PREFIX}types": _get("types", "Documents by type, and by state within a type", "Types", span),
        f"{PREFIX}operations": _get("operations", "Operations on each of the past seven days", "Operations"),
        f"{PREFIX}times": _get("times", "Average time from being booked to being accepted, by day", "Times"),
        f"{PREFIX}registers": _get("registers", "Active registers by day, and on average", "Registers"),
        f"{PREFIX}points": _get("points", "Documents a point, by day and on average", "Points"),
        "/openapi.json": {"get": operation("description", "This document", {200: answer("OpenAPI 3.1.", {})})},
    }
    title = "Figures of the queue to the tax service"
    return document(title, _DESCRIPTION, server, paths, _schemas())


def _get(name: str, summary: str, schema: str, *parameters: dict[str, Any]) -> dict[str, Any]:
    answers = {200: answer("As asked.", named(schema)), **dict.fromkeys((400, 404, 503), _PROBLEM)}
    return {"get": operation(name, summary, answers, parameters=parameters)}


def _days(members: dict[str, Schema]) -> Schema:
    return array(record({"day": _DAY} | members), 7, 7)


def _schemas() -> dict[str, Schema]:
    a_type = {"type": text(1), "title": text(1), "documents": _COUNT, "states": named("States")}
    service = {
        "away": {"type": "boolean"},
        "awaySince": or_null(_TIME),
        "asksAgainAt": or_null(_TIME),
        "answeredAt": or_null(_TIME),
        "trouble": text(),
    }
    queue = {
        "at": _TIME,
        "states": named("States"),
        "entriesBehind": _COUNT,
        "nextBookedAt": or_null(_TIME | {"description": "When the document was booked that is sent next."}),
        "service": record(service),
    }
    types = {
        "at": _TIME,
        "span": {"enum": ["all", "six-hours"]},
        "since": or_null(_TIME),
        "documents": _COUNT,
        "states": named("States"),
        "types": array(record(a_type)),
    }
    whole = or_null(_COUNT)
    times = {"accepted": _COUNT, "averageMilliseconds": whole}
    points = {"documents": _COUNT, "points": _COUNT, "average": _MEAN}
    return {
        "States": record(dict.fromkeys(_STATES, _COUNT)),
        "Queue": record(queue),
        "Types": record(types),
        "Operations": record({"at": _TIME, "operations": _COUNT, "days": _days({"operations": _COUNT})}),
        "Times": record({"at": _TIME, **times, "days": _days(times)}),
        "Registers": record({"at": _TIME, "average": _MEAN, "days": _days({"registers": _COUNT})}),
        "Points": record({"at": _TIME, "average": _MEAN, "days": _days(points)}),
        "Problem": record({"code": text(1), "title": text(1), "detail": text()}, open=True),
    }
