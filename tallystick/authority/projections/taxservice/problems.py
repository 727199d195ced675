"""The edge of the queue's figures: whatever goes wrong leaves as a coded problem (RFC 9457)."""

from __future__ import annotations

import logging
import secrets

import attrs
import psycopg
from psycopg_pool import PoolTimeout

from tallystick.kernel.faults import Fault
from tallystick.kernel.instants import Clock
from tallystick.kit.asgi import Answer, Scope
from tallystick.kit.http_server import Refusal
from tallystick.kit.in_thread import ThreadTooSlow
from tallystick.wire.problem import CONTENT_TYPE, problem_json

_LOG = logging.getLogger(__name__)
_RETRY_SECONDS = 5
_REFUSALS = {
    Refusal.BAD_FRAMING: "TS-1004",
    Refusal.TOO_SLOW: "TS-1005",
    Refusal.HEADER_TOO_LARGE: "TS-1003",
}


@attrs.frozen(slots=True)
class Problems:
    """Makes the answers to what cannot be served; ``operator`` is the host of the catalogue's pages."""

    operator: str
    clock: Clock

    def translate(self, error: Exception, scope: Scope) -> Answer:
        """The answer to whatever a handler raised; what is our own bug becomes ``TS-5099`` and is logged."""
        request = secrets.token_hex(8)
        match error:
            case Fault():
                fault = error
            case psycopg.OperationalError() | psycopg.InterfaceError() | ThreadTooSlow() | PoolTimeout():
                fault = Fault("TS-5009", detail="come back in a moment", retry_after_seconds=_RETRY_SECONDS)
            case _:
                _LOG.error("request %s at %s failed", request, scope.get("path"), exc_info=error)
                fault = Fault("TS-5099")
        return self._answer(fault, request)

    def refuse(self, refusal: Refusal) -> Answer:
        """The answer of the server itself, where no application is asked."""
        return self._answer(Fault(_REFUSALS[refusal]), secrets.token_hex(8))

    def _answer(self, fault: Fault, request: str) -> Answer:
        status, body = problem_json(fault, instance=request, operator=self.operator, server_time=self.clock())
        retry = fault.retry_after_seconds
        headers = ((b"retry-after", str(retry).encode()),) if retry is not None else ()
        return Answer(status, body, CONTENT_TYPE, headers)
