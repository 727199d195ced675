"""The edge of both listeners of the PKI: whatever goes wrong leaves as a coded problem (RFC 9457)."""

from __future__ import annotations

import logging
import secrets

import attrs
import psycopg
from psycopg_pool import PoolTimeout

from tallystick.kernel.faults import Fault
from tallystick.kernel.instants import Clock
from tallystick.kit.asgi import Answer, BodyTooLarge, BodyTooSlow, Scope
from tallystick.kit.http_server import Refusal
from tallystick.kit.in_thread import ThreadTooSlow
from tallystick.wire.problem import CONTENT_TYPE, problem_json

_LOG = logging.getLogger(__name__)
_RETRY_SECONDS = 5
_CLOSE = (b"connection", b"close")
_REFUSALS = {
    Refusal.BAD_FRAMING: "TS-1004",
    Refusal.TOO_SLOW: "TS-1005",
    Refusal.HEADER_TOO_LARGE: "TS-1003",
}
_CHALLENGE = (b"www-authenticate", b'Basic realm="enrolment", charset="UTF-8"')


def fault_of(error: Exception) -> Fault | None:
    """The fault that an exception stands for; none for our own bugs."""
    match error:
        case Fault():
            return error
        case BodyTooLarge():
            return Fault("TS-1003", detail="more than is taken here")
        case BodyTooSlow():
            return Fault("TS-1005", detail="at least 1 KiB a second")
        case psycopg.OperationalError() | psycopg.InterfaceError() | ThreadTooSlow() | PoolTimeout():
            return Fault("TS-5009", detail="come back in a moment", retry_after_seconds=_RETRY_SECONDS)
    return None


@attrs.frozen(slots=True)
class Problems:
    """Makes the answers to what cannot be served; ``operator`` is the host of the catalogue's pages."""

    operator: str
    clock: Clock

    def translate(self, error: Exception, scope: Scope) -> Answer:
        """The answer to whatever a handler raised; what is our own bug becomes ``TS-5099`` and is logged."""
        request = secrets.token_hex(8)
        fault = fault_of(error)
        if fault is None:
            _LOG.error("request %s at %s failed", request, scope.get("path"), exc_info=error)
            fault = Fault("TS-5099")
        answer = self._answer(fault, request)
        if isinstance(error, (BodyTooLarge, BodyTooSlow)):
            answer = answer._replace(headers=(*answer.headers, _CLOSE))
        return answer

    def refuse(self, refusal: Refusal) -> Answer:
        """The answer of the server itself, where no application is asked."""
        return self._answer(Fault(_REFUSALS[refusal]), secrets.token_hex(8))

    def _answer(self, fault: Fault, request: str) -> Answer:
        status, body = problem_json(fault, instance=request, operator=self.operator, server_time=self.clock())
        headers: tuple[tuple[bytes, bytes], ...] = ()
        if fault.code == "TS-3020":
            headers = (_CHALLENGE,)
        if fault.retry_after_seconds is not None:
            headers = (*headers, (b"retry-after", str(fault.retry_after_seconds).encode()))
        return Answer(status, body, CONTENT_TYPE, headers)
