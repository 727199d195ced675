"""Commands to devices, and their results, on the wire: compact JWS under ES256 (RFC 7515), RFC 8785 JSON of text.

A command is signed by a unit that the national root certified for it, a result by the device itself; both headers name
environment, device and number, so that nothing that was signed for one can be shown to another (S0-030). There is one
spelling of each: what was read and is written again gives the same bytes, or it is refused. Who may sign is for the
caller to check (`crypto.command_units`, the registry of certificates).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TypeVar

import attrs
import msgspec

from tallystick.kernel.device_commands import (
    NUMBER_MAX,
    CommandKind,
    CommandResult,
    DeviceCommand,
    FirmwareNotice,
    Hold,
    Outcome,
    PolicyChange,
    RateChange,
    Release,
    Resend,
    Wanted,
    malformed,
    unreadable,
)
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import HASH_BYTES, sha256
from tallystick.kernel.identifiers import Uid, parse_uid
from tallystick.wire.compact_jws import (
    CompactJws,
    assemble,
    read_base64url,
    read_compact,
    signing_input,
    write_base64url,
)
from tallystick.wire.document_jws import read_time, write_time
from tallystick.wire.record import canonical_members

COMMAND, RESULT = "tallystick-command+jws", "tallystick-command-result+jws"
COMMAND_BYTES_MAX, RESULT_BYTES_MAX = 8 * 1024, 4 * 1024
_ALG = "ES256"
_COMMAND_MEMBERS = ("alg", "kid", "ts-aud", "ts-dev", "ts-exp", "ts-iat", "ts-num", "typ")
_RESULT_MEMBERS = ("alg", "kid", "ts-aud", "ts-dev", "ts-num", "ts-time", "typ")
_NUMBER = re.compile(r"0|[1-9][0-9]{0,9}", re.ASCII)
_POLICY_NUMBERS = ("offline_hours", "rolling_days", "rolling_hours", "shift_hours")
_SIGNATURE_BYTES = 64
Broken = Callable[[str, str], Fault]
Read = TypeVar("Read")


@attrs.frozen(slots=True, kw_only=True)
class SignedCommand:
    """A command that was read, with its bytes; nothing is checked but its form. ``kid`` is the signer's certificate."""

    command: DeviceCommand
    kid: bytes
    signing_input: bytes = attrs.field(repr=False)
    signature: bytes = attrs.field(repr=False)
    compact: bytes = attrs.field(repr=False)

    @property
    def command_hash(self) -> bytes:
        """What a result names."""
        return sha256(self.compact)


@attrs.frozen(slots=True, kw_only=True)
class SignedResult:
    """A result that was read, with its bytes; nothing is checked but its form. ``kid`` is the device's certificate."""

    result: CommandResult
    kid: bytes
    signing_input: bytes = attrs.field(repr=False)
    signature: bytes = attrs.field(repr=False)
    compact: bytes = attrs.field(repr=False)


def unsigned_command(command: DeviceCommand, kid: bytes) -> bytes:
    """The bytes that are to be signed; ``kid`` is the SHA-256 of the signer's certificate (DER)."""
    header = {
        "alg": _ALG,
        "kid": _text(kid),
        "ts-aud": command.audience,
        "ts-dev": command.device,
        "ts-exp": write_time(command.expires_ms),
        "ts-iat": write_time(command.issued_ms),
        "ts-num": str(command.number),
        "typ": COMMAND,
    }
    return signing_input(header, write_wanted(command.wanted))


def signed_command(unsigned: bytes, signature: bytes) -> bytes:
    """The compact form."""
    return assemble(unsigned, signature)


def read_command(data: bytes) -> SignedCommand:
    """Read a compact form; raises ``TS-3300`` for any other member, value or spelling, and what is too long."""
    jws, kid = _read(data, COMMAND, _COMMAND_MEMBERS, COMMAND_BYTES_MAX, malformed)
    header = jws.header
    command = DeviceCommand(
        audience=header["ts-aud"],
        device=_uid(header["ts-dev"], malformed),
        number=_number("/ts-num", header["ts-num"], malformed),
        issued_ms=_moment("/ts-iat", header["ts-iat"], malformed),
        expires_ms=_moment("/ts-exp", header["ts-exp"], malformed),
        wanted=read_wanted(jws.payload),
    )
    if unsigned_command(command, kid) != jws.signing_input:
        raise malformed("/", "another spelling than the canonical one")
    return SignedCommand(
        command=command, kid=kid, signing_input=jws.signing_input, signature=jws.signature, compact=data
    )


def unsigned_result(result: CommandResult, kid: bytes) -> bytes:
    """The bytes that the device signs."""
    header = {
        "alg": _ALG,
        "kid": _text(kid),
        "ts-aud": result.audience,
        "ts-dev": result.device,
        "ts-num": str(result.number),
        "ts-time": write_time(result.made_ms),
        "typ": RESULT,
    }
    payload = {
        "build": result.build,
        "command": _text(result.command_hash),
        "outcome": str(result.outcome),
        "reason": result.reason,
        "sequence": str(result.sequence),
        "state": result.state,
    }
    return signing_input(header, msgspec.json.encode(payload))


def write_result(result: CommandResult, kid: bytes, sign: Callable[[bytes], bytes]) -> bytes:
    """The compact form of a result that ``sign`` signs (64 bytes, ES256)."""
    unsigned = unsigned_result(result, kid)
    return assemble(unsigned, sign(unsigned))


