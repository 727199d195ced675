"""What both versions of the interface read from a request: the certificate, and an order with its headers."""

from __future__ import annotations

from tallystick.authority.channels.vsdc.sale import Order
from tallystick.kernel.faults import Fault, PosFault
from tallystick.kernel.limits import LIMITS
from tallystick.kernel.status_codes import StatusCode
from tallystick.kit.asgi import Receive, Scope, header, read_body
from tallystick.wire.pos_request_id import header_text

_BEFORE_JSON = b" \t\r\n\xef\xbb\xbf"
_FORMS = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})


def certificate_of(scope: Scope) -> bytes | None:
    """The certificate that the connection shows, DER."""
    shown: bytes | None = scope.get("extensions", {}).get("tls", {}).get("client_cert_der")
    return shown


async def read_order(scope: Scope, receive: Receive) -> Order:
    """Body and headers of a request for an invoice.

    Whatever calls itself something else is read as JSON, as the field does, and so is JSON that calls itself a form;
    a form is refused (``TS-1002``), since nobody has published how an invoice would lie in one.
    """
    if (_text(scope, b"content-encoding") or "identity").lower() != "identity":
        raise Fault("TS-1002", detail="no content coding is taken here")
    request_id = _text(scope, b"requestid")
    if request_id is not None and len(request_id) > LIMITS.request_id_characters:
        raise PosFault.single(StatusCode.VALUE_TOO_LONG, "RequestId")
    body = await read_body(receive, LIMITS.pos_request_bytes, None)
    stated = _text(scope, b"content-type") or ""
    if stated.split(";", 1)[0].strip().lower() in _FORMS and not body.lstrip(_BEFORE_JSON).startswith(b"{"):
        raise Fault("TS-1002", detail="send application/json")
    return Order(body=body, request_id=request_id or None, accept_language=_text(scope, b"accept-language"))


def _text(scope: Scope, name: bytes) -> str | None:
    value = header(scope, name)
    return None if value is None else header_text(value)
