"""The edge of the public listener: whatever goes wrong leaves as a coded answer, as a page or as JSON."""

from __future__ import annotations

import logging
import secrets

import psycopg

from tallystick.authority.projections.verification.page import trouble_page
from tallystick.authority.projections.verification.visit import is_person, language_of
from tallystick.authority.projections.verification.words import PageLanguage
from tallystick.kernel.faults import Fault
from tallystick.kernel.instants import Clock
from tallystick.kit.asgi import Answer, BodyTooLarge, BodyTooSlow, Scope
from tallystick.kit.http_server import Refusal
from tallystick.kit.in_thread import ThreadTooSlow
from tallystick.wire.problem import CONTENT_TYPE, problem_json

_LOG = logging.getLogger(__name__)
_DATABASE_AWAY_RETRY_SECONDS = 5
_SERVER_ERRORS = 500
_TROUBLES = {"TS-4009": "busy"}
_CLOSE = (b"connection", b"close")
_REFUSALS = {
    Refusal.BAD_FRAMING: "TS-1004",
    Refusal.TOO_SLOW: "TS-1005",
    Refusal.HEADER_TOO_LARGE: "TS-1003",
}


def fault_of(error: Exception) -> Fault | None:
    """The fault that an exception stands for; none for our own bugs."""
    match error:
        case Fault():
            return error
        case BodyTooLarge():
            return Fault("TS-1003", detail="more than is taken here")
        case BodyTooSlow():
            return Fault("TS-1005", detail="at least 1 KiB a second")
        case psycopg.OperationalError() | psycopg.InterfaceError() | ThreadTooSlow():
            return Fault("TS-5009", detail="come back in a moment", retry_after_seconds=_DATABASE_AWAY_RETRY_SECONDS)
    return None


class Problems:
    """Makes the answers of the public listener to what it cannot serve."""

    def __init__(self, operator: str, default_language: PageLanguage, clock: Clock) -> None:
        self._operator = operator
        self._default_language = default_language
        self._clock = clock

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
        return self._for_a_person(answer, fault, scope) if is_person(scope) else answer

    def refuse(self, refusal: Refusal) -> Answer:
        """The answer of the server itself, where no application is asked."""
        return self._answer(Fault(_REFUSALS[refusal]), secrets.token_hex(8))

    def _answer(self, fault: Fault, request: str) -> Answer:
        status, body = problem_json(fault, instance=request, operator=self._operator, server_time=self._clock())
        retry = fault.retry_after_seconds
        headers = ((b"retry-after", str(retry).encode()),) if retry is not None else ()
        return Answer(status, body, CONTENT_TYPE, headers)

    def _for_a_person(self, answer: Answer, fault: Fault, scope: Scope) -> Answer:
        trouble = _TROUBLES.get(fault.code) or ("away" if answer.status >= _SERVER_ERRORS else "missing")
        page = trouble_page(trouble, language_of(scope, self._default_language), code=fault.code)
        return answer._replace(body=page.encode(), content_type="text/html; charset=utf-8")
