"""The way to the authority: what the register asks of it, and the same over HTTP with mutual TLS (S0-054, S0-060).

One kept connection, bounded answers, the server's certificate checked against the authority's root alone. An exchange
that fails before the connection stands has certainly sent nothing; after that nobody knows.
"""

from __future__ import annotations

import http.client
import select
import ssl
import threading
from base64 import b64decode
from collections.abc import Callable
from typing import Protocol
from urllib.parse import quote, urlsplit

import attrs
import msgspec

from tallystick.device.ecr.needs import Disagrees, NoAnswer, NotSent, Refused
from tallystick.kernel.fault_catalogue import CATALOGUE
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import device_link
from tallystick.wire.compact_jws import write_base64url
from tallystick.wire.document_jws import MEDIA_TYPE, SignedDocument, read_signed

DOCUMENTS_PATH = "/ecr/v1/documents"
DEVICE_PATH = "/ecr/v1/device"
COMMANDS_PATH = "/ecr/v1/commands"
TIMEOUT_SECONDS = 10.0
_ANSWER_BYTES_MOST = 256 * 1024
_RETRY_SECONDS_MOST = 3_600


@attrs.frozen(slots=True, kw_only=True)
class Booked:
    """A document in the ledger."""

    sequence: int
    log_index: int


class Channel(Protocol):
    """What the register needs of the authority. Every verb raises `NotSent`, `NoAnswer`, `Refused`, `Disagrees`."""

    def send(self, compact: bytes) -> Booked:
        """Register one document; the same bytes again give the same answer."""

    def send_batch(self, documents: tuple[bytes, ...]) -> tuple[Booked, ...]:
        """Register what was made without contact, in its order and together with its Z-reports (S0-062)."""

    def look(self) -> bytes:
        """Be in contact: the newest checkpoint of the ledger, a signed note; empty where there is none yet."""

    def send_link(self, number: str, by: str, to: str) -> None:
        """Have the authority send a receipt's link to its buyer: ``by`` is email or sms (S0-033)."""


class _Answer(msgspec.Struct, gc=False):
    """What the register compares of an answer; more may stand in it."""

    index: str
    number: str
    device_link: str


class _Device(msgspec.Struct, gc=False):
    checkpoint: str = ""


class _Commands(msgspec.Struct, gc=False):
    commands: list[str]
    certificates: list[str] = []


class _Problem(msgspec.Struct, gc=False):
    code: str
    detail: str = ""
    expected: dict[str, str] = {}
    retry_after_seconds: int | None = None


