"""The register for programs on the same machine: JSON over HTTP on loopback, idempotent by request id.

``POST /v1/orders`` with ``Request-Id`` · ``GET /v1/status`` · ``GET /v1/documents/{sequence}`` ·
``POST /v1/documents/{sequence}/link`` · ``GET /v1/late`` · ``POST /v1/late/{sequence}``. Whoever calls shows the token
of the folder's file ``api.token``; a browser's page cannot, and a name that is not loopback's is not served.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from tallystick.device.ecr.order_json import BYTES_MOST, read_order
from tallystick.device.ecr.receipt import plain
from tallystick.device.ecr.register import Register
from tallystick.device.ecr.standing import Status
from tallystick.kernel.faults import Fault
from tallystick.kernel.instants import unix_ms
from tallystick.kit.asgi import (
    Answer,
    BodyTooLarge,
    BodyTooSlow,
    Receive,
    Scope,
    Send,
    guarded,
    header,
    read_body,
    respond,
)
from tallystick.kit.atomic_file import read_or_make
from tallystick.wire.document_jws import write_time
from tallystick.wire.problem import CONTENT_TYPE, problem_json

log = logging.getLogger(__name__)

TOKEN_FILE = "api.token"  # noqa: S105 - the name of a file
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_JSON = b"application/json"
_NOT_KEPT = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))
_LINK_BYTES_MOST = 1_024
Result = TypeVar("Result")


class _Link(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    by: str
    to: str


def api_token(folder: Path) -> str:
    """The token of a folder; made where there is none."""
    return read_or_make(folder / TOKEN_FILE, lambda: secrets.token_urlsafe(32).encode()).decode("ascii").strip()


class ApiApp:
    """The ASGI application. ``port`` is the one that was bound."""

    def __init__(self, register: Register, token: str) -> None:
        self.port = 0
        self.serve = guarded(self._serve, self._translate)
        self._register = register
        self._expected = f"Bearer {token}".encode()

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._check_caller(scope)
        parts = scope["path"].strip("/").split("/")
        match scope["method"], parts:
            case "POST", ["v1", "orders"]:
                body = await self._order(scope, receive)
            case "GET", ["v1", "status"]:
                body = await self._work(lambda: write_status(self._register))
            case "GET", ["v1", "documents", sequence]:
                body = await self._work(lambda: self._register.answer_of(_sequence(sequence)))
            case "POST", ["v1", "documents", sequence, "link"]:
                body = await self._link(scope, receive, _sequence(sequence))
            case "GET", ["v1", "late"]:
                body = await self._work(lambda: b"[" + b",".join(self._register.late()) + b"]")
            case "POST", ["v1", "late", sequence]:
                await self._work(lambda: self._register.take_late(_sequence(sequence)))
                body = b"{}"
            case _:
                raise Fault("TS-1001", detail="no such path or method")
        await respond(send, 200, body, "application/json", _NOT_KEPT)

    def _check_caller(self, scope: Scope) -> None:
        name = (header(scope, b"host") or b"").decode("latin-1").lower()
        if name not in {f"{host}:{self.port}" for host in LOOPBACK}:
            raise Fault("TS-3133", detail="this name is not served")
        if not secrets.compare_digest(header(scope, b"authorization") or b"", self._expected):
            raise Fault("TS-3133", detail=f"show the token of {TOKEN_FILE} (Bearer)")

    async def _order(self, scope: Scope, receive: Receive) -> bytes:
        request_id = (header(scope, b"request-id") or b"").decode("latin-1")
        contents = await _json(scope, receive, BYTES_MOST)
        return await self._work(lambda: self._register.issue(request_id, contents, read_order(contents)))

    async def _link(self, scope: Scope, receive: Receive, sequence: int) -> bytes:
        try:
            link = msgspec.json.decode(await _json(scope, receive, _LINK_BYTES_MOST), type=_Link)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Fault("TS-1220", detail=str(error)) from None
        await self._work(lambda: self._register.send_link(sequence, link.by, link.to))
        return b"{}"

    @staticmethod
    async def _work(work: Callable[[], Result]) -> Result:
        """In a thread: the register waits for disk and network."""
        return await asyncio.to_thread(work)

    def _translate(self, error: Exception, scope: Scope) -> Answer:
        if isinstance(error, BodyTooLarge):
            error = Fault("TS-1003")
        elif isinstance(error, BodyTooSlow):
            error = Fault("TS-1005")
        elif not isinstance(error, Fault):
            log.error("the register's interface failed for a reason of our own", exc_info=error)
            error = Fault("TS-5099")
        status, body = problem_json(
            error, instance=scope["path"][:200], operator="localhost", server_time=self._register.clock()
        )
        return Answer(status, body, CONTENT_TYPE, _NOT_KEPT)


async def _json(scope: Scope, receive: Receive, most: int) -> bytes:
    if (header(scope, b"content-type") or b"").split(b";")[0].strip().lower() != _JSON:
        raise Fault("TS-1002", detail="application/json")
    return await read_body(receive, most)


def _sequence(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 10:
        raise Fault("TS-3255", detail="no such document")
    return int(text)


def write_status(register: Register) -> bytes:
    """The status as JSON; moments in UTC, what does not apply is left out."""
    status = register.status()
    window = status.window
    told: dict[str, Any] = {
        "uid": status.uid,
        "class": "hardware" if status.works_offline else "software",
        "registered": status.state.is_registered,
        "closed": status.state.is_closed,
        "documents": str(status.state.documents),
        "shift": _shift(status, register.setup.currency_places),
        "waiting": str(status.waiting),
        "open_fate": status.open_fate,
        "late": str(status.late),
        "stopped": status.stopped,
        "revoked": status.barred,
        "held": bool(register.why_held),
        "trouble": status.trouble,
        "apart": status.apart,
        "awaits_release": status.awaits_release,
        "must_close": status.must_close,
        "certificate_until": _moment(status.not_after),
    }
    if (wanted := register.to_install) is not None:
        told["install"] = {"build": wanted[0], "by": _moment(wanted[1])}
    if status.works_offline:
        told["offline"] = {
            "minutes_left": str(max(0, int(window.left.total_seconds() // 60))),
            "used_percent": str(window.used_percent),
            "warns": window.warns,
            "memory_almost_full": status.memory_almost_full,
        }
    return msgspec.json.encode(told)


def _shift(status: Status, places: int) -> dict[str, str]:
    state = status.state
    if state.opened_at is None or status.closes_by is None:
        return {"number": str(state.shift), "state": "closed"}
    return {
        "number": str(state.shift),
        "state": "open",
        "opened_at": _moment(state.opened_at),
        "closes_by": _moment(status.closes_by),
        "cash": plain(state.cash, places),
    }


def _moment(at: datetime) -> str:
    return write_time(unix_ms(at))
