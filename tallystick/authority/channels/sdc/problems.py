"""The edge of this channel: whatever goes wrong leaves as a coded problem (RFC 9457), never as a stack or silence."""

from __future__ import annotations

import logging
import secrets

import msgspec

from tallystick.authority.channels.sdc.services import SdcServices
from tallystick.kernel.faults import Fault
from tallystick.kit.asgi import Answer, BodyTooLarge, BodyTooSlow, Scope
from tallystick.kit.http_server import Refusal
from tallystick.wire.problem import problem_json

_LOG = logging.getLogger(__name__)
PROBLEM_TYPE = "application/problem+json"
_REFUSALS = {
    Refusal.BAD_FRAMING: "TS-1004",
    Refusal.TOO_SLOW: "TS-1005",
    Refusal.HEADER_TOO_LARGE: "TS-1003",
}


_CLOSE = (b"connection", b"close")


class MethodUnknown(Exception):
    """The path is known, the method is not; ``allowed`` are those that are."""

    def __init__(self, allowed: str) -> None:
        super().__init__(allowed)
        self.allowed = allowed


class Problems:
    """Makes the answers of one application."""

    def __init__(self, services: SdcServices) -> None:
        self._services = services

    def translate(self, error: Exception, scope: Scope) -> Answer:
        """The answer to whatever a handler raised; only what is our own bug becomes ``TS-5099`` and is logged."""
        match error:
            case Fault():
                return self._answer(error)
            case MethodUnknown():
                fault = Fault("TS-1001", detail=f"this path takes {error.allowed}")
                return _as_405(self._answer(fault, (b"allow", error.allowed.encode())))
            case BodyTooLarge():
                return self._answer(Fault("TS-1003", detail="more than is taken here"), _CLOSE)
            case BodyTooSlow():
                return self._answer(Fault("TS-1005", detail="at least 1 KiB a second"), _CLOSE)
        request = secrets.token_hex(8)
        _LOG.error("request %s at %s failed", request, scope.get("path"), exc_info=error)
        return self._answer(Fault("TS-5099"), request=request)

    def refuse(self, refusal: Refusal) -> Answer:
        """The answer of the server itself, where no application is asked."""
        return self._answer(Fault(_REFUSALS[refusal]))

    def _answer(self, fault: Fault, *headers: tuple[bytes, bytes], request: str | None = None) -> Answer:
        status, body = problem_json(
            fault,
            instance=request or secrets.token_hex(8),
            operator=self._services.operator,
            server_time=self._services.clock(),
        )
        if status == 401:  # some clients cannot read a 401 that names no way to sign in
            headers = (*headers, (b"www-authenticate", b"TaxCoreAuthenticationToken"))
        if fault.retry_after_seconds is not None:
            headers = (*headers, (b"retry-after", str(fault.retry_after_seconds).encode()))
        return Answer(status, body, PROBLEM_TYPE, headers)


def _as_405(answer: Answer) -> Answer:
    """One code stands for an unknown path and an unknown method; HTTP has two numbers for them."""
    members = msgspec.json.decode(answer.body)
    members["status"] = 405
    return answer._replace(status=405, body=msgspec.json.encode(members))
