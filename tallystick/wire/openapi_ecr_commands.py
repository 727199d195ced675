"""The part of the national online channel's description that is about commands to devices and their log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tallystick.kernel.device_commands import Outcome
from tallystick.wire.device_command import RESULT_BYTES_MAX
from tallystick.wire.document_jws import MEDIA_TYPE
from tallystick.wire.ecr_api import COMMANDS_PATH, DEVICE_LOG_PATH, RESULT
from tallystick.wire.openapi import Schema, answer, array, content, named, parameter, record, text

_COUNT = text(1, pattern="^(0|[1-9][0-9]*)$")
_TIME = text(format="date-time", pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$")
_UID = text(8, 8, pattern="^[A-Z0-9]{8}$")


def command_paths(call: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    """Paths; ``call`` makes an operation of the channel, with its refusals."""
    number = parameter("number", "path", _COUNT, "The command's number.", required=True)
    cursor = parameter("after", "query", text(0, 120), "The cursor of the page before.")
    device = parameter("device", "query", _UID, "Another device of the same taxpayer.")
    sales = parameter("sales", "query", text(enum=["1"]), "With every sale, return and correction.")
    taken = named("ResultTaken")
    said = content(
        {"type": "string", "maxLength": RESULT_BYTES_MAX, "description": "A compact JWS, signed by the device."},
        MEDIA_TYPE,
    )
    return {
        COMMANDS_PATH: {
            "get": call("commands", "Commands that wait for the device", {200: answer("As asked.", named("Commands"))})
        },
        f"{COMMANDS_PATH}/{{number}}/{RESULT}": {
            "post": call(
                "commandResult",
                "What the device did with a command",
                {
                    200: answer("It was said before; `Ts-Replayed: 1`, and the first answer again.", taken),
                    201: answer("Kept.", taken),
                },
                parameters=(number,),
                body=said,
            )
        },
        DEVICE_LOG_PATH: {
            "get": call(
                "deviceLog",
                "What was done to a device and by it",
                {200: answer("A page, oldest first.", named("DeviceLogPage"))},
                parameters=(cursor, device, sales),
            )
        },
    }


def command_schemas() -> dict[str, Schema]:
    """Schemas."""
    return {
        "Commands": record(
            {
                "certificates": array(text(1, contentEncoding="base64", contentMediaType="application/pkix-cert")),
                "commands": array(text(1)),
            },
            optional=("certificates",),
        ),
        "ResultTaken": record(
            {
                "number": _COUNT,
                "outcome": {"type": "string", "enum": [str(one) for one in Outcome]},
                "received_at": _TIME,
            }
        ),
        "LoggedDeed": record(
            {"at": _TIME, "facts": {"type": "object", "additionalProperties": text(0)}, "what": text(1)}
        ),
        "DeviceLogPage": record(
            {"after": text(1), "entries": array(named("LoggedDeed")), "more": {"enum": ["1"]}}, optional=("more",)
        ),
    }