class HttpChannel:
    """A `Channel` over HTTP/1.1. ``context`` gives the TLS settings with the device's certificate, none for plain."""

    def __init__(
        self, address: str, context: Callable[[], ssl.SSLContext] | None, *, timeout_seconds: float = TIMEOUT_SECONDS
    ) -> None:
        try:
            parts = urlsplit(address)
            host, self._port = parts.hostname, parts.port
        except ValueError as error:
            raise Fault("TS-3262", detail=f"the authority's address: {error}") from error
        if host is None or (parts.scheme != "https" and context is not None):
            raise Fault("TS-3262", detail="the authority's address is not one of HTTPS")
        self._host, self._base = host, parts.path.rstrip("/")
        self._context = context
        self._timeout = timeout_seconds
        self._connection: http.client.HTTPConnection | None = None
        self._turn = threading.Lock()
        self.commands_wait = 0
        """The highest number of the commands that the last answer told of; 0 for none (S0-030)."""

    def send(self, compact: bytes) -> Booked:
        """See `Channel`."""
        signed = read_signed(compact)
        status, body = self._call("POST", DOCUMENTS_PATH, compact, MEDIA_TYPE)
        if status not in (200, 201):
            raise self._refusal(status, body)
        return _booked(signed, body)

    def send_batch(self, documents: tuple[bytes, ...]) -> tuple[Booked, ...]:
        """See `Channel`: this version does not speak the authority's door for batches yet, and says so."""
        raise NotSent(f"{len(documents)} documents wait for the door for batches")

    def look(self) -> bytes:
        """See `Channel`."""
        status, body = self._call("GET", DEVICE_PATH, None, "")
        if status != 200:
            raise self._refusal(status, body)
        try:
            return msgspec.json.decode(body, type=_Device).checkpoint.encode()
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            raise NoAnswer("an answer that is none") from None

    def send_link(self, number: str, by: str, to: str) -> None:
        """See `Channel`."""
        body = msgspec.json.encode({"by": by, "to": to})
        status, answer = self._call("POST", f"{DOCUMENTS_PATH}/{quote(number)}/deliveries", body, "application/json")
        if status not in (200, 201, 202):
            raise self._refusal(status, answer)

    def commands(self) -> tuple[list[bytes], list[bytes]]:
        """Commands that wait, in order, and the certificates (DER) of their signers."""
        status, body = self._call("GET", COMMANDS_PATH, None, "")
        if status != 200:
            raise self._refusal(status, body)
        try:
            told = msgspec.json.decode(body, type=_Commands)
            certificates = [b64decode(one, validate=True) for one in told.certificates]
            return [one.encode("ascii") for one in told.commands], certificates
        except (msgspec.DecodeError, ValueError, RecursionError):
            raise NoAnswer("an answer that is none") from None

    def tell(self, number: int, result: bytes) -> None:
        """Answer a command."""
        status, body = self._call("POST", f"{COMMANDS_PATH}/{number}/result", result, MEDIA_TYPE)
        if status not in (200, 201):
            raise self._refusal(status, body)

    def close(self) -> None:
        """Close the kept connection; the next call opens another, with the certificate of then."""
        with self._turn:
            self._drop()

    def _call(self, method: str, path: str, body: bytes | None, content_type: str) -> tuple[int, bytes]:
        with self._turn:
            connection = self._open()
            try:
                headers = {"Content-Type": content_type} if content_type else {}
                connection.request(method, self._base + path, body, headers)
                answer = connection.getresponse()
                content = answer.read(_ANSWER_BYTES_MOST + 1)
                if len(content) > _ANSWER_BYTES_MOST:
                    raise ValueError("an answer of that size is not read")
            except (OSError, http.client.HTTPException, ValueError) as error:
                self._drop()
                raise NoAnswer(f"{type(error).__name__}: {error}") from error
            if answer.will_close:
                self._drop()
            told = answer.headers.get("Ts-Commands", "")
            self.commands_wait = int(told) if told.isascii() and told.isdigit() and len(told) <= 10 else 0
            return answer.status, content

    def _open(self) -> http.client.HTTPConnection:
        """The kept connection where it still stands, else a new one; a stale one would cost an open fate."""
        if self._connection is not None and _is_quiet(self._connection):
            return self._connection
        self._drop()
        try:
            connection = self._new()
            connection.connect()
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise NotSent(f"{type(error).__name__}: {error}") from error
        self._connection = connection
        return connection

    def _new(self) -> http.client.HTTPConnection:
        if self._context is None:
            return http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)
        return http.client.HTTPSConnection(self._host, self._port, timeout=self._timeout, context=self._context())

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @staticmethod
    def _refusal(status: int, body: bytes) -> Exception:
        """A coded problem is a verdict; anything else may come from something between us and the authority."""
        try:
            problem = msgspec.json.decode(body, type=_Problem)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return NoAnswer(f"status {status} without a coded reason")
        if problem.code not in CATALOGUE or status >= 500:
            return NoAnswer(f"status {status}, {problem.code[:16]}")
        wait = problem.retry_after_seconds
        return Refused(
            Fault(
                problem.code,
                detail=problem.detail[:500],
                expected=problem.expected,
                retry_after_seconds=None if wait is None else min(max(wait, 0), _RETRY_SECONDS_MOST),
            )
        )


def _booked(signed: SignedDocument, body: bytes) -> Booked:
    header = signed.header
    try:
        answer = msgspec.json.decode(body, type=_Answer)
        index = int(answer.index)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError, RecursionError):
        raise NoAnswer("an answer that is none") from None
    link = write_base64url(device_link(header.previous, header.sequence, signed.body_hash)).decode("ascii")
    if answer.number != header.number or answer.device_link != link:
        raise Disagrees(f"the authority answered for {answer.number[:40]}, not for {header.number}")
    return Booked(sequence=header.sequence, log_index=index)


def _is_quiet(connection: http.client.HTTPConnection) -> bool:
    """Whether the other side has not closed: nothing may be readable between two requests."""
    if connection.sock is None:
        return False
    try:
        return not select.select([connection.sock], [], [], 0)[0]
    except (OSError, ValueError):
        return False
