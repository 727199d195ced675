"""The edge of this channel: whatever goes wrong leaves as a coded problem (RFC 9457), never as a stack or silence."""

from __future__ import annotations

import logging
import secrets

import attrs
import msgspec
import psycopg
from psycopg_pool import PoolTimeout

from tallystick.kernel.faults import Fault
from tallystick.kernel.instants import Clock
from tallystick.kit.asgi import Answer, BodyTooLarge, BodyTooSlow, Scope
from tallystick.kit.http_server import Refusal
from tallystick.kit.in_thread import ThreadTooSlow
from tallystick.wire.problem import CONTENT_TYPE, problem_json

_LOG = logging.getLogger(__name__)
_CLOSE = (b"connection", b"close")
_CHALLENGE = (b"www-authenticate", b"Certificate")
_REFUSALS = {
    Refusal.BAD_FRAMING: "TS-1004",
    Refusal.TOO_SLOW: "TS-1005",
    Refusal.HEADER_TOO_LARGE: "TS-1003",
}


class MethodUnknown(Exception):
    """The path is known, the method is not; ``allowed`` are those that are."""

    def __init__(self, allowed: str) -> None:
        super().__init__(allowed)
        self.allowed = allowed


@attrs.frozen(slots=True)
class Problems:
    """Makes the answers to what cannot be served; ``operator`` is the host of the catalogue's pages."""

    operator: str
    clock: Clock

    def translate(self, error: Exception, scope: Scope) -> Answer:
        """The answer to whatever a handler raised; what is our own bug becomes ``TS-5099`` and is logged."""
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
            case psycopg.OperationalError() | psycopg.InterfaceError() | ThreadTooSlow() | PoolTimeout():
                return self._answer(Fault("TS-5009", detail="come back in a moment", retry_after_seconds=5))
        request = secrets.token_hex(8)
        _LOG.error("request %s at %s failed", request, scope.get("path"), exc_info=error)
        return self._answer(Fault("TS-5099"), request=request)

    def refuse(self, refusal: Refusal) -> Answer:
        """The answer of the server itself, where no application is asked."""
        return self._answer(Fault(_REFUSALS[refusal]))

    def _answer(self, fault: Fault, *headers: tuple[bytes, bytes], request: str | None = None) -> Answer:
        status, body = problem_json(
            fault, instance=request or secrets.token_hex(8), operator=self.operator, server_time=self.clock()
        )
        if status == 401:  # RFC 9110, 15.5.2: a 401 names a way to sign in
            headers = (*headers, _CHALLENGE)
        if fault.retry_after_seconds is not None:
            headers = (*headers, (b"retry-after", str(fault.retry_after_seconds).encode()))
        return Answer(status, body, CONTENT_TYPE, headers)


def _as_405(answer: Answer) -> Answer:
    """One code stands for an unknown path and an unknown method; HTTP has two numbers for them."""
    members = msgspec.json.decode(answer.body)
    members["status"] = 405
    return answer._replace(status=405, body=msgspec.json.encode(members))
