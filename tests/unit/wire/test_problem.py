"""problem+json: the members of RFC 9457 and ours, and what never leaves the house."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from tallystick.kernel.fault_catalogue import CATALOGUE
from tallystick.kernel.faults import Fault, FieldFault
from tallystick.wire.problem import problem_json

NOW = datetime(2026, 3, 2, 9, 15, 30, 123_000, tzinfo=UTC)


def problem(fault: Fault) -> tuple[int, dict[str, Any]]:
    status, body = problem_json(fault, instance="request-1", operator="fdo.example", server_time=NOW)
    return status, json.loads(body)


def test_members() -> None:
    fault = Fault("TS-1402", detail="gap", expected={"sequence": "17"}, fields=(FieldFault("/sequence", "4"),))
    status, body = problem(fault)
    assert (status, body["status"]) == (409, 409)
    assert body["type"] == "https://fdo.example/problems/TS-1402"
    assert body["title"] == CATALOGUE["TS-1402"].title
    assert (body["code"], body["detail"], body["instance"]) == ("TS-1402", "gap", "request-1")
    assert (body["retry"], body["fix_by"]) == ("resign", "device")
    assert body["fields"] == [{"pointer": "/sequence", "code": "TS-1402.4"}]
    assert body["expected"] == {"sequence": "17"}
    assert body["server_time"] == "2026-03-02T09:15:30.1230000Z"


def test_members_that_stand_only_where_they_mean_something() -> None:
    _, body = problem(Fault("TS-5002"))
    assert not body.keys() & {"retry_after_seconds", "fields", "expected"}
    _, body = problem(Fault("TS-5002", retry_after_seconds=5))
    assert body["retry_after_seconds"] == 5


def test_every_code_of_the_catalogue_can_be_told() -> None:
    for code, kind in CATALOGUE.items():
        status, body = problem(Fault(code))
        assert (status, body["code"], body["title"]) == (kind.http_status, code, kind.title)


def test_an_unknown_code_is_our_bug_and_tells_nothing() -> None:
    status, body = problem(Fault("TS-0000", detail="SELECT secret"))
    assert (status, body["code"], body["detail"]) == (500, "TS-5099", "")
