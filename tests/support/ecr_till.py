"""A till of the national online channel for tests: its papers, one kept connection, and what a register would do."""

from __future__ import annotations

import http.client
import json
import secrets
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
from cryptography.hazmat.primitives.asymmetric import ec

from benchmarks.national_till import NationalTill
from tallystick.crypto.certificates import pem_of
from tallystick.crypto.keys import PrivateKey
from tallystick.crypto.pki import DemoPki
from tallystick.crypto.tls import tls_client_context
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.hashing import sha256
from tallystick.kernel.national_document import (
    Closure,
    DocumentKind,
    NationalDocument,
    RegisterReport,
    ShiftOpening,
)
from tallystick.wire.compact_jws import read_base64url
from tallystick.wire.document_jws import read_signed
from tallystick.wire.ecr_api import DOCUMENTS_PATH
from tallystick.wire.national_document import read_document

AUDIENCE = "fdo.example/aq/test"
TIN = "123456789"


@attrs.frozen
class Reply:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """Our fault code, or nothing."""
        return str(self.json.get("code", "")) if "problem" in self.headers.get("content-type", "") else ""


@attrs.define(eq=False)
class Till:
    """A device with its papers (key, certificate, the fold of its documents) and one kept connection."""

    papers: NationalTill
    context: ssl.SSLContext
    port: int
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    _connection: http.client.HTTPSConnection | None = None

    @property
    def uid(self) -> str:
        return self.papers.uid

    @property
    def kid(self) -> bytes:
        return sha256(self.papers.certificate)

    def compact(self, document: NationalDocument | None = None, **header: Any) -> bytes:
        """The next document (a receipt), signed now; the sequence stays where it is."""
        return self.papers.sign(document or self.papers.receipt(), self.clock(), keep=False, **header)

    def registration(self) -> NationalDocument:
        report = RegisterReport(maker="Maker", model="Till", serial_number=self.uid)
        return self.papers.document(DocumentKind.REGISTRATION, report)

    def opening(self) -> NationalDocument:
        opening = ShiftOpening(Money.of(100), "Ana")
        return self.papers.document(DocumentKind.SHIFT_OPENING, opening, self.papers.state.shift + 1)

    def closing(self) -> NationalDocument:
        state = self.papers.state
        return self.papers.document(DocumentKind.SHIFT_CLOSING, state.report(state.documents + 1), state.shift)

    def closure(self) -> NationalDocument:
        state = self.papers.state
        content = Closure(documents=state.documents, turnover=state.turnover, reason="The shop closes")
        return self.papers.document(DocumentKind.CLOSURE, content)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        """One call over the kept connection."""
        if self._connection is None:
            self._connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=self.context, timeout=30)
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            self._connection.request(method, path, body, told)
            answer = self._connection.getresponse()
            reply = Reply(answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read())
        except BaseException:
            self.close()
            raise
        if reply.headers.get("connection") == "close":
            self.close()
        return reply

    def post(self, compact: bytes, path: str = DOCUMENTS_PATH, **headers: str) -> Reply:
        """Submit signed bytes."""
        return self.ask("POST", path, compact, **({"Content_Type": "application/jose"} | headers))

    def submit(self, document: NationalDocument | None = None, path: str = DOCUMENTS_PATH) -> Reply:
        """Sign and submit the next document (a receipt), and go on when it is booked."""
        compact = self.compact(document)
        reply = self.post(compact, path)
        if reply.status in (200, 201):
            self.moved(compact, reply)
        return reply

    def moved(self, compact: bytes, reply: Reply) -> None:
        """Go on after a booked document; what the answer says of the link must be what the device makes itself."""
        signed = read_signed(compact)
        self.papers.take(compact, read_document(signed.payload), signed.header.time)
        assert read_base64url(reply.json["device_link"].encode()) == self.papers.link

    def begin(self) -> None:
        """Registered, with an open shift."""
        for make in (self.registration, self.opening):
            reply = self.submit(make())
            assert reply.status == 201, reply.body

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def papers(uid: str, key: PrivateKey, der: bytes, link: bytes = b"", audience: str = AUDIENCE) -> NationalTill:
    """A till's papers with a key and a certificate of ours."""
    made = NationalTill(uid, TIN, audience, link)
    made.device.certificate = der
    handle = key.handle
    assert isinstance(handle, ec.EllipticCurvePrivateKey)
    made.device.key = handle
    return made


def client_tls(pki: DemoPki, folder: Path, key: PrivateKey, der: bytes) -> ssl.SSLContext:
    file = folder / f"client-{secrets.token_hex(4)}.pem"
    file.write_bytes(key.pem + pem_of(der))
    context = tls_client_context(pki.files.root, file, file)
    file.unlink()
    return context
