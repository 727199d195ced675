"""The door of TaxCore.API in a hostile world: any request gets an answer, and what is refused gets a code."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg_pool import PoolTimeout

from tallystick.authority.channels.sdc import tokens
from tallystick.authority.channels.sdc.api import build_app
from tallystick.authority.channels.sdc.services import SdcServices
from tallystick.authority.channels.sdc.store import TokenRow
from tallystick.authority.reference.commands.outstanding import Outstanding
from tallystick.authority.reference.registry.directory import Directory
from tallystick.authority.reference.taxrates.rates import Rates
from tallystick.crypto.certificates import TrustStore
from tallystick.kernel.fault_catalogue import CATALOGUE
from tallystick.kernel.fixed_point import Money
from tallystick.kit.asgi import App, Message
from tallystick.wire.audit_package import read_sealed
from tallystick.wire.configuration import Configuration

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
TOKEN = tokens.token_text(b"k" * 32, b"t" * 32, NOW).encode()


class AwayPool:
    """A pool whose database is away, so that no request can change anything."""

    def connection(self, timeout: float) -> Any:
        raise PoolTimeout("away")


@attrs.frozen
class Verdict:
    status: int = 4
    replayed: bool = False
    step: int = 15
    code: str = ""


class OpenIntake:
    async def submit_package(self, body: bytes, *, token_uid: str, token_tin: str, received_at: datetime) -> Verdict:
        read_sealed(body)
        return Verdict()


class ClosedAudit:
    def receive_request(
        self,
        conn: Any,
        uid: str,
        payload: bytes,
        sum: Money,
        limit: Money,
        at: datetime,
        gone: Sequence[tuple[int, int]] = (),
    ) -> Sequence[tuple[int, int]]:
        raise AssertionError("no database, no request")

    def command_reported(self, conn: Any, uid: str, command_id: UUID, success: bool, at: datetime) -> None:
        raise AssertionError("no database, no report")


@attrs.frozen
class Element:
    """What the door looks at of a registered card."""

    uid: str = "ABCD1234"
    tin: str = "1"
    state: str = "active"


def door() -> App:
    directory = Directory(lambda: NOW)
    directory.refreshed_at = NOW
    directory._elements["ABCD1234"] = Element()  # type: ignore[assignment]
    services = SdcServices(
        pool=AwayPool(),  # type: ignore[arg-type]
        directory=directory,
        rates=Rates(),
        outstanding=Outstanding(),
        intake=OpenIntake(),
        audit=ClosedAudit(),
        clock=lambda: NOW,
        trusted=TrustStore(()),
        environment=(1, 9),
        server_key=b"k" * 32,
        configuration=Configuration(
            organization_name="", server_time_zone="", street="", city="", country="", endpoints={},
            environment_name="", logo="", ntp_server="", supported_languages=(),
        ),
        environments=(),
        encryption_certificate=b"x",
        operator="fdo.example",
    )  # fmt: skip
    services.tokens.put(TOKEN, TokenRow(b"h" * 32, "ABCD1234", b"t" * 32, NOW, NOW + timedelta(hours=8)))
    return build_app(services)


APP = door()
PATHS = [
    "/api/v3/configuration", "/api/v3/tax-rates", "/api/v3/environments", "/api/v3/encryption-certificate",
    "/api/v3/sdc/token", "/api/v3/sdc/commands", "/api/v3/sdc/status", "/api/v3/sdc/audit", "/api/v3/sdc/audit-proof",
    "/api/v3/sdc/commands/3930CEEF-F637-444D-8295-F629D6E482D3", "/api/SecureElements/Audit",
    "/api/sdc/GetOutstandingCommands", "/api/sdc/UploadCommandStatus", "/api/v2/x",
    "/api/invoices/verifyInvoice",
]  # fmt: skip
json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=10), inner, max_size=4)),
    max_leaves=12,
)
known_keys = st.sampled_from(
    ["key", "iv", "payload", "auditRequestPayload", "sum", "limit", "AuditData", "LimitData", "verificationUrl"]
)
bodies = st.one_of(
    st.binary(max_size=200),
    st.sampled_from([b"", b"true", b'"False"', b"[" * 5000, b'{"key":1,"key":2}', b"\xef\xbb\xbf{}", b"x" * 70_000]),
    json_values.map(lambda value: json.dumps(value).encode()),
    st.dictionaries(known_keys, json_values, max_size=4).map(lambda value: json.dumps(value).encode()),
)
headers = st.dictionaries(
    st.sampled_from(
        [
            b"content-type",
            b"content-encoding",
            b"taxcoreauthenticationtoken",
            b"transfer-encoding",
            b"accept",
            b"ts-gone",
        ]
    ),
    st.one_of(st.just(TOKEN), st.just(b"application/json"), st.just(b"gzip"), st.binary(max_size=40)),
    max_size=4,
)


async def ask(scope: dict[str, Any], body: bytes) -> tuple[int, dict[bytes, bytes], bytes]:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    await APP(scope, receive, send)
    return sent[0]["status"], dict(sent[0]["headers"]), sent[1]["body"]


@settings(max_examples=600, deadline=None)
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "HEAD", "PATCH"]),
    path=st.one_of(st.sampled_from(PATHS), st.text(max_size=30)),
    fields=headers,
    signed_in=st.booleans(),
    certificate=st.one_of(st.none(), st.binary(max_size=50)),
    query=st.binary(max_size=30),
    body=bodies,
)
def test_any_request_gets_an_answer_and_a_refusal_gets_a_code(
    method: str,
    path: str,
    fields: dict[bytes, bytes],
    signed_in: bool,
    certificate: bytes | None,
    query: bytes,
    body: bytes,
) -> None:
    if signed_in:
        fields = {**fields, b"taxcoreauthenticationtoken": TOKEN}
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query,
        "headers": [*fields.items(), (b"content-length", str(len(body)).encode())],
        "extensions": {"tls": {"client_cert_der": certificate}},
    }
    status, answered, content = asyncio.run(ask(scope, body))
    assert int(answered[b"content-length"]) == len(content)
    if status == 200:
        return
    problem = json.loads(content)
    assert answered[b"content-type"] == b"application/problem+json"
    assert problem["status"] == status
    assert problem["code"] in CATALOGUE
    assert problem["code"] != "TS-5099", "our own bug"
    assert status in (400, 401, 403, 404, 405, 406, 413, 415, 422, 503)
