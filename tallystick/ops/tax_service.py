"""The way to the tax authority's own system: POST of one document over a kept connection of the sending thread."""

from __future__ import annotations

import ssl
import threading
from datetime import timedelta
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

import attrs

from tallystick.authority.projections.taxservice.values import Accepted, Rejected, Trouble
from tallystick.kernel.faults import Fault
from tallystick.kit.http_call import Away, KeptConnection
from tallystick.ops.settings import Settings, SettingsError
from tallystick.wire.tax_service import (
    ANSWER_BYTES_MAX,
    ANSWER_TYPE,
    DOCUMENT_TYPE,
    KEY_HEADER,
    TaxDocument,
    read_answer,
    write_document,
)

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@attrs.define
class TaxServiceAddress:
    """The service's door. Whatever is no answer as agreed is trouble, and the document is sent again."""

    url: SplitResult
    seconds: float
    tls: ssl.SSLContext | None = None
    _own: threading.local = attrs.field(factory=threading.local, init=False)
    _opened: list[KeptConnection] = attrs.field(factory=list, init=False)

    @property
    def longest(self) -> timedelta:
        """A call has one deadline for all of it."""
        return timedelta(seconds=self.seconds)

    def tell(self, document: TaxDocument) -> Accepted | Rejected | Trouble:
        """POST the document under the act's hash as key."""
        headers = {"Content-Type": DOCUMENT_TYPE, "Accept": ANSWER_TYPE, KEY_HEADER: document.act}
        try:
            reply = self._connection().call(
                (self.url.path or "/") + (f"?{self.url.query}" if self.url.query else ""),
                method="POST",
                body=write_document(document),
                headers=headers,
                timeout_seconds=self.seconds,
                most_bytes=ANSWER_BYTES_MAX,
            )
            answer = read_answer(reply.status, reply.headers.get("content-type", ""), reply.body, document.act)
        except Away as error:
            return Trouble(_printable(str(error)))
        except Fault as fault:
            return Trouble(fault.detail)
        match answer.status:
            case "accepted" | "duplicate":
                return Accepted(answer.receipt, again=answer.status == "duplicate")
            case "rejected":
                return Rejected(answer.code, answer.reason)
            case "later":
                return Trouble(answer.reason or "the service has no time", True, answer.wait_seconds)

    def _connection(self) -> KeptConnection:
        kept: KeptConnection | None = getattr(self._own, "kept", None)
        if kept is None:
            self._own.kept = kept = KeptConnection(self.url.geturl(), self.tls)
            self._opened.append(kept)
        return kept

    def close(self) -> None:
        """Close what the threads, which have ended, have kept open."""
        while self._opened:
            self._opened.pop().close()


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text[:500])


def tax_service(settings: Settings) -> TaxServiceAddress | None:
    """What the settings name, none while no address is set; raises ``SettingsError``.

    Documents of a nation go over TLS; plain HTTP is for a service on this machine.
    """
    if not settings.tax_service_url:
        return None
    url = urlsplit(settings.tax_service_url)
    try:
        is_whole = bool(url.hostname) and url.port != 0
    except ValueError:
        is_whole = False
    if url.scheme not in ("http", "https") or not is_whole or (url.scheme == "http" and url.hostname not in _LOOPBACK):
        raise SettingsError("tax_service_url: an https address")
    return TaxServiceAddress(
        url, float(settings.tax_service_seconds), _tls(settings) if url.scheme == "https" else None
    )


def _tls(settings: Settings) -> ssl.SSLContext:
    roots, shown = settings.tax_service_roots, settings.tax_service_certificate
    try:
        context = ssl.create_default_context(cafile=roots or None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if shown:
            context.load_cert_chain(Path(shown))
    except OSError as error:
        raise SettingsError(f"tax_service_roots, tax_service_certificate: {error}") from error
    return context
