"""Plays the tax authority's own system: a real server that keeps what it gets, and that can be slow, wrong or away.

It trusts nobody: a document whose body does not hash to what it says, or whose key is not its act, is rejected. What it
has taken is flushed before it answers, several documents at a time.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import ssl
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

import attrs
import msgspec

from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import sha256
from tallystick.kernel.instants import Clock, unix_ms
from tallystick.kit.asgi import Answer, App, Receive, Scope, Send, header, read_body, respond
from tallystick.kit.atomic_file import write_atomically
from tallystick.kit.http_server import HttpLimits, Server
from tallystick.kit.sqlite_file import SqliteFile
from tallystick.wire.openapi_tax_service import tax_service_api
from tallystick.wire.tax_service import (
    ANSWER_TYPE,
    DOCUMENT_TYPE,
    KEY_HEADER,
    TaxAnswer,
    TaxDocument,
    read_document,
    write_answer,
)

DOCUMENT_BYTES_MAX = 8 * 1024 * 1024
_WAIT_SECONDS = 10.0
_HTML = b"<html><body>It works!</body></html>"


class Manner(StrEnum):
    """How the service behaves. ``LOST`` and ``CUT`` keep the document, and nobody learns of it."""

    WELL = "well"
    SLOW = "slow"
    LATER = "later"
    REFUSES = "refuses"
    ERROR = "error"
    GARBAGE = "garbage"
    NONSENSE = "nonsense"
    WRONG_TYPE = "wrong-type"
    OTHER_DOCUMENT = "other-document"
    LOST = "lost"
    CUT = "cut"
    DOWN = "down"


class _Cut(Exception):
    """The connection ends here."""


@attrs.frozen(slots=True)
class _Taken:
    number: int
    times: int
    is_same: bool


@attrs.define(eq=False)
class TaxServiceStore:
    """What was received, in one SQLite file."""

    file: Path
    _sqlite: SqliteFile = attrs.field(init=False)

    @_sqlite.default
    def _open(self) -> SqliteFile:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        package = "tallystick.simulation"
        return SqliteFile(self.file, package, schema="tax_service_schema.sql", queries="tax_service.sql")

    def take(self, documents: list[tuple[TaxDocument, bytes, datetime]]) -> list[_Taken]:
        """Keep documents, durably; one that was here before is counted."""
        taken = []
        with self._sqlite.transaction():
            for document, content, at in documents:
                row = self._sqlite.row(
                    "take",
                    {
                        "act": bytes.fromhex(document.act),
                        "content": content,
                        "tin": document.tin,
                        "type": document.type,
                        "fiscal_number": document.fiscal_number,
                        "total": document.total,
                        "received_at": unix_ms(at),
                    },
                )
                assert row is not None
                taken.append(_Taken(row[0], row[1], bytes(row[2]) == content))
        return taken

    def count(self) -> tuple[int, int]:
        """Documents, and how often they came together."""
        row = self._sqlite.row("count")
        assert row is not None
        return row[0], row[1]

    def contents(self) -> list[bytes]:
        """The documents as they came, in the order in which they came first."""
        return [bytes(content) for (content,) in self._sqlite.rows("contents")]

    def acts(self) -> dict[bytes, int]:
        """The acts in the order in which they came first, and how often each came."""
        return {bytes(act): times for act, times in self._sqlite.rows("acts")}

    def close(self) -> None:
        """Close the file."""
        self._sqlite.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


Judge = Callable[[TaxDocument], Manner | None]


@attrs.define(eq=False)
class TaxServiceCounterpart:
    """The server's inside. ``judge`` may give a document another manner than the service has."""

    store: TaxServiceStore
    clock: Clock
    manner: Manner = Manner.WELL
    slow_seconds: float = 1.0
    judge: Judge = lambda document: None
    under_way: int = 0
    most_under_way: int = 0
    _waiting: list[tuple[tuple[TaxDocument, bytes, datetime], asyncio.Future[_Taken]]] = attrs.field(
        factory=list, init=False
    )
    _writing: asyncio.Task[None] | None = attrs.field(default=None, init=False)

    def app(self) -> App:
        """The ASGI application."""

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            self.under_way += 1
            self.most_under_way = max(self.most_under_way, self.under_way)
            try:
                await self._serve(scope, receive, send)
            finally:
                self.under_way -= 1

        return app

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, method = str(scope["path"]), str(scope["method"])
        content = await read_body(receive, DOCUMENT_BYTES_MAX)
        if path == "/openapi.json":
            answer: Answer | None = Answer(200, msgspec.json.encode(tax_service_api()))
        elif path == "/count":
            documents, times = await asyncio.to_thread(self.store.count)
            answer = Answer(200, msgspec.json.encode({"documents": documents, "times": times}))
        elif path == "/manner" and method == "PUT":
            answer = self._told_manner(content)
        elif method == "POST":
            answer = await self._judged(scope, content)
        else:
            answer = Answer(404)
        if answer is None:
            raise await _half_an_answer(send)
        await respond(send, answer.status, answer.body, answer.content_type, answer.headers)

    def _told_manner(self, content: bytes) -> Answer:
        name = content.decode("ascii", "replace").strip()
        if name not in set(Manner):
            return Answer(400, b"one of " + ", ".join(Manner).encode(), "text/plain")
        self.manner = Manner(name)
        return Answer(204)

    async def _judged(self, scope: Scope, content: bytes) -> Answer | None:
        """The answer; none when the connection shall be cut."""
        try:
            document, body = read_document(content)
        except Fault as fault:
            return _answer(400, "", TaxAnswer("rejected", code="FORM", reason=fault.detail))
        manner = self.judge(document) or self.manner
        wrong = _wrong(scope, document, body)
        if wrong is not None:
            return _answer(422, document.act, wrong)
        match manner:
            case Manner.DOWN:
                return None
            case Manner.ERROR:
                return Answer(500, _HTML, "text/html")
            case Manner.LATER:
                return _answer(503, document.act, TaxAnswer("later", reason="maintenance", wait_seconds=1))
            case Manner.REFUSES:
                refusal = TaxAnswer("rejected", code="T-100", reason="The taxpayer is not in our register.")
                return _answer(422, document.act, refusal)
            case Manner.SLOW:
                await asyncio.sleep(self.slow_seconds)
        taken = await self._keep(document, content)
        return _told(manner, document.act, taken)

    async def _keep(self, document: TaxDocument, content: bytes) -> _Taken:
        taken: asyncio.Future[_Taken] = asyncio.get_running_loop().create_future()
        self._waiting.append(((document, content, self.clock()), taken))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write())
        return await taken

    async def _write(self) -> None:
        """Whatever waits is written together; what comes meanwhile is written next."""
        while self._waiting:
            batch, self._waiting = self._waiting, []
            rows = await asyncio.to_thread(self.store.take, [one for one, _ in batch])
            for (_, taken), row in zip(batch, rows, strict=True):
                if not taken.done():
                    taken.set_result(row)
        self._writing = None


