"""Every door answers what is wrong with a coded problem and changes nothing."""

from __future__ import annotations

import http.client
import json
import socket
import time
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest

from tallystick.kit.http_server import HttpLimits
from tallystick.wire.audit_package import SealedPackage, write_sealed

AUDIT, PROOF, STATUS = "/api/v3/sdc/audit", "/api/v3/sdc/audit-proof", "/api/v3/sdc/status"
COMMAND = "/api/v3/sdc/commands/3930CEEF-F637-444D-8295-F629D6E482D3"
PACKAGE = write_sealed(SealedPackage(b"k" * 256, b"i" * 256, b"p" * 64))
ARP = b64encode(b"a" * 260).decode()
Start = Callable[..., Any]


def proof(**changes: Any) -> str:
    members = {"auditRequestPayload": ARP, "sum": 1, "limit": 2, **changes}
    return json.dumps({name: value for name, value in members.items() if value is not None})


ROWS: list[tuple[str, str, str, Any, dict[str, str], int, str]] = [
    ("a path that nobody knows", "GET", "/api/v3/nothing", None, {}, 404, "TS-1001"),
    ("the root", "GET", "/", None, {}, 404, "TS-1001"),
    ("a path with a part too many", "PUT", f"{COMMAND}/x", "true", {}, 404, "TS-1001"),
    ("a method that nobody knows", "DELETE", AUDIT, None, {}, 405, "TS-1001"),
    ("a method of another path", "POST", STATUS, None, {}, 405, "TS-1001"),
    ("another version", "POST", "/api/v4/sdc/audit", PACKAGE, {}, 406, "TS-1007"),
    ("another type", "POST", AUDIT, PACKAGE, {"Content-Type": "application/xml"}, 415, "TS-1002"),
    ("a form", "POST", PROOF, "a=b", {"Content-Type": "application/x-www-form-urlencoded"}, 415, "TS-1002"),
    ("a compressed package", "POST", AUDIT, PACKAGE, {"Content-Encoding": "gzip"}, 415, "TS-1002"),
    ("a compressed status", "PUT", STATUS, "true", {"Content-Encoding": "br"}, 415, "TS-1002"),
    ("an oversized package", "POST", AUDIT, b"x" * (1024 * 1024 + 1), {}, 413, "TS-1003"),
    ("an oversized control call", "PUT", STATUS, b"x" * (64 * 1024 + 1), {}, 413, "TS-1003"),
    ("an oversized request for proof", "POST", PROOF, b" " * (64 * 1024) + b"{}", {}, 413, "TS-1003"),
    ("an empty package", "POST", AUDIT, None, {}, 400, "TS-1210"),
    ("a package that is no JSON", "POST", AUDIT, b"\x00\xff", {}, 400, "TS-1210"),
    ("a package nested deeply", "POST", AUDIT, b"[" * 1000, {}, 400, "TS-1211"),
    ("a package with a key twice", "POST", AUDIT, b'{"key":"","key":""}', {}, 400, "TS-1212"),
    ("neither true nor false", "PUT", STATUS, "maybe", {}, 400, "TS-1210"),
    ("a number for a boolean", "PUT", COMMAND, "1", {}, 400, "TS-1210"),
    ("a result without a body", "PUT", COMMAND, None, {}, 400, "TS-1210"),
    ("a proof request that is no JSON", "POST", PROOF, "{", {}, 400, "TS-1210"),
    ("a proof request nested deeply", "POST", PROOF, "[" * 33 + "]" * 33, {}, 400, "TS-1211"),
    ("a proof request with a key twice", "POST", PROOF, '{"sum":1,"sum":2}', {}, 400, "TS-1212"),
    ("a proof request with NaN", "POST", PROOF, '{"sum":NaN}', {}, 400, "TS-1213"),
    ("a proof request with a huge number", "POST", PROOF, f'{{"sum":{"9" * 60}}}', {}, 400, "TS-1213"),
    ("a proof request that is an array", "POST", PROOF, "[]", {}, 400, "TS-3101"),
    ("a proof request without payload", "POST", PROOF, proof(auditRequestPayload=None), {}, 400, "TS-3101"),
    ("a payload that is no Base64", "POST", PROOF, proof(auditRequestPayload="!" * 348), {}, 400, "TS-3101"),
    ("a payload of another length", "POST", PROOF, proof(auditRequestPayload=ARP[:-4]), {}, 400, "TS-3101"),
    ("a negative sum", "POST", PROOF, proof(sum=-1), {}, 400, "TS-3101"),
    ("a sum above uint64", "POST", PROOF, proof(sum=2**64), {}, 400, "TS-3101"),
    ("a limit with a fraction", "POST", PROOF, proof(limit=1.5), {}, 400, "TS-3101"),
    ("a limit in words", "POST", PROOF, proof(limit="much"), {}, 400, "TS-3101"),
]


