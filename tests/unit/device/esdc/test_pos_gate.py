"""A web page in a browser on the till's machine must not sell or try PINs; a web POS that is named may."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest

from tallystick.device.esdc.pos_codes import BrowserRefused
from tallystick.device.esdc.pos_gate import PosGate, is_loopback

OURS = "https://pos.example"
PAGE = PosGate(origins=[OURS + "/"])


def scope(*headers: tuple[str, str], method: str = "POST") -> dict[str, Any]:
    fields = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    return {"type": "http", "method": method, "path": "/api/v3/pin", "headers": fields}


def refusal(gate: PosGate, *headers: tuple[str, str]) -> list[tuple[str, str]]:
    with pytest.raises(BrowserRefused) as caught:
        gate.check(scope(*headers))
    return [(error.property, str(error.code)) for error in caught.value.errors]


def test_a_tills_program_passes() -> None:
    PosGate().check(scope())
    PosGate().check(scope(("host", "127.0.0.1:8888"), ("content-type", "application/json")))


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "", "http://127.0.0.1:8888", OURS + ".evil.example"]
)
def test_a_page_of_any_origin_is_refused_with_our_code(origin: str) -> None:
    for gate in (PosGate(), PAGE):
        assert refusal(gate, ("origin", origin)) == [("Origin", "1999"), ("Origin", "9030")]
    assert refusal(PosGate(), ("origin", OURS)) == [("Origin", "1999"), ("Origin", "9030")]


@pytest.mark.parametrize("site", ["cross-site", "same-site", "Cross-Site"])
def test_a_page_that_hides_its_origin_is_refused_by_sec_fetch_site(site: str) -> None:
    assert refusal(PAGE, ("sec-fetch-site", site)) == [("Sec-Fetch-Site", "1999"), ("Sec-Fetch-Site", "9030")]


def test_a_person_who_types_the_address_is_no_page() -> None:
    PosGate().check(scope(("sec-fetch-site", "none"), ("host", "localhost:8888")))


def test_an_allowed_origin_passes_alone_and_not_beside_another() -> None:
    PAGE.check(scope(("origin", OURS), ("sec-fetch-site", "cross-site")))
    PAGE.check(scope(("origin", "HTTPS://POS.EXAMPLE")))
    assert refusal(PAGE, ("origin", OURS), ("origin", "https://evil.example"))[1] == ("Origin", "9030")


HOSTS_OF_LOOPBACK = [
    "localhost",
    "LOCALHOST:1",
    "127.0.0.1",
    "127.0.0.1:8888",
    "127.9.9.9",
    "[::1]",
    "[::1]:80",
    "localhost.",
    "esdc",
    "ESDC-2:8888",
    "till.local",
    "device.home.arpa:80",
]
FOREIGN = [
    "evil.example",
    "evil.example:8888",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "",
    "a b",
    "@",
    "[::1",
    "x:y",
    "evil.example.local.example",
    ".local",
    "-x.local",
    "evil_example.com",
    "12345",
]


@pytest.mark.parametrize("host", HOSTS_OF_LOOPBACK)
def test_names_of_this_machine_pass(host: str) -> None:
    PosGate().check(scope(("host", host)))


@pytest.mark.parametrize("host", FOREIGN)
@pytest.mark.parametrize("loopback", [True, False])
def test_dns_rebinding_a_foreign_name_is_refused(host: str, loopback: bool) -> None:
    assert refusal(PosGate(loopback=loopback), ("host", host)) == [("Host", "1999"), ("Host", "9031")]


def test_addresses_pass_where_the_network_is_served_and_names_only_if_they_are_set() -> None:
    PosGate(loopback=False).check(scope(("host", "192.0.2.7:8888")))
    assert refusal(PosGate(), ("host", "192.0.2.7:8888"))[1] == ("Host", "9031")
    for loopback in (True, False):
        PosGate(hosts=["Till.Example"], loopback=loopback).check(scope(("host", "till.example:8888")))


def sent(gate: PosGate, asked: dict[str, Any]) -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        out.append(message)

    async def run() -> None:
        wrapped = gate.answering(asked, send)
        await wrapped({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await wrapped({"type": "http.response.body", "body": b"{}"})

    asyncio.run(run())
    return out


def names(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in headers}


def test_answers_to_an_allowed_page_may_be_read_by_it_and_by_no_other() -> None:
    head, body = sent(PAGE, scope(("origin", OURS)))
    told = names(head["headers"])
    assert told["access-control-allow-origin"] == OURS
    assert told["vary"] == "origin"
    assert "access-control-allow-credentials" not in told
    assert body["body"] == b"{}"
    for headers in ((), (("origin", "https://evil.example"),)):
        head, _ = sent(PAGE, scope(*headers))
        assert names(head["headers"]) == {"content-length": "2"}


def test_a_head_request_gets_the_head_alone() -> None:
    head, body = sent(PosGate(), scope(method="HEAD"))
    assert names(head["headers"]) == {"content-length": "2"}
    assert body["body"] == b""


def test_a_preflight_is_told_methods_and_headers() -> None:
    asked = scope(
        ("origin", OURS),
        ("access-control-request-method", "POST"),
        ("access-control-request-private-network", "true"),
        method="OPTIONS",
    )
    told = names(PAGE.preflight_headers(asked, ("POST", "OPTIONS")))
    assert told["access-control-allow-methods"] == "POST, OPTIONS"
    assert {"requestid", "content-type", "accept-language", "api-key"} <= set(
        told["access-control-allow-headers"].split(", ")
    )
    assert told["access-control-allow-private-network"] == "true"
    assert not PAGE.preflight_headers(scope(("origin", OURS)), ("POST",)), "not a preflight"


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("192.0.2.7", False), ("x", False)],
)
def test_which_listeners_serve_this_machine_alone(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected
