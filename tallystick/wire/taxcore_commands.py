"""Commands that the authority queues for a device, and the device's reports about them (wire: 6.4, chapter 8)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from enum import IntEnum
from typing import Any

import attrs

from tallystick.kernel.faults import Fault, FieldFault
from tallystick.wire import strict_json
from tallystick.wire.pos_values import KeyNames, encode_json, read_time, write_time
from tallystick.wire.strict_json import JsonValue

_COMMAND_KEYS = KeyNames("commandId", "type", "payload", "uid")
_REPORT_KEYS = KeyNames("commandId", "success", "dateAndTime")


class CommandType(IntEnum):
    """What a command asks of an E-SDC; other numbers exist, are not published, and are reported as failed."""

    SET_TAX_RATES = 0
    SET_TIME_SERVER_URL = 1
    SET_VERIFICATION_URL = 2
    TAX_CORE_PUBLIC_KEY = 4
    FORWARD_PROOF_OF_AUDIT = 5
    SET_TAX_CORE_CONFIGURATION = 7
    FORWARD_SECURE_ELEMENT_DIRECTIVE = 8


_TYPES_BY_NAME = {
    "settaxrates": CommandType.SET_TAX_RATES,
    "settimeserverurl": CommandType.SET_TIME_SERVER_URL,
    "setverificationurl": CommandType.SET_VERIFICATION_URL,
    "taxcorepublickey": CommandType.TAX_CORE_PUBLIC_KEY,
    "forwardproofofaudit": CommandType.FORWARD_PROOF_OF_AUDIT,
    "settaxcoreconfiguration": CommandType.SET_TAX_CORE_CONFIGURATION,
    "forwardsecureelementdirective": CommandType.FORWARD_SECURE_ELEMENT_DIRECTIVE,
}
_NUMBER_TEXT = re.compile(r"\d{1,4}", re.ASCII)


@attrs.frozen(slots=True)
class Command:
    """An order to one secure element's device; ``payload`` is always text, JSON inside it is text that holds JSON."""

    command_id: str
    type: int
    payload: str
    uid: str

    @property
    def known_type(self) -> CommandType | None:
        """The published meaning of the type, None for the unpublished numbers."""
        return CommandType(self.type) if self.type in CommandType.__members__.values() else None


@attrs.frozen(slots=True)
class CommandReport:
    """What became of one command: a line of a ``.results`` file, and of the older interface."""

    command_id: str
    success: bool
    at: datetime


def command_json(command: Command) -> dict[str, Any]:
    """One command as JSON members."""
    return {
        "commandId": command.command_id,
        "type": command.type,
        "payload": command.payload,
        "uid": command.uid,
    }


def write_commands(commands: Iterable[Command]) -> bytes:
    """Answer of Get Initialization Commands and of Notify Online Status; content of a ``.commands`` file."""
    return encode_json([command_json(command) for command in commands])


def read_commands(body: bytes) -> tuple[Command, ...]:
    """Read an array of commands; entries without id, type, payload or uid are left out, an empty body is none."""
    return commands_of(strict_json.parse(body, taxcore=True)) if body.strip() else ()


def commands_of(value: JsonValue) -> tuple[Command, ...]:
    """The commands of a parsed array; null is none. Raises `TS-1220` when it is no array."""
    if value is None:
        return ()
    if not isinstance(value, list):
        raise _fault("/commands", "commands are an array")
    commands = [_command(entry) for entry in value]
    return tuple(command for command in commands if command is not None)


def _command(value: JsonValue) -> Command | None:
    members = _COMMAND_KEYS.of(value)[0] if isinstance(value, dict) else {}
    command_id, payload, uid = members.get("commandId"), members.get("payload"), members.get("uid")
    kind = _command_type(members.get("type"))
    if kind is None or not isinstance(command_id, str) or not isinstance(payload, str) or not isinstance(uid, str):
        return None
    return Command(command_id, kind, payload, uid)


def _command_type(value: JsonValue) -> int | None:
    if isinstance(value, str):
        return int(value) if _NUMBER_TEXT.fullmatch(value) else _TYPES_BY_NAME.get(value.lower())
    return value if type(value) is int else None


def write_reports(reports: Iterable[CommandReport]) -> bytes:
    """Content of a ``.results`` file."""
    return encode_json([report_json(report) for report in reports])


def report_json(report: CommandReport) -> dict[str, Any]:
    """One report as JSON members, also the body of the older Upload Command Status."""
    return {
        "commandId": report.command_id,
        "success": report.success,
        "dateAndTime": write_time(report.at, None),
    }


def read_reports(body: bytes) -> tuple[CommandReport, ...]:
    """Read a ``.results`` file or one report alone; raises `TS-1220` for an entry that is no report."""
    value = strict_json.parse(body, taxcore=True)
    entries = value if isinstance(value, list) else [value]
    return tuple(_report(entry) for entry in entries)


def _report(value: JsonValue) -> CommandReport:
    members = _REPORT_KEYS.of(value)[0] if isinstance(value, dict) else {}
    command_id, success, at = members.get("commandId"), members.get("success"), members.get("dateAndTime")
    moment = read_time(at, UTC) if isinstance(at, str) else None
    if not isinstance(command_id, str) or not isinstance(success, bool) or moment is None:
        raise _fault("/", "not a report about a command")
    return CommandReport(command_id, success, moment)


def _fault(pointer: str, detail: str) -> Fault:
    return Fault("TS-1220", detail=detail, fields=(FieldFault(pointer, "5"),))
