"""The process that holds the signing keys and does nothing else: a text in, 256 bytes out, over a UNIX socket (S0-039).

The channel that talks to POS has no key and no session with a token. Each request is one signature, carried out in the
order of arrival; PKCS#1 v1.5 has no chance in it, so asking twice gives the same bytes and changes nothing.
"""

from __future__ import annotations

import asyncio
import logging
from enum import IntEnum
from pathlib import Path

from tallystick.authority.channels.vsdc import metrics
from tallystick.crypto.hsm import KeyStore
from tallystick.crypto.policy import Use
from tallystick.kernel.faults import Fault
from tallystick.kit.framed_socket import FramedClient, PeerAway
from tallystick.kit.key_process import hide_memory, run_until_signalled, serve_desk
from tallystick.kit.turns import Turns

log = logging.getLogger(__name__)

QUEUE_REQUESTS = 256
_PATIENCE_SECONDS = 8.0
_LABEL_END = b"\0"


class _Reply(IntEnum):
    SIGNED = 0
    BUSY = 1
    AWAY = 2
    REFUSED = 3
    NO_KEY = 4
    HAS_KEY = 5


class SigningDesk:
    """Carries out requests one a turn of the loop (`Turns`); a full queue answers at once."""

    def __init__(self, keys: KeyStore, *, limit: int = QUEUE_REQUESTS) -> None:
        self._keys = keys
        self._turns = Turns(self._answer, busy=bytes([_Reply.BUSY]), limit=limit)

    def handle(self, request: bytes) -> asyncio.Future[bytes]:
        """Queue one request: label, NUL, text. Without a text it asks whether the store has the key."""
        return self._turns.handle(request)

    async def finished(self) -> None:
        """Return when all that is queued was carried out."""
        await self._turns.finished()

    def _answer(self, request: bytes) -> bytes:
        label, _, text = request.partition(_LABEL_END)
        if not text:
            return bytes([self._has_key(label.decode())])
        try:
            signature = self._keys.sign(label.decode(), Use.SIGN_INVOICE, text)
        except Fault as fault:
            log.warning("a signature was not made: %s", fault)
            return bytes([_Reply.AWAY if fault.code == "TS-5004" else _Reply.REFUSED])
        except Exception:
            log.exception("a signature was not made")
            return bytes([_Reply.AWAY])
        metrics.SIGNATURES.inc()
        return bytes([_Reply.SIGNED]) + signature

    def _has_key(self, label: str) -> _Reply:
        """Whoever cannot read the store does not know."""
        try:
            return _Reply.HAS_KEY if label in self._keys.labels() else _Reply.NO_KEY
        except Exception as error:
            log.warning("the key store cannot be read: %s", error)
            return _Reply.AWAY


class SigningClient:
    """The channel's side. Belongs to one event loop."""

    def __init__(self, path: Path) -> None:
        self._peer = FramedClient(path, _PATIENCE_SECONDS)

    async def sign(self, label: str, text: bytes) -> bytes:
        """256 bytes; raises ``TS-5002`` (queue full), ``TS-5004`` (away), ``TS-1310`` (not allowed any more)."""
        try:
            reply = await self._peer.call(label.encode() + _LABEL_END + text)
        except PeerAway as error:
            raise Fault("TS-5004", detail="the signing process is away", retry_after_seconds=2) from error
        kind = reply[0]
        if kind == _Reply.SIGNED:
            return reply[1:]
        if kind == _Reply.BUSY:
            raise Fault("TS-5002", detail="too many signatures wait", retry_after_seconds=1)
        if kind == _Reply.REFUSED:
            raise Fault("TS-1310", detail="the signing process refuses this use")
        raise Fault("TS-5004", detail="the key store is away", retry_after_seconds=5)

    async def lacks_key(self, label: str) -> bool:
        """Whether the key store can be read and has no key of this label; raises ``TS-5004`` when nobody can say."""
        try:
            reply = await self._peer.call(label.encode() + _LABEL_END)
        except PeerAway as error:
            raise Fault("TS-5004", detail="the signing process is away", retry_after_seconds=2) from error
        if reply[0] in (_Reply.NO_KEY, _Reply.HAS_KEY):
            return reply[0] == _Reply.NO_KEY
        raise Fault("TS-5004", detail="the key store is away", retry_after_seconds=5)

    async def close(self) -> None:
        """Close the connection."""
        await self._peer.close()


def lacks_key_blocking(path: Path, label: str) -> bool:
    """As `SigningClient.lacks_key`, for a program without an event loop."""

    async def ask() -> bool:
        client = SigningClient(path)
        try:
            return await client.lacks_key(label)
        finally:
            await client.close()

    return asyncio.run(ask())


async def serve_signing(socket_path: Path, keys: KeyStore, stopped: asyncio.Event) -> None:
    """Serve until `stopped` is set, and answer what is queued then."""
    await serve_desk(socket_path, SigningDesk(keys), stopped)


def run_signing(socket_path: Path, keys: KeyStore) -> None:
    """The process: hide the memory, serve on the socket until SIGTERM or SIGINT."""
    hide_memory()
    run_until_signalled(lambda stopped: serve_signing(socket_path, keys, stopped))
