"""The edge towards POS: what goes wrong leaves in shape and codes of the POS API, with our own code beside it."""

from __future__ import annotations

import logging

from tallystick.authority.channels.vsdc import metrics
from tallystick.authority.problems import REFUSALS
from tallystick.kernel.fault_catalogue import CATALOGUE
from tallystick.kernel.faults import Fault, PosFault
from tallystick.kernel.status_codes import StatusCode
from tallystick.kit.asgi import Answer, BodyTooLarge, BodyTooSlow, Scope
from tallystick.kit.http_server import Refusal
from tallystick.wire.pos_invoice import error_answer
from tallystick.wire.pos_languages import LanguageNotOffered

log = logging.getLogger(__name__)

JSON = "application/json; charset=utf-8"
_UNAUTHORIZED = 401
_PAC = "PAC"
_POS_CODES = {
    "TS-1001": (StatusCode.INVALID_VALUE, ""),
    "TS-1002": (StatusCode.INVALID_FORMAT, "Content-Type"),
    "TS-1003": (StatusCode.LIST_TOO_LONG, ""),
    "TS-1004": (StatusCode.INVALID_FORMAT, ""),
    "TS-1005": (StatusCode.INVALID_FORMAT, ""),
    "TS-1103": (StatusCode.SECURE_ELEMENT_EXPIRED, ""),
    "TS-1104": (StatusCode.SECURE_ELEMENT_LOCKED, ""),
    "TS-1120": (StatusCode.INVALID_VALUE, _PAC),
    "TS-1121": (StatusCode.INVALID_VALUE, _PAC),
    "TS-2407": (StatusCode.SECURE_ELEMENT_LOCKED, ""),
}
_CERTIFICATE = (StatusCode.INVALID_VALUE, "ClientCertificate")
_NOTHING_SAID = (StatusCode.UNDEFINED_WARNING, "")


def translate(error: Exception, scope: Scope) -> Answer:
    """The one place where what went wrong becomes an answer to a POS."""
    if isinstance(error, PosFault):
        return Answer(400, error_answer(error), JSON)
    if isinstance(error, LanguageNotOffered):
        return Answer(406, _coded(StatusCode.INVALID_VALUE, "Accept-Language"), JSON)
    if isinstance(error, BodyTooLarge):
        error = Fault("TS-1003")
    if isinstance(error, BodyTooSlow):
        error = Fault("TS-1005")
    if isinstance(error, Fault):
        return answer_fault(error)
    log.error("a request at %s failed for a reason of our own", scope.get("path"), exc_info=error)
    return answer_fault(Fault("TS-5099"))


def answer_fault(fault: Fault, status: int | None = None) -> Answer:
    """A fault in the codes of the POS API; ``ts-code`` names it."""
    kind = CATALOGUE[fault.code]
    metrics.FAULTS.labels(code=fault.code).inc()
    status = status or kind.http_status
    code, name = _POS_CODES.get(fault.code, _CERTIFICATE if status in (401, 403) else _NOTHING_SAID)
    headers: tuple[tuple[bytes, bytes], ...] = ((b"ts-code", fault.code.encode()),)
    if status == _UNAUTHORIZED:  # some clients cannot read a 401 that names no way to sign in
        headers += ((b"www-authenticate", b"PAC"),)
    wait = fault.retry_after_seconds or (1 if status == 503 else None)
    if wait is not None:
        headers += ((b"retry-after", str(wait).encode()),)
    return Answer(status, _coded(code, name), JSON, headers)


def refuse(refusal: Refusal) -> Answer:
    """What the server says in our words where the application is not asked."""
    return answer_fault(Fault(REFUSALS[refusal]))


def _coded(code: StatusCode, name: str = "") -> bytes:
    return error_answer(PosFault.single(code, name))
