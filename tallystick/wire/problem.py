"""A fault as ``application/problem+json`` (RFC 9457): the one translation towards programs on our own interfaces."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tallystick.kernel.fault_catalogue import CATALOGUE
from tallystick.kernel.faults import Fault
from tallystick.wire.pos_values import encode_json, write_time

CONTENT_TYPE = "application/problem+json"
_UNEXPECTED = "TS-5099"


def problem_address(operator: str, code: str) -> str:
    """Where a fault of the catalogue is explained, which is also its type (RFC 9457, 3.1.1)."""
    return f"https://{operator}/problems/{code}"


def problem_json(fault: Fault, *, instance: str, operator: str, server_time: datetime) -> tuple[int, bytes]:
    """The HTTP status and the body.

    ``instance`` names the request, ``operator`` is the host of the catalogue's pages. A code that the catalogue does
    not know is our own bug and leaves the house as `TS-5099` without its detail.
    """
    kind = CATALOGUE.get(fault.code)
    detail = fault.detail if kind is not None else ""
    kind = kind or CATALOGUE[_UNEXPECTED]
    problem: dict[str, Any] = {
        "type": problem_address(operator, kind.code),
        "title": kind.title,
        "status": kind.http_status,
        "code": kind.code,
        "detail": detail,
        "instance": instance,
        "retry": str(kind.retry),
    }
    if fault.step is not None:
        problem["step"] = fault.step
    if fault.retry_after_seconds is not None:
        problem["retry_after_seconds"] = fault.retry_after_seconds
    problem["fix_by"] = str(kind.fix_by)
    if fault.fields:
        problem["fields"] = [{"pointer": field.pointer, "code": f"{kind.code}.{field.code}"} for field in fault.fields]
    problem["server_time"] = write_time(server_time, None)
    if fault.expected:
        problem["expected"] = fault.expected
    return kind.http_status, encode_json(problem)
