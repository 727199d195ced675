"""Messages of TaxCore.API between an E-SDC and the authority, read and written for both sides (wire: chapter 6)."""

from __future__ import annotations

import binascii
import codecs
from base64 import b64encode
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import attrs

from tallystick.kernel.faults import Fault, FieldFault
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.tax_rates import TaxRateGroup
from tallystick.wire import strict_json
from tallystick.wire.configuration import (
    Configuration,
    environment_parameters,
    parse_configuration,
    read_configuration,
)
from tallystick.wire.pos_values import KeyNames, as_number, encode_json, read_time, scaled_exactly
from tallystick.wire.strict_json import JsonObject, JsonValue
from tallystick.wire.tax_rates import read_tax_rate_groups, tax_rate_groups_json
from tallystick.wire.taxcore_commands import (
    Command,
    CommandReport,
    CommandType,
    command_json,
    commands_of,
    read_commands,
    read_reports,
    report_json,
    write_commands,
    write_reports,
)

__all__ = [
    "ARP_BYTES",
    "TOKEN_HEADER",
    "AuditAnswer",
    "Command",
    "CommandReport",
    "CommandType",
    "Configuration",
    "Environment",
    "ProofOfAuditRequest",
    "Token",
    "command_json",
    "environment_parameters",
    "parse_configuration",
    "read_audit_answer",
    "read_boolean",
    "read_commands",
    "read_configuration",
    "read_encryption_certificate",
    "read_environments",
    "read_proof_of_audit_request",
    "read_reader_audit",
    "read_reports",
    "read_tax_rates",
    "read_token",
    "report_json",
    "write_audit_answer",
    "write_boolean",
    "write_commands",
    "write_encryption_certificate",
    "write_environments",
    "write_proof_of_audit_request",
    "write_reports",
    "write_tax_rates",
    "write_token",
]

BUILD_HEADER = "Ts-Build"
"""In which a device of ours names its certified build, the hexadecimal id of its manifest (S0-083)."""
TOKEN_HEADER = "TaxCoreAuthenticationToken"  # noqa: S105  # the header's name, not a token
ARP_BYTES = (256, 260, 264)  # C-01: one field device drops the first four; 264 carries the transport's CRC

_TOKEN_KEYS = KeyNames("token", "expiresAt")
_AUDIT_KEYS = KeyNames("status", "commands")
_PROOF_KEYS = KeyNames("auditRequestPayload", "sum", "limit")
_ENVIRONMENT_KEYS = KeyNames("name", "url", "description", "environmentName")
_RATES_KEYS = KeyNames("currentTaxRates", "allTaxRates")
_READER_AUDIT_KEYS = KeyNames("AuditData", "LimitData")
_BOOLEAN = {b"true": True, b"false": False}
_UINT64_MAX = 2**64 - 1


@attrs.frozen(slots=True)
class Token:
    """The session token of one certificate and the UTC moment when it ends."""

    token: str
    expires_at: datetime


@attrs.frozen(slots=True)
class AuditAnswer:
    """Answer of Submit Audit Package: the package's audit status and the commands that wait."""

    status: int
    commands: tuple[Command, ...] = ()


@attrs.frozen(slots=True)
class ProofOfAuditRequest:
    """A card's request for proof of audit with its unaudited sum and its limit (on the wire in ten-thousandths)."""

    audit_request_payload: bytes
    sum: Money
    limit: Money


@attrs.frozen(slots=True)
class Environment:
    """One entry of the list of environments; ``url`` is a host name from which the services' names are built."""

    name: str
    url: str
    description: str
    environment_name: str


def write_audit_answer(answer: AuditAnswer) -> bytes:
    """Answer of Submit Audit Package."""
    return encode_json({"status": answer.status, "commands": [command_json(command) for command in answer.commands]})


def read_audit_answer(body: bytes) -> AuditAnswer:
    """Read the answer of Submit Audit Package; raises `TS-1220` without a numeric status."""
    members = _members(_parse(body), _AUDIT_KEYS)
    status = members.get("status")
    if type(status) is not int:
        raise _fault("/status", "an audit status is a number")
    return AuditAnswer(status, commands_of(members.get("commands")))


def write_token(token: Token) -> bytes:
    """Answer of Request Authentication Token; the time has a blank where ISO has a ``T``, as published."""
    return encode_json({"token": token.token, "expiresAt": f"{token.expires_at.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}"})


def read_token(body: bytes) -> Token:
    """Read a token answer; a time without an offset is UTC. Raises `TS-1220`."""
    members = _members(_parse(body), _TOKEN_KEYS)
    token, expires_at = members.get("token"), members.get("expiresAt")
    moment = read_time(expires_at, UTC) if isinstance(expires_at, str) else None
    if not isinstance(token, str) or not token or moment is None:
        raise _fault("/token", "not a token answer")
    return Token(token, moment)


def write_proof_of_audit_request(request: ProofOfAuditRequest) -> bytes:
    """Body of Submit Audit Request Payload."""
    return encode_json(
        {
            "auditRequestPayload": b64encode(request.audit_request_payload).decode(),
            "sum": request.sum.scaled,
            "limit": request.limit.scaled,
        }
    )


