"""The way to the authority: what the register asks of it, and the same over HTTP with mutual TLS (S0-054, S0-060).

One kept connection, bounded answers, the server's certificate checked against the authority's root alone. An exchange
that fails before the connection stands has certainly sent nothing; after that nobody knows.
"""

from __future__ import annotations

import gzip
import http.client
import select
import ssl
import threading
from base64 import b64decode
from collections.abc import Callable
from typing import Protocol, TypeVar
from urllib.parse import quote, urlsplit

import attrs
import msgspec

from tallystick.device.ecr.needs import Disagrees, NoAnswer, NotSent, NotTrusted, Refused
from tallystick.kernel.fault_catalogue import CATALOGUE
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import device_link
from tallystick.wire.batch_receipt import (
    BatchAnswer,
    BatchProgress,
    BatchReceipt,
    PartHere,
    read_batch_answer,
    read_part_answer,
)
from tallystick.wire.compact_jws import read_base64url, write_base64url
from tallystick.wire.document_jws import MEDIA_TYPE, SignedDocument, read_signed
from tallystick.wire.ecr_api import (
    COMMANDS_PATH,
    DELIVERIES,
    DEVICE_PATH,
    DOCUMENTS_PATH,
    DeviceStands,
    Registered,
    read_answer,
)
from tallystick.wire.offline_batch import (
    BATCHES_PATH,
    HEAD_PATH,
    INFLATED_RATIO_MAX,
    Announcement,
    write_announcement,
)

TIMEOUT_SECONDS = 10.0
ANSWER_BYTES_MOST = 512 * 1024
"""Fifty commands of the greatest size, and the certificates of their signers."""
_RETRY_SECONDS_MOST = 3_600
_GZIP_LEVEL = 6

Told = TypeVar("Told")


@attrs.frozen(slots=True, kw_only=True)
class Booked:
    """A document in the ledger."""

    sequence: int
    log_index: int


@attrs.frozen(slots=True, kw_only=True)
class Looked:
    """What a contact tells: the ledger's newest checkpoint, a signed note, empty where there is none yet; and the link
    before our first document, once the registration is in the ledger.
    """

    checkpoint: bytes
    genesis: bytes | None = None


