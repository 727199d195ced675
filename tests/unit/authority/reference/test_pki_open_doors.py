"""Timestamps are bounded, by address and by day, since each leaves a row for good."""

from __future__ import annotations

import asyncio
import json
from contextlib import nullcontext
from datetime import timedelta
from typing import Any

from cards import NOW
from pki_bench import PkiBench

from tallystick.authority.problems import Problems
from tallystick.authority.reference.pki import api, key_store
from tallystick.authority.reference.pki.ports import Registry
from tallystick.authority.reference.pki.responder import OcspService
from tallystick.authority.reference.pki.timestamping import TimestampService
from tallystick.authority.reference.registry.directory import Directory
from tallystick.kit.address_budget import AddressBudget
from tallystick.kit.asgi import Message

QUERY_TYPE = b"application/timestamp-query"


def ask(services: api.PublicationServices, address: str, proxied_for: str = "") -> tuple[int, dict[str, Any], str]:
    """POST /tsa as a client of that address: status, problem, pause."""
    headers = [(b"content-type", QUERY_TYPE)]
    if proxied_for:
        headers.append((b"x-forwarded-for", proxied_for.encode()))
    scope: dict[str, Any] = {"type": "http", "method": "POST", "path": "/tsa", "query_string": b"", "headers": headers}
    scope["client"] = address, 1
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"no query", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    async def whole() -> None:
        await api.build_app(services)(scope, receive, send)

    asyncio.run(whole())
    body = b"".join(message.get("body", b"") for message in sent)
    pause = dict(sent[0]["headers"]).get(b"retry-after", b"").decode()
    is_problem = sent[0]["status"] != 200
    return sent[0]["status"], json.loads(body) if is_problem else {}, pause


def services_of(bench: PkiBench, stamps: TimestampService, most: int = 3) -> api.PublicationServices:
    registry: Registry = bench.services.registry
    return api.PublicationServices(
        connect=lambda: nullcontext(bench.conn),
        registry=registry,
        ocsp=OcspService(stamps.view, lambda *_: None, stamps.clock),
        timestamps=stamps,
        clock=stamps.clock,
        problems=Problems("fdo.example", stamps.clock),
        proxies=frozenset({"10.0.0.1"}),
        stamp_budget=AddressBudget(most, timedelta(hours=1)),
    )


def stamping() -> TimestampService:
    view = Directory(lambda: NOW)
    return TimestampService(policy="1.2.3", clock=lambda: NOW, is_synchronised=lambda: True, view=view)


def test_ts_1006_an_address_has_its_timestamps_of_the_hour(bench: PkiBench) -> None:
    """Refused before anything is read or written; others, and those behind our proxy, are counted for themselves."""
    services = services_of(bench, stamping())
    assert [ask(services, "192.0.2.7")[0] for _ in range(4)] == [200, 200, 200, 429]
    status, problem, pause = ask(services, "192.0.2.7")
    assert (status, problem["code"], pause) == (429, "TS-1006", "3601")
    assert ask(services, "192.0.2.8")[0] == 200
    assert [ask(services, "10.0.0.1", "192.0.2.9")[0] for _ in range(4)] == [200, 200, 200, 429]
    assert ask(services, "10.0.0.1", "192.0.2.10")[0] == 200
    assert ask(services, "192.0.2.7", "192.0.2.11")[0] == 429, "a stranger's word about himself counts nothing"


def test_ts_3082_a_day_has_its_timestamps(bench: PkiBench) -> None:
    def stamp(number: int, at: object) -> None:
        bench.conn.execute(
            "INSERT INTO pki.timestamp VALUES (%s, sha256('k'), sha256('i'), sha256(%s), %s)",
            [number.to_bytes(16, "big"), str(number).encode(), at],
        )

    at = NOW + timedelta(days=40)
    midnight = at.replace(hour=0, minute=0)
    for number in range(900, 902):
        stamp(number, midnight - timedelta(seconds=1))
    stamp(902, midnight)
    assert key_store.timestamps_since(bench.conn, midnight, 5) == 1
    moments = [at]
    view = Directory(lambda: moments[0])
    stamps = TimestampService(
        policy="1.2.3", clock=lambda: moments[0], is_synchronised=lambda: True, view=view, day_most=2
    )
    services = services_of(bench, stamps, most=99)
    assert ask(services, "192.0.2.7")[0] == 200
    stamp(903, at)
    assert ask(services, "192.0.2.7")[0] == 200, "what others stamp is counted once a minute"
    moments[0] = at + timedelta(minutes=1)
    status, problem, pause = ask(services, "192.0.2.7")
    assert (status, problem["code"]) == (503, "TS-3082")
    assert int(pause) == int((midnight + timedelta(days=1) - moments[0]).total_seconds()) + 1
    moments[0] = midnight + timedelta(days=1)
    assert ask(services, "192.0.2.7")[0] == 200
    bench.conn.rollback()
