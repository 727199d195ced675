"""Enrolment over secure transport (RFC 7030): four operations over TLS, by one-time code or by certificate."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from contextlib import AbstractContextManager

import attrs

from tallystick.authority.problems import Problems
from tallystick.authority.reference.pki import enrolment
from tallystick.authority.reference.pki.services import PkiServices
from tallystick.authority.room_queries import Connection
from tallystick.crypto.certificates import Trusted
from tallystick.crypto.est import certs_only, request_attributes
from tallystick.kernel.faults import Fault
from tallystick.kernel.instants import Clock
from tallystick.kernel.limits import LIMITS
from tallystick.kit.asgi import Answer, App, Receive, Scope, Send, guarded, header, read_body, respond
from tallystick.kit.in_thread import in_thread
from tallystick.wire.est import read_base64, write_base64

PREFIX = "/.well-known/est/"
ANSWER_SECONDS = 15.0
_REQUEST_TYPE = b"application/pkcs10"
_CERTS_TYPE = "application/pkcs7-mime"
_CERTS_ONLY = "application/pkcs7-mime; smime-type=certs-only"
_BASE64 = (b"content-transfer-encoding", b"base64")
_NOT_KEPT = (b"cache-control", b"no-store")
_CREDENTIALS_CHARACTERS = 256


@attrs.frozen(kw_only=True)
class EstServices:
    """What enrolment needs.

    ``chain`` gives the certificates (DER) that a device has to trust and to send, the root first; ``trusted`` is what a
    certificate shown at a renewal must lead to.
    """

    connect: Callable[[], AbstractContextManager[Connection]]
    pki: PkiServices
    chain: Callable[[], tuple[bytes, ...]]
    trusted: Trusted
    clock: Clock
    problems: Problems


def build_app(services: EstServices) -> App:
    """The ASGI application; the listener asks for a client certificate and shows it in the scope."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        answer = await _dispatch(services, scope, receive)
        body = b"" if scope["method"] == "HEAD" else answer.body
        await respond(send, answer.status, body, answer.content_type, answer.headers)

    return guarded(app, services.problems.translate)


async def _dispatch(services: EstServices, scope: Scope, receive: Receive) -> Answer:
    path, method = str(scope["path"]), scope["method"]
    if not path.startswith(PREFIX):
        raise Fault("TS-1001", detail="no such path")
    operation = path[len(PREFIX) :]
    if operation in ("cacerts", "csrattrs"):
        if method not in ("GET", "HEAD"):
            raise Fault("TS-1001", detail="this path takes GET")
        return _certificates(services.chain(), _CERTS_TYPE) if operation == "cacerts" else _attributes()
    if operation in ("simpleenroll", "simplereenroll"):
        if method != "POST":
            raise Fault("TS-1001", detail="this path takes POST")
        return await _enrol(services, scope, receive, operation)
    raise Fault("TS-1001", detail="no such operation of EST here")


async def _enrol(services: EstServices, scope: Scope, receive: Receive, operation: str) -> Answer:
    """The credentials are looked at before the body is read."""
    again = operation == "simplereenroll"
    shown: bytes | None = scope.get("extensions", {}).get("tls", {}).get("client_cert_der")
    if again and shown is None:
        raise Fault("TS-1101", detail="a renewal shows the certificate that the device has")
    uid, code = ("", "") if again else _credentials(scope)
    kind = (header(scope, b"content-type") or b"").split(b";")[0].strip().lower()
    if kind != _REQUEST_TYPE:
        raise Fault("TS-1002", detail="a request is application/pkcs10")
    request = read_base64(await read_body(receive, LIMITS.certificate_request_bytes))

    def work() -> bytes:
        at = services.clock()
        with services.connect() as conn:
            if shown is not None and again:
                return enrolment.renew(conn, services.pki, shown, services.trusted, request, at)
            return enrolment.enrol(conn, services.pki, uid, code, request, at)

    return _certificates((await in_thread(work, ANSWER_SECONDS),), _CERTS_ONLY)


def _credentials(scope: Scope) -> tuple[str, str]:
    """UID and one-time code, as HTTP Basic carries them (RFC 7030, 3.2.3); raises ``TS-3020``."""
    scheme, _, text = (header(scope, b"authorization") or b"").partition(b" ")
    try:
        told = base64.b64decode(text.strip(), validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        told = ""
    uid, colon, code = told.partition(":")
    if scheme.lower() != b"basic" or not colon or len(told) > _CREDENTIALS_CHARACTERS:
        raise Fault("TS-3020", detail="give the device's UID and its one-time code (HTTP Basic)")
    return uid.strip().upper(), code


def _certificates(certificates: tuple[bytes, ...], content_type: str) -> Answer:
    return Answer(200, write_base64(certs_only(certificates)), content_type, (_BASE64, _NOT_KEPT))


def _attributes() -> Answer:
    return Answer(200, write_base64(request_attributes()), "application/csrattrs", (_BASE64, _NOT_KEPT))