def _wrong(scope: Scope, document: TaxDocument, body: bytes) -> TaxAnswer | None:
    kind = (header(scope, b"content-type") or b"").decode("ascii", "replace")
    if kind != DOCUMENT_TYPE:
        return TaxAnswer("rejected", code="TYPE", reason=f"the content is not {DOCUMENT_TYPE}")
    if (header(scope, KEY_HEADER.lower().encode()) or b"").decode("ascii", "replace") != document.act:
        return TaxAnswer("rejected", code="KEY", reason="the key is not the act")
    if not document.erased and sha256(body).hex() != document.body_hash:
        return TaxAnswer("rejected", code="BODY", reason="the body does not have the hash that is said")
    return None


def _told(manner: Manner, act: str, taken: _Taken) -> Answer | None:
    if not taken.is_same:
        return _answer(422, act, TaxAnswer("rejected", code="OTHER", reason="another document has this key"))
    said = TaxAnswer("accepted" if taken.times == 1 else "duplicate", receipt=f"TA-{taken.number:08d}")
    match manner:
        case Manner.CUT:
            return None
        case Manner.LOST:
            return Answer(500, _HTML, "text/html")
        case Manner.GARBAGE:
            return Answer(200, bytes(range(256)), ANSWER_TYPE)
        case Manner.NONSENSE:
            return Answer(200, b'{"status":"fine","act":7}', ANSWER_TYPE)
        case Manner.WRONG_TYPE:
            return Answer(200, write_answer(act, said), "text/html")
        case Manner.OTHER_DOCUMENT:
            return _answer(200, "0" * 64, said)
    return _answer(200, act, said)