def read_proof_of_audit_request(body: bytes) -> ProofOfAuditRequest:
    """Read the body of Submit Audit Request Payload; any other shape or length is `TS-3101`, broken JSON its fault."""
    value = _parse(body)
    if not isinstance(value, dict):
        raise Fault("TS-3101", detail="not an object")
    members, _ = _PROOF_KEYS.of(value)
    payload = _bytes(members.get("auditRequestPayload"))
    if payload is None or len(payload) not in ARP_BYTES:
        raise Fault("TS-3101", detail="an audit request payload has 256, 260 or 264 bytes")
    return ProofOfAuditRequest(payload, _card_amount(members.get("sum")), _card_amount(members.get("limit")))


def write_boolean(value: bool) -> bytes:
    """Body of Notify Online Status and Notify Command Processed."""
    return b"true" if value else b"false"


def read_boolean(body: bytes, *, when_empty: bool | None) -> bool:
    """Read ``true``, ``"true"``, ``True`` ...; an empty body is ``when_empty``. Else, or with None, `TS-1210`."""
    text = body.removeprefix(codecs.BOM_UTF8).strip()
    if not text and when_empty is not None:
        return when_empty
    value = _BOOLEAN.get(text.strip(b"\"'").lower()) if len(text) <= 16 else None
    if value is None:
        raise Fault("TS-1210", detail="neither true nor false")
    return value


def write_tax_rates(current: TaxRateGroup | None, groups: Iterable[TaxRateGroup], *, current_as_array: bool) -> bytes:
    """Answer of the shared tax-rates service; C-02: an array as documented, or the object that clients expect."""
    rates: Any = tax_rate_groups_json([] if current is None else [current])
    if not current_as_array:
        rates = rates[0] if rates else None
    return encode_json({"currentTaxRates": rates, "allTaxRates": tax_rate_groups_json(groups)})


def read_tax_rates(body: bytes) -> tuple[TaxRateGroup | None, tuple[TaxRateGroup, ...]]:
    """Read the current group and all groups from the shared tax-rates service, in both forms of C-02."""
    members = _members(_parse(body), _RATES_KEYS)
    current = read_tax_rate_groups(members.get("currentTaxRates") or [])
    return (current[0] if current else None), read_tax_rate_groups(members.get("allTaxRates") or [])


def write_environments(environments: Iterable[Environment]) -> bytes:
    """Answer of the shared environments service."""
    return encode_json(
        [
            {
                "name": one.name,
                "url": one.url,
                "description": one.description,
                "environmentName": one.environment_name,
            }
            for one in environments
        ]
    )


def read_environments(body: bytes) -> tuple[Environment, ...]:
    """Read the list of environments; absent texts are empty."""
    value = _parse(body)
    if not isinstance(value, list):
        raise _fault("/", "environments are an array")
    entries = [_members(one, _ENVIRONMENT_KEYS) for one in value]
    return tuple(
        Environment(_text(one, "name"), _text(one, "url"), _text(one, "description"), _text(one, "environmentName"))
        for one in entries
    )


def write_encryption_certificate(der: bytes) -> bytes:
    """Answer of the shared encryption-certificate service: a JSON string, Base64 of the certificate."""
    return encode_json(b64encode(der).decode())


def read_encryption_certificate(body: bytes) -> bytes:
    """The certificate's DER; raises `TS-1220` when the body is not Base64 in a JSON string."""
    der = _bytes(_parse(body))
    if not der:
        raise _fault("/", "not a certificate in Base64")
    return der


def read_reader_audit(body: bytes) -> tuple[bytes, bytes]:
    """Read what the vendor's card reader posts to SecureElements/Audit: the Start Audit and Amount Status answers."""
    members = _members(_parse(body), _READER_AUDIT_KEYS)
    audit, limit = _bytes(members.get("AuditData")), _bytes(members.get("LimitData"))
    if audit is None or limit is None:
        raise Fault("TS-3101", detail="not the data of an audit")
    return audit, limit


def _card_amount(value: JsonValue) -> Money:
    """A card's uint64 of ten-thousandths; some devices write it with a fraction of zero."""
    number = as_number(value)
    scaled = None if number is None else scaled_exactly(number, 0)
    if scaled is None or not 0 <= scaled <= _UINT64_MAX:
        raise Fault("TS-3101", detail="sum and limit are amounts as the card counts them")
    return Money(scaled)


def _bytes(value: JsonValue) -> bytes | None:
    if not isinstance(value, str):
        return None
    try:
        return binascii.a2b_base64(value, strict_mode=True)
    except ValueError:
        return None


def _parse(body: bytes) -> JsonValue:
    return strict_json.parse(body, taxcore=True)


def _members(value: JsonValue, keys: KeyNames) -> JsonObject:
    if not isinstance(value, dict):
        raise _fault("/", "not an object")
    return keys.of(value)[0]


def _text(members: JsonObject, key: str) -> str:
    value = members.get(key)
    return value if isinstance(value, str) else ""


def _fault(pointer: str, detail: str) -> Fault:
    return Fault("TS-1220", detail=detail, fields=(FieldFault(pointer, "5"),))