class Channel(Protocol):
    """What the register needs of the authority. Every verb raises `NotSent`, `NoAnswer`, `Refused`, `Disagrees`."""

    def send(self, compact: bytes) -> Booked:
        """Register one document; the same bytes again give the same answer."""

    def announce(self, batch: bytes, first: int) -> BatchProgress:
        """A batch (its id, its first number) is about to come, or goes on; gives the parts that are there (S0-062)."""

    def put_part(self, batch: bytes, number: int, text: bytes) -> PartHere:
        """Bring a part."""

    def close_batch(self, batch: bytes, manifest: bytes) -> BatchAnswer:
        """All parts are there: its signed manifest. Gives its receipt, where it is there soon."""

    def find_batch(self, batch: bytes) -> BatchAnswer:
        """Its receipt, or how far it is."""

    def withdraw(self, batch: bytes) -> None:
        """Give up a batch that is not closed."""

    def report_head(self, report: bytes) -> None:
        """Say, signed, where we stand (K-15)."""

    def look(self) -> Looked:
        """Be in contact."""

    def send_link(self, number: str, by: str, to: str) -> None:
        """Have the authority send a receipt's link to its buyer: ``by`` is email or sms (S0-033)."""


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
        return _booked(signed, self._asked("POST", DOCUMENTS_PATH, compact, MEDIA_TYPE))

    def announce(self, batch: bytes, first: int) -> BatchProgress:
        """See `Channel`."""
        said = write_announcement(Announcement(batch=batch, first=first))
        answer = self._batch_answer("POST", BATCHES_PATH, said, "application/json")
        if isinstance(answer, BatchReceipt):
            raise NoAnswer("an answer that is none")
        return answer

    def put_part(self, batch: bytes, number: int, text: bytes) -> PartHere:
        """See `Channel`; gzip'ed where that pays."""
        packed = gzip.compress(text, _GZIP_LEVEL, mtime=0)
        pays = len(packed) * 10 < len(text) * 9 and len(text) <= len(packed) * INFLATED_RATIO_MAX
        coding = {"Content-Encoding": "gzip"} if pays else {}
        path = f"{_path(batch)}/parts/{number}"
        body = self._asked("PUT", path, packed if pays else text, "application/octet-stream", **coding)
        return _understood(read_part_answer, body)

    def close_batch(self, batch: bytes, manifest: bytes) -> BatchAnswer:
        """See `Channel`."""
        return self._batch_answer("POST", f"{_path(batch)}/close", manifest, MEDIA_TYPE)

    def find_batch(self, batch: bytes) -> BatchAnswer:
        """See `Channel`."""
        return self._batch_answer("GET", _path(batch), None, "")

    def withdraw(self, batch: bytes) -> None:
        """See `Channel`."""
        self._asked("DELETE", _path(batch), None, "")

    def report_head(self, report: bytes) -> None:
        """See `Channel`."""
        self._asked("POST", HEAD_PATH, report, MEDIA_TYPE)

    def look(self) -> Looked:
        """See `Channel`."""
        body = self._asked("GET", DEVICE_PATH, None, "")
        stands = _understood(lambda data: read_answer(DeviceStands, data), body)
        genesis = None
        if stands.genesis is not None:
            genesis = _understood(read_base64url, stands.genesis.link.encode())
        return Looked(checkpoint=stands.checkpoint.encode(), genesis=genesis)

    def send_link(self, number: str, by: str, to: str) -> None:
        """See `Channel`."""
        body = msgspec.json.encode({"by": by, "to": to})
        self._asked("POST", f"{DOCUMENTS_PATH}/{quote(number)}/{DELIVERIES}", body, "application/json")

    def commands(self) -> tuple[list[bytes], list[bytes]]:
        """Commands that wait, in order, and the certificates (DER) of their signers."""
        body = self._asked("GET", COMMANDS_PATH, None, "")
        try:
            told = msgspec.json.decode(body, type=_Commands)
            certificates = [b64decode(one, validate=True) for one in told.certificates]
            return [one.encode("ascii") for one in told.commands], certificates
        except (msgspec.DecodeError, ValueError, RecursionError):
            raise NoAnswer("an answer that is none") from None

    def tell(self, number: int, result: bytes) -> None:
        """Answer a command."""
        self._asked("POST", f"{COMMANDS_PATH}/{number}/result", result, MEDIA_TYPE)

    def close(self) -> None:
        """Close the kept connection; the next call opens another, with the certificate of then."""
        with self._turn:
            self._drop()

    def _asked(self, method: str, path: str, body: bytes | None, content_type: str, **headers: str) -> bytes:
        """What was answered; raises what `Channel` says."""
        return self._asked_when(method, path, body, content_type, headers)[0]

    def _asked_when(
        self, method: str, path: str, body: bytes | None, content_type: str, headers: dict[str, str]
    ) -> tuple[bytes, int]:
        """The same with the seconds after which to ask again, 0 where nothing is said of it."""
        if content_type:
            headers["Content-Type"] = content_type
        status, answer, wait = self._call(method, path, body, headers)
        if status not in (200, 201, 202, 204):
            raise self._refusal(status, answer)
        return answer, wait

    def _batch_answer(self, method: str, path: str, body: bytes | None, content_type: str) -> BatchAnswer:
        answer, wait = self._asked_when(method, path, body, content_type, {})
        read = _understood(read_batch_answer, answer)
        return read if isinstance(read, BatchReceipt) else attrs.evolve(read, wait_seconds=wait)

    def _call(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> tuple[int, bytes, int]:
        with self._turn:
            connection = self._open()
            try:
                connection.request(method, self._base + path, body, headers)
                answer = connection.getresponse()
                content = answer.read(ANSWER_BYTES_MOST + 1)
                if len(content) > ANSWER_BYTES_MOST:
                    raise ValueError("an answer of that size is not read")
            except (OSError, http.client.HTTPException, ValueError) as error:
                self._drop()
                failed = NotTrusted if _says_revoked(error) else NoAnswer
                raise failed(f"{type(error).__name__}: {error}") from error
            if answer.will_close:
                self._drop()
            self.commands_wait = _number(answer.headers.get("Ts-Commands", ""))
            return answer.status, content, min(_number(answer.headers.get("Retry-After", "")), _RETRY_SECONDS_MOST)

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
    answer = _understood(lambda data: read_answer(Registered, data), body)
    if not (answer.index.isascii() and answer.index.isdigit()):
        raise NoAnswer("an answer that is none")
    act = write_base64url(signed.act_hash).decode("ascii")
    link = write_base64url(device_link(header.previous, header.sequence, signed.body_hash)).decode("ascii")
    if answer.number != header.number or answer.device_link != link or answer.act_hash != act:
        raise Disagrees(f"the authority answered for {answer.number[:40]}, not for {header.number}")
    return Booked(sequence=header.sequence, log_index=int(answer.index))


def _understood(read: Callable[[bytes], Told], body: bytes) -> Told:
    """An answer that cannot be read may come from something between us and the authority."""
    try:
        return read(body)
    except Fault as fault:
        raise NoAnswer(f"an answer that is none: {fault.detail[:200]}") from None


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 10 else 0


def _path(batch: bytes) -> str:
    return f"{BATCHES_PATH}/{write_base64url(batch).decode('ascii')}"


def _says_revoked(error: Exception) -> bool:
    """The alert of TLS (RFC 8446, 6.2), on a connection that stood: by then the other side had proved who it is."""
    return isinstance(error, ssl.SSLError) and "CERTIFICATE_REVOKED" in (error.reason or "")


def _is_quiet(connection: http.client.HTTPConnection) -> bool:
    """Whether the other side has not closed: nothing may be readable between two requests."""
    if connection.sock is None:
        return False
    try:
        return not select.select([connection.sock], [], [], 0)[0]
    except (OSError, ValueError):
        return False