def read_result(data: bytes) -> SignedResult:
    """Read a compact form; raises ``TS-3305`` for any other member, value or spelling, and what is too long."""
    jws, kid = _read(data, RESULT, _RESULT_MEMBERS, RESULT_BYTES_MAX, unreadable)
    header = jws.header
    said = _members(jws.payload, ("build", "command", "outcome", "reason", "sequence", "state"), unreadable)
    if said["outcome"] not in tuple(Outcome):
        raise unreadable("/outcome", "accepted, done or refused")
    result = CommandResult(
        audience=header["ts-aud"],
        device=_uid(header["ts-dev"], unreadable),
        number=_number("/ts-num", header["ts-num"], unreadable),
        command_hash=_hash("/command", said["command"], unreadable),
        outcome=Outcome(said["outcome"]),
        reason=said["reason"],
        made_ms=_moment("/ts-time", header["ts-time"], unreadable),
        state=said["state"],
        sequence=_number("/sequence", said["sequence"], unreadable),
        build=said["build"],
    )
    if unsigned_result(result, kid) != jws.signing_input:
        raise unreadable("/", "another spelling than the canonical one")
    return SignedResult(result=result, kid=kid, signing_input=jws.signing_input, signature=jws.signature, compact=data)


def write_wanted(wanted: Wanted) -> bytes:
    """The payload of a command: its kind, and the members of that kind."""
    members: dict[str, object] = {"kind": str(wanted.kind)}
    match wanted:
        case PolicyChange():
            members |= {name: str(getattr(wanted, name)) for name in wanted.members}
        case RateChange():
            members["group"] = str(wanted.group)
            members["labels"] = canonical_members(dict(wanted.labels))
            members["valid_from"] = write_time(wanted.valid_from_ms)
        case Resend():
            members["first"] = str(wanted.first)
        case FirmwareNotice():
            members["build"] = wanted.build
            members["install_by"] = write_time(wanted.install_by_ms)
    return msgspec.json.encode({name: members[name] for name in sorted(members)})


def read_wanted(payload: bytes) -> Wanted:
    """Read a payload; raises ``TS-3300``. Whether it is the canonical spelling is for `read_command` to say."""
    said = _object(payload, malformed)
    kind = said.pop("kind", None)
    if kind not in tuple(CommandKind):
        raise malformed("/kind", "no kind of command")
    labels = said.pop("labels", None) if kind == CommandKind.RATES else None
    texts = {name: value for name, value in said.items() if isinstance(value, str)}
    if len(texts) != len(said):
        raise malformed("/", "every value is text")
    wanted = _wanted(CommandKind(str(kind)), texts, labels)
    if write_wanted(wanted) != payload:
        raise malformed("/", "a member that does not belong there, or another spelling than the canonical one")
    return wanted


def _wanted(kind: CommandKind, said: Mapping[str, str], labels: object) -> Wanted:
    match kind:
        case CommandKind.HOLD:
            return Hold()
        case CommandKind.RELEASE:
            return Release()
        case CommandKind.POLICY:
            numbers = {name: _number(f"/{name}", said[name], malformed) for name in _POLICY_NUMBERS if name in said}
            return PolicyChange(**numbers, receipt_text=said.get("receipt_text"))
        case CommandKind.RATES:
            if not isinstance(labels, dict) or not all(isinstance(rate, str) for rate in labels.values()):
                raise malformed("/labels", "labels with their rates")
            return RateChange(
                group=_number("/group", said.get("group", ""), malformed),
                valid_from_ms=_moment("/valid_from", said.get("valid_from", ""), malformed),
                labels=labels,
            )
        case CommandKind.RESEND:
            return Resend(first=_number("/first", said.get("first", ""), malformed))
        case CommandKind.FIRMWARE:
            install_by = _moment("/install_by", said.get("install_by", ""), malformed)
            return FirmwareNotice(build=said.get("build", ""), install_by_ms=install_by)


def _read(data: bytes, typ: str, members: tuple[str, ...], bytes_max: int, broken: Broken) -> tuple[CompactJws, bytes]:
    wanted = dict.fromkeys(members) | {"alg": _ALG, "typ": typ}
    try:
        jws = read_compact(data, members=wanted, max_bytes=bytes_max)
    except Fault as fault:
        raise broken("/", str(fault.detail)) from None
    if len(jws.signature) != _SIGNATURE_BYTES:
        raise broken("/", f"a signature has {_SIGNATURE_BYTES} bytes")
    return jws, _hash("/kid", jws.header["kid"], broken)


def _object(payload: bytes, broken: Broken) -> dict[str, object]:
    try:
        said = msgspec.json.decode(payload, type=dict[str, str | dict[str, str]])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise broken("/", "an object of texts") from None
    return dict(said)


def _members(payload: bytes, names: tuple[str, ...], broken: Broken) -> dict[str, str]:
    said = _object(payload, broken)
    texts = {name: value for name, value in said.items() if isinstance(value, str)}
    if set(texts) != set(names) or len(said) != len(names):
        raise broken("/", f"exactly the members {', '.join(names)}, each text")
    return texts


def _uid(text: str, broken: Broken) -> Uid:
    try:
        return parse_uid(text)
    except Fault:
        raise broken("/ts-dev", "no device's UID") from None


def _number(pointer: str, text: str, broken: Broken) -> int:
    if _NUMBER.fullmatch(text) is None or int(text) > NUMBER_MAX:
        raise broken(pointer, "a number")
    return int(text)


def _moment(pointer: str, text: str, broken: Broken) -> int:
    try:
        return read_time(text)
    except Fault as fault:
        raise broken(pointer, str(fault.detail)) from None


def _hash(pointer: str, text: str, broken: Broken) -> bytes:
    try:
        found = read_base64url(text.encode())
    except Fault as fault:
        raise broken(pointer, str(fault.detail)) from None
    if len(found) != HASH_BYTES:
        raise broken(pointer, f"{HASH_BYTES} bytes")
    return found


def _text(data: bytes) -> str:
    return write_base64url(data).decode("ascii")
