"""The edge of every listener that answers programs: whatever goes wrong leaves as a coded problem (RFC 9457).

Each channel gives it its own way to sign in; pages for people and the POS API's own codes are made by their rooms.
"""

from __future__ import annotations

import logging
import secrets

import attrs
import msgspec
import psycopg

from tallystick.kernel.faults import Fault
from tallystick.kernel.instants import Clock
from tallystick.kit.asgi import Answer, BodyTooLarge, BodyTooSlow, Scope
from tallystick.kit.http_server import Refusal
from tallystick.kit.in_thread import ThreadTooSlow
from tallystick.wire.problem import CONTENT_TYPE, problem_json

_LOG = logging.getLogger(__name__)
_RETRY_SECONDS = 5
_UNAUTHORIZED = 401
_CLOSE = (b"connection", b"close")
REFUSALS = {
    Refusal.BAD_FRAMING: "TS-1004",
    Refusal.TOO_SLOW: "TS-1005",
    Refusal.HEADER_TOO_LARGE: "TS-1003",
}
"""The codes of what the server refuses itself, where no application is asked."""


class MethodUnknown(Exception):
    """The path is known, the method is not; ``allowed`` are those that are."""

    def __init__(self, allowed: str) -> None:
        super().__init__(allowed)
        self.allowed = allowed


def fault_of(error: Exception) -> Fault | None:
    """The fault that an exception stands for; none for our own bugs."""
    match error:
        case Fault():
            return error
        case MethodUnknown():
            return Fault("TS-1001", detail=f"this path takes {error.allowed}")
        case BodyTooLarge():
            return Fault("TS-1003", detail="more than is taken here")
        case BodyTooSlow():
            return Fault("TS-1005", detail="at least 1 KiB a second")
        case psycopg.OperationalError() | psycopg.InterfaceError() | ThreadTooSlow():
            return Fault("TS-5009", detail="come back in a moment", retry_after_seconds=_RETRY_SECONDS)
    return None


@attrs.frozen(slots=True)
class Problems:
    """Makes the answers to what cannot be served.

    ``operator`` is the host of the catalogue's pages; ``challenge`` is how to sign in (RFC 9110, 15.5.2: a 401 names a
    way; some clients cannot read one that does not).
    """

    operator: str
    clock: Clock
    challenge: bytes = b""

    def translate(self, error: Exception, scope: Scope) -> Answer:
        """The answer to whatever a handler raised; what is our own bug becomes ``TS-5099`` and is logged."""
        return self.judge(error, scope)[1]

    def judge(self, error: Exception, scope: Scope) -> tuple[Fault, Answer]:
        """The same with the fault it tells of."""
        request = secrets.token_hex(8)
        fault = fault_of(error)
        if fault is None:
            _LOG.error("request %s at %s failed", request, scope.get("path"), exc_info=error)
            fault = Fault("TS-5099")
        answer = self._answer(fault, request)
        if isinstance(error, MethodUnknown):
            answer = _as_405(answer, error.allowed)
        if isinstance(error, (BodyTooLarge, BodyTooSlow)):
            answer = answer._replace(headers=(*answer.headers, _CLOSE))
        return fault, answer

    def refuse(self, refusal: Refusal) -> Answer:
        """The answer of the server itself, where no application is asked."""
        return self._answer(Fault(REFUSALS[refusal]), secrets.token_hex(8))

    def _answer(self, fault: Fault, request: str) -> Answer:
        status, body = problem_json(fault, instance=request, operator=self.operator, server_time=self.clock())
        headers: tuple[tuple[bytes, bytes], ...] = ()
        if status == _UNAUTHORIZED and self.challenge:
            headers = ((b"www-authenticate", self.challenge),)
        if fault.retry_after_seconds is not None:
            headers = (*headers, (b"retry-after", str(fault.retry_after_seconds).encode()))
        return Answer(status, body, CONTENT_TYPE, headers)


def _as_405(answer: Answer, methods: str) -> Answer:
    """One code stands for an unknown path and an unknown method; HTTP has two numbers for them."""
    members = msgspec.json.decode(answer.body)
    members["status"] = 405
    headers = (*answer.headers, (b"allow", methods.encode()))
    return answer._replace(status=405, body=msgspec.json.encode(members), headers=headers)
