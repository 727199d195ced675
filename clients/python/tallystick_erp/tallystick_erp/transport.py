"""Calls to the operator over one kept connection, with the certificate of both sides checked."""

from __future__ import annotations

import http.client
import json
import select
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tallystick_erp.faults import Away, Refused

_AGAIN = ("after", "same-bytes")


class Transport:
    """For one thread at a time. ``url`` is `https://host:port` of the channel's listener."""

    def __init__(
        self, url: str, key_file: str | Path, certificate_file: str | Path, roots: str | Path, timeout_seconds: float
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme != "https" or not parts.hostname:
            raise ValueError("the operator is reached by https")
        self._host, self._port = parts.hostname, parts.port or 443
        self._tls = ssl.create_default_context(cafile=str(roots))
        self._tls.load_cert_chain(certificate_file, key_file)
        self._timeout = timeout_seconds
        self._open: http.client.HTTPSConnection | None = None

    def call(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] = {}
    ) -> tuple[int, bytes]:
        """Status and body of an answer that is not a refusal; raises `Away` and `Refused`."""
        if self._open is not None and _has_ended(self._open):
            self.close()
        try:
            if self._open is None:
                self._open = http.client.HTTPSConnection(
                    self._host, self._port, context=self._tls, timeout=self._timeout
                )
            self._open.request(method, path, body, dict(headers))
            answer = self._open.getresponse()
            status, said = answer.status, answer.read()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise Away(f"{type(error).__name__}: {error}") from error
        if status < 300:
            return status, said
        raise _trouble(status, said)

    def close(self) -> None:
        """The next call opens anew."""
        if self._open is not None:
            self._open.close()
            self._open = None


def _has_ended(connection: http.client.HTTPSConnection) -> bool:
    """Whether the other side closed it meanwhile: nothing is to be read between two calls."""
    try:
        return connection.sock is not None and bool(select.select([connection.sock], [], [], 0)[0])
    except (OSError, ValueError):
        return True


def _trouble(status: int, body: bytes) -> Exception:
    try:
        problem = json.loads(body)
    except ValueError:
        problem = {}
    if not isinstance(problem, dict) or "code" not in problem:
        return Away(f"an answer with status {status} that is not the operator's")
    if is_later(problem) or status >= 500:
        return Away(f"{problem['code']} {problem.get('detail', '')}", wait_of(problem))
    return Refused(problem)


def is_later(problem: Mapping[str, Any]) -> bool:
    """Whether the same bytes should come again."""
    return problem.get("retry") in _AGAIN


def wait_of(problem: Mapping[str, Any]) -> float:
    """After how many seconds."""
    return float(problem.get("retry_after_seconds") or 1)
