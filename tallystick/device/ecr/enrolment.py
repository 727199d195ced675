"""How a register gets its certificate: with a one-time code at first, with the one it has later (RFC 7030).

The key is made here and never leaves. After a lost answer the same request is sent again, and gets the same answer.
Renewal is asked for in the window that the authority advises (RFC 9773), at a moment in it chosen by chance.
"""

from __future__ import annotations

import base64
import http.client
import random
import ssl
from datetime import datetime, timedelta
from typing import Annotated
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from tallystick.crypto.est import read_certs_only, write_request
from tallystick.device.ecr.device_files import DeviceFiles, Identity
from tallystick.device.ecr.setup_file import RegisterFile
from tallystick.kernel.faults import Fault
from tallystick.kit.http_call import Away, call
from tallystick.wire.est import read_base64, write_base64

_TIMEOUT_SECONDS = 20.0
_BYTES_MOST = 256 * 1024
_LAST_THIRD, _LATEST = 3, 6
Moment = Annotated[datetime, Meta(tz=True)]


class _Window(msgspec.Struct, gc=False):
    start: Moment
    end: Moment


class _Advice(msgspec.Struct, gc=False):
    window: _Window = msgspec.field(name="suggestedWindow")


def enrol(files: DeviceFiles, file: RegisterFile, code: str) -> None:
    """The first certificate, for a one-time code.

    Raises ``TS-3264`` (no answer, one that is none, or a refusal, which stands in its detail) and ``TS-3262``.
    """
    credentials = base64.b64encode(f"{file.uid}:{code}".encode()).decode("ascii")
    context = files.tls_without_certificate()
    _ask(files, file, "simpleenroll", context, {"Authorization": f"Basic {credentials}"})
    files.change_over()


def renew(files: DeviceFiles, file: RegisterFile) -> None:
    """The next certificate, with a new key, of a register that does not run; raises as `enrol`."""
    fetch_next(files, file)
    files.change_over()


def fetch_next(files: DeviceFiles, file: RegisterFile) -> None:
    """The next certificate, with a new key; both wait for `DeviceFiles.change_over`. Raises as `enrol`."""
    _ask(files, file, "simplereenroll", files.tls(), {})


def renewal_moment(file: RegisterFile, identity: Identity) -> datetime:
    """When to renew: within the window of the advice, or in the last third of the life where there is none.

    The advice comes over plain HTTP, so it never lets a certificate live beyond the last sixth of its life.
    """
    life = identity.not_after - identity.not_before
    fallback, latest = identity.not_after - life / _LAST_THIRD, identity.not_after - life / _LATEST
    if not file.renewal:
        return fallback
    try:
        reply = call(f"{file.renewal.rstrip('/')}/{identity.renewal_id}")
        window = msgspec.json.decode(reply.body, type=_Advice).window
        length = max(window.end - window.start, timedelta(0))
        return min(window.start + length * random.random(), latest)  # noqa: S311 - spreads a fleet, no secret
    except (Away, msgspec.DecodeError, UnicodeDecodeError, TypeError, OverflowError):
        return fallback


def _ask(
    files: DeviceFiles, file: RegisterFile, operation: str, context: ssl.SSLContext, headers: dict[str, str]
) -> None:
    request = write_request(files.new_key(), file.uid)
    kind = {"Content-Type": "application/pkcs10", "Content-Transfer-Encoding": "base64"}
    issued = _post(file, operation, context, write_base64(request), kind | headers)
    chain = _post(file, "cacerts", context, None, {})
    if not issued:
        raise Fault("TS-3264", detail="the answer holds no certificate")
    files.take(issued[0], chain)


def _post(
    file: RegisterFile, operation: str, context: ssl.SSLContext, body: bytes | None, headers: dict[str, str]
) -> tuple[bytes, ...]:
    parts = urlsplit(file.enrolment)
    if parts.scheme != "https" or parts.hostname is None:
        raise Fault("TS-3262", detail="enrolment: name an address of HTTPS")
    connection = http.client.HTTPSConnection(parts.hostname, parts.port, timeout=_TIMEOUT_SECONDS, context=context)
    try:
        connection.request("GET" if body is None else "POST", f"{parts.path.rstrip('/')}/{operation}", body, headers)
        answer = connection.getresponse()
        content = answer.read(_BYTES_MOST)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Fault("TS-3264", detail=f"{type(error).__name__}: {error}") from error
    finally:
        connection.close()
    if answer.status != 200:
        raise Fault("TS-3264", detail=f"status {answer.status}: {content[:300].decode('utf-8', 'replace')}")
    try:
        return read_certs_only(read_base64(content))
    except Fault as fault:
        raise Fault("TS-3264", detail=fault.detail) from fault
