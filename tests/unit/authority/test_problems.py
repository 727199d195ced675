"""The edge that the doors for programs share: one code, one status and the headers that belong to it (RFC 9457)."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

import psycopg
import pytest
from psycopg_pool import PoolTimeout

from tallystick.authority.problems import REFUSALS, MethodUnknown, Problems
from tallystick.kernel.faults import Fault
from tallystick.kit.asgi import Answer, BodyTooLarge, BodyTooSlow, Scope
from tallystick.kit.http_server import Refusal
from tallystick.kit.in_thread import ThreadTooSlow

EDGE = Problems("fdo.example", lambda: datetime(2026, 11, 28, tzinfo=UTC), b"Certificate")
SCOPE: Scope = {"path": "/x"}
CLOSE = (b"connection", b"close")
RETRY = (b"retry-after", b"5")


def code_of(answer: Answer) -> str:
    body = json.loads(answer.body)
    assert body["status"] == answer.status
    assert answer.content_type == "application/problem+json"
    return str(body["code"])


@pytest.mark.parametrize(
    ("error", "code", "status", "headers"),
    [
        (Fault("TS-2401"), "TS-2401", 403, ()),
        (Fault("TS-1101"), "TS-1101", 401, ((b"www-authenticate", b"Certificate"),)),
        (MethodUnknown("GET, HEAD"), "TS-1001", 405, ((b"allow", b"GET, HEAD"),)),
        (BodyTooLarge(), "TS-1003", 413, (CLOSE,)),
        (BodyTooSlow(), "TS-1005", 408, (CLOSE,)),
        (psycopg.OperationalError(), "TS-5009", 503, (RETRY,)),
        (psycopg.InterfaceError(), "TS-5009", 503, (RETRY,)),
        (PoolTimeout(), "TS-5009", 503, (RETRY,)),
        (ThreadTooSlow(), "TS-5009", 503, (RETRY,)),
    ],
)
def test_each_failure_has_its_code_status_and_headers(
    error: Exception, code: str, status: int, headers: tuple[tuple[bytes, bytes], ...], caplog: pytest.LogCaptureFixture
) -> None:
    answer = EDGE.translate(error, SCOPE)
    assert (code_of(answer), answer.status, answer.headers) == (code, status, headers)
    assert caplog.records == []


def test_our_own_bug_is_logged_under_the_number_that_the_caller_is_told(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        answer = EDGE.translate(ZeroDivisionError("the secret"), SCOPE)
    assert (code_of(answer), answer.status) == ("TS-5099", 500)
    assert "secret" not in answer.body.decode()
    assert json.loads(answer.body)["instance"] in caplog.text


def test_a_door_without_a_way_to_sign_in_names_none() -> None:
    assert Problems("fdo.example", EDGE.clock).translate(Fault("TS-1101"), SCOPE).headers == ()


@pytest.mark.parametrize("refusal", list(Refusal))
def test_what_the_server_refuses_itself_has_a_code(refusal: Refusal) -> None:
    assert code_of(EDGE.refuse(refusal)) == REFUSALS[refusal]