def test_each_wrong_request_gets_its_code_and_changes_nothing(authority: Any) -> None:
    device = authority.device()
    for name, method, path, body, headers, status, code in ROWS:
        reply = device.call(method, path, body, headers)
        assert (name, reply.status, reply.code) == (name, status, code)
        if status == 405:
            assert reply.headers["allow"]
    assert authority.intake.seen == []
    assert authority.audit.requests == []
    assert authority.audit.reports == []
    assert device.call("PUT", STATUS, "true").json == [], "and the next call is served"


def test_a_body_in_chunks_is_taken_within_the_same_bounds(authority: Any) -> None:
    device = authority.device()
    half = len(PACKAGE) // 2
    assert device.call("POST", AUDIT, iter([PACKAGE[:half], PACKAGE[half:]])).json["status"] == 4
    reply = device.call("POST", AUDIT, iter([b"x" * 65536] * 17))
    assert (reply.status, reply.code) == (413, "TS-1003")


@pytest.mark.parametrize("size", [900_000, 5_000_000])
def test_a_refusal_before_the_body_reaches_the_sender(authority: Any, size: int) -> None:
    device = authority.device()
    device.token = "00000000-0000-4000-8000-000000000000"
    reply = device.call("POST", AUDIT, b"x" * size)
    assert (reply.status, reply.code) == (401, "TS-1105")


def raw(device: Any, *parts: bytes, pause: float = 0.0) -> bytes:
    plain = socket.create_connection(("127.0.0.1", device.port), timeout=10)
    with device.context.wrap_socket(plain, server_hostname="localhost") as tls:
        for part in parts:
            tls.sendall(part)
            time.sleep(pause)
        answer = b""
        while chunk := tls.recv(65536):
            answer += chunk
        return answer


def test_ts_1004_two_framings_at_once_close_the_connection(authority: Any) -> None:
    head = b"POST /api/v3/sdc/audit HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = raw(authority.stranger(), head + b"0\r\n\r\nGET /api/v3/configuration HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"TS-1004" in answer
    assert answer.count(b"HTTP/1.1 ") == 1


def test_ts_1003_an_oversized_head(authority: Any) -> None:
    answer = raw(authority.stranger(), b"GET /api/v3/configuration HTTP/1.1\r\nX: " + b"a" * 20_000 + b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"TS-1003" in answer
    assert b"application/problem+json" in answer


def test_ts_1005_a_head_that_does_not_come(start: Start) -> None:
    authority = start(limits=HttpLimits(header_seconds=0.5))
    answer = raw(authority.stranger(), b"GET /api/v3/configuration HTTP/1.1\r\n")
    assert b"TS-1005" in answer


def begun(authority: Any, token: str, declared: int) -> http.client.HTTPSConnection:
    """A package of which only the first byte has been sent."""
    context = authority.stranger().context
    connection = http.client.HTTPSConnection("localhost", authority.port, timeout=10, context=context)
    connection.putrequest("POST", AUDIT)
    connection.putheader("TaxCoreAuthenticationToken", token)
    connection.putheader("Content-Length", str(declared))
    connection.endheaders(b"x")
    return connection


def test_ts_5002_memory_for_bodies_is_bounded(start: Start) -> None:
    authority = start(bodies_in_work_bytes=2 * 1024 * 1024)
    device = authority.device()
    held = [begun(authority, device.token, 1024 * 1024) for _ in range(2)]
    time.sleep(0.2)
    reply = device.call("POST", AUDIT, PACKAGE)
    assert (reply.status, reply.code) == (503, "TS-5002")
    assert reply.headers["retry-after"] == "1"
    assert device.call("GET", "/api/v3/configuration").status == 200
    for connection in held:
        connection.close()
    time.sleep(0.2)
    assert device.call("POST", AUDIT, PACKAGE).status == 200


def test_a_sender_that_goes_away_leaves_nothing_behind(authority: Any) -> None:
    device = authority.device()
    for _ in range(3):
        begun(authority, device.token, 1000).close()
    assert device.call("POST", AUDIT, PACKAGE).status == 200
    assert len(authority.intake.seen) == 1


def test_more_than_twenty_connections_of_one_certificate_are_turned_away(authority: Any) -> None:
    device = authority.device()
    held = []
    try:
        for _ in range(20):
            connection = http.client.HTTPSConnection("localhost", device.port, timeout=10, context=device.context)
            connection.connect()
            held.append(connection)
        with pytest.raises((ConnectionError, http.client.HTTPException, OSError)):
            device.call("GET", "/api/v3/configuration")
        assert authority.stranger().call("GET", "/api/v3/configuration").status == 200
    finally:
        for connection in held:
            connection.close()
    time.sleep(0.2)
    assert device.call("GET", "/api/v3/configuration").status == 200