def _answer(status: int, act: str, said: TaxAnswer) -> Answer:
    return Answer(status, write_answer(act, said), ANSWER_TYPE)


async def _half_an_answer(send: Send) -> Exception:
    """The beginning of an answer that will not go on."""
    fields = [(b"content-length", b"1000"), (b"content-type", ANSWER_TYPE.encode())]
    await send({"type": "http.response.start", "status": 200, "headers": fields})
    await send({"type": "http.response.body", "body": b'{"act":', "more_body": True})
    return _Cut()


@attrs.define(eq=False)
class TaxServiceServer:
    """The counterpart on loopback in a thread of its own; it can be stopped and started again at the same port."""

    counterpart: TaxServiceCounterpart
    port: int = 0
    tls: ssl.SSLContext | None = None
    _loop: asyncio.AbstractEventLoop | None = attrs.field(default=None, init=False)
    _server: Server | None = attrs.field(default=None, init=False)
    _thread: threading.Thread | None = attrs.field(default=None, init=False)

    @property
    def url(self) -> str:
        """Where documents go."""
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self.port}/documents"

    def start(self) -> int:
        """Serve; gives the port. Raises ``OSError`` when it is taken."""
        loop, limits = asyncio.new_event_loop(), HttpLimits(connections=1_000, stop_seconds=1)
        server = Server(self.counterpart.app(), "127.0.0.1", self.port, tries=1, limits=limits, ssl_context=self.tls)
        self._thread = threading.Thread(target=_run, args=(loop,), name="tax-service", daemon=True)
        self._thread.start()
        self.port = asyncio.run_coroutine_threadsafe(server.start(), loop).result(_WAIT_SECONDS)
        self._loop, self._server = loop, server
        return self.port

    def stop(self) -> None:
        """Be away: nobody answers at the port."""
        if self._loop is None or self._server is None or self._thread is None:
            return
        asyncio.run_coroutine_threadsafe(self._server.stop(), self._loop).result(_WAIT_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_WAIT_SECONDS)
        self._loop.close()
        self._loop = self._server = self._thread = None


PORT_FILE, STORE_FILE = "tax-service.port", "tax-service.sqlite"


def play(folder: Path, port: int, manner: Manner, say: Callable[[str], object]) -> None:
    """Be the tax service until the process is asked to end; the port is written into the folder."""
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    store = TaxServiceStore(folder / STORE_FILE)
    counterpart = TaxServiceCounterpart(store, lambda: datetime.now(UTC), manner)
    server = TaxServiceServer(counterpart, port or port_before(folder))
    write_atomically(folder / PORT_FILE, str(server.start()).encode(), durable=False)
    say(f"The tax service takes documents at {server.url}")
    stopped.wait()
    server.stop()
    store.close()


def port_before(folder: Path) -> int:
    """Where the one before this served, which was killed: the queue knows no other address. 0, any, if it is taken."""
    try:
        port = int((folder / PORT_FILE).read_text(encoding="ascii"))
        socket.create_server(("127.0.0.1", port)).close()
    except (OSError, ValueError):
        return 0
    return port


def _run(loop: Any) -> None:
    asyncio.set_event_loop(loop)
    loop.run_forever()
