"""What a running TaxCore.API answers is what its own `/openapi.json` says."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

from described import Described

V3 = "/api/v3"
PROOF = f'{{"auditRequestPayload":"{b64encode(bytes(260)).decode()}","sum":1,"limit":2}}'
SEALED = f'{{"key":"{b64encode(bytes(256)).decode()}","iv":"{b64encode(bytes(256)).decode()}","payload":"AAAA"}}'


def test_answers_of_a_running_authority_are_as_described(authority: Any) -> None:
    """Shared services, token, commands, packages, proofs, the older interface; then strangers and bad bodies."""
    stranger, device = authority.stranger(), authority.device()
    described = Described(stranger.call("GET", "/openapi.json").json)
    json_type = {"Content-Type": "application/json"}

    def ask(who: Any, method: str, path: str, body: str | None = None) -> Any:
        reply = who.call(method, path, body, json_type if body is not None else None)
        described.check(method, path, reply.status, reply.headers.get("content-type", ""), reply.body)
        return reply

    for path in ("configuration", "tax-rates", "environments", "encryption-certificate"):
        ask(stranger, "GET", f"{V3}/{path}")
    ask(stranger, "GET", "/openapi.json")
    ask(device, "GET", f"{V3}/sdc/token")
    commands = ask(device, "GET", f"{V3}/sdc/commands").json
    assert commands
    ask(device, "PUT", f"{V3}/sdc/commands/{commands[0]['commandId']}", "true")
    ask(device, "PUT", f"{V3}/sdc/status", "true")
    ask(device, "POST", f"{V3}/sdc/audit", SEALED)
    ask(device, "POST", f"{V3}/sdc/audit-proof", PROOF)
    amounts = b64encode((1).to_bytes(7, "big") + (2).to_bytes(7, "big")).decode()
    ask(
        device,
        "POST",
        "/api/secureelements/audit",
        f'{{"AuditData":"{b64encode(bytes(260)).decode()}","LimitData":"{amounts}"}}',
    )
    ask(device, "POST", "/api/sdc/getoutstandingcommands?serialNumber=ABCD1234", "")
    report = f'{{"commandId":"{commands[1]["commandId"]}","success":true,"dateAndTime":"2026-11-21T10:00:00Z"}}'
    ask(device, "POST", "/api/sdc/uploadcommandstatus", report)
    ask(device, "POST", "/api/invoices/verifyinvoice", '{"verificationUrl":"https://fdo.example/v/?vl=AAAA"}')
    assert {(path, method) for path, method, status in described.seen if status == 200} == described.operations()
    for path, method in sorted(described.operations()):
        if "/sdc/" in path or "secureelements" in path:
            reply = ask(stranger, method, path.replace("{commandId}", "x"), "{" if method != "GET" else None)
            assert reply.status in (400, 401, 403, 415, 422)
