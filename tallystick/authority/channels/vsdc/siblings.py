"""Several processes of one machine behind one address: a POS that more than one of them hears is served by one.

Each serves what it hears, and the table decides who gets a number. A process that loses a number of a POS twice passes
the requests of that POS on for a while, over a UNIX socket, to the one that all agree upon: so its requests wait in one
line, and its bounds are counted once. Nothing rests on it: where that one is away, the table decides again.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from time import monotonic

import msgspec

from tallystick.authority.channels.vsdc import metrics
from tallystick.authority.channels.vsdc.hosted_signer import HostedSigner, ServedElsewhere
from tallystick.authority.channels.vsdc.identity import Caller
from tallystick.authority.channels.vsdc.sale import Order
from tallystick.authority.channels.vsdc.services import VsdcServices
from tallystick.kernel.faults import Fault, PosFault, PropertyError
from tallystick.kernel.hashing import sha256
from tallystick.kit.framed_socket import FramedClient, NobodyThere, PeerAway, serve_framed
from tallystick.wire.pos_languages import LanguageNotOffered

log = logging.getLogger(__name__)

PASSED_ON_SECONDS = 60.0
"""How long a process passes a POS on before it tries again itself: its tills may have moved."""
_PATIENCE_SECONDS = 60.0
_STOP_SECONDS = 10.0
_PASSED_MOST = 50_000


class _Ask(msgspec.Struct, array_like=True, frozen=True):
    """A request that another process has admitted. Without a body it asks what the id got."""

    uid: str
    body: bytes | None
    request_id: str | None
    accept_language: str | None


class _Told(msgspec.Struct, array_like=True, frozen=True, omit_defaults=True):
    """The answer: its bytes, or what refused the request."""

    answer: bytes | None = None
    code: str = ""
    detail: str = ""
    retry_after_seconds: int | None = None
    errors: tuple[tuple[str, str], ...] = ()
    language: bool = False

    def read(self) -> bytes | None:
        """The answer, or the refusal raised again."""
        if self.language:
            raise LanguageNotOffered
        if self.errors:
            raise PosFault(tuple(PropertyError(name, code) for name, code in self.errors))
        if self.code:
            raise Fault(self.code, detail=self.detail, retry_after_seconds=self.retry_after_seconds)
        return self.answer


_encode = msgspec.msgpack.Encoder().encode
_read_ask = msgspec.msgpack.Decoder(_Ask).decode
_read_told = msgspec.msgpack.Decoder(_Told).decode


class SharedSigner:
    """The ``number``-th (from 1) of the processes whose sockets are given, in the same order in each of them."""

    def __init__(self, services: VsdcServices, signer: HostedSigner, sockets: Sequence[Path], number: int) -> None:
        self._services = services
        self._signer = signer
        self._own, self._path = number - 1, sockets[number - 1]
        self._peers = [FramedClient(path, _PATIENCE_SECONDS) for path in sockets]
        self._passed: OrderedDict[str, float] = OrderedDict()
        self._tasks: set[asyncio.Task[bytes]] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Hear the others."""
        self._server = await serve_framed(self._path, self._handle)

    async def stop(self) -> None:
        """Hear nobody any more, and answer what is in work."""
        if self._server is not None:
            self._server.close()
            self._path.unlink(missing_ok=True)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_STOP_SECONDS)
        for peer in self._peers:
            await peer.close()

    async def sell(self, caller: Caller, order: Order) -> bytes:
        """As `HostedSigner.sell`, here or where this POS is served."""
        ask = _Ask(caller.uid, order.body, order.request_id, order.accept_language)
        if self._is_passed(caller.uid):
            try:
                return await self._pass(ask) or b""
            except NobodyThere:
                return await self._signer.sell(caller, order)
        try:
            return await self._signer.sell(caller, order, may_pass=self._owner_of(caller.uid) != self._own)
        except ServedElsewhere:
            self._note(caller.uid)
        return await self.sell(caller, order)

    async def find_invoice(self, caller: Caller, request_id: str) -> bytes | None:
        """As `HostedSigner.find_invoice`, here or where this POS is served."""
        if self._is_passed(caller.uid):
            try:
                return await self._pass(_Ask(caller.uid, None, request_id, None))
            except NobodyThere:
                pass
        return await self._signer.find_invoice(caller, request_id)

    def _owner_of(self, uid: str) -> int:
        return int.from_bytes(sha256(uid.encode())[:4], "big") % len(self._peers)

    def _is_passed(self, uid: str) -> bool:
        until = self._passed.get(uid)
        if until is not None and until <= monotonic():
            del self._passed[uid]
            return False
        return until is not None

    def _note(self, uid: str) -> None:
        self._passed[uid] = monotonic() + PASSED_ON_SECONDS
        if len(self._passed) > _PASSED_MOST:
            self._passed.popitem(last=False)

    async def _pass(self, ask: _Ask) -> bytes | None:
        """Raises `NobodyThere` when nothing was said to anybody; else, without an answer, the POS has to ask again."""
        metrics.PASSED_ON.inc()
        try:
            return _read_told(await self._peers[self._owner_of(ask.uid)].call(_encode(ask))).read()
        except NobodyThere:
            raise
        except PeerAway as error:
            raise Fault("TS-5003", detail="the process that serves this POS is away", retry_after_seconds=1) from error

    def _handle(self, payload: bytes) -> asyncio.Task[bytes]:
        task = asyncio.get_running_loop().create_task(self._told(payload))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _told(self, payload: bytes) -> bytes:
        ask = _read_ask(payload)
        try:
            return _encode(_Told(await self._serve(ask)))
        except PosFault as fault:
            return _encode(_Told(errors=tuple((error.property, str(error.code)) for error in fault.errors)))
        except LanguageNotOffered:
            return _encode(_Told(language=True))
        except Fault as fault:
            return _encode(_Told(None, fault.code, fault.detail, fault.retry_after_seconds))
        except Exception:
            log.exception("a request that was passed on failed for a reason of our own", extra={"uid": ask.uid})
            return _encode(_Told(None, "TS-5099"))

    async def _serve(self, ask: _Ask) -> bytes | None:
        services = self._services
        element, pos = services.directory.secure_element(ask.uid), services.hosted.pos(ask.uid)
        if element is None or pos is None:
            raise Fault("TS-5002", detail="this process does not know the POS yet", retry_after_seconds=1)
        caller = Caller(element, pos)
        if ask.body is None:
            return await self._signer.find_invoice(caller, ask.request_id or "")
        order = Order(body=ask.body, request_id=ask.request_id, accept_language=ask.accept_language)
        return await self._signer.sell(caller, order)
