"""Request and answer over a UNIX socket: length-prefixed frames, many calls in flight on one connection.

Frame: u32 length of the rest, u32 call number, payload; big endian. The answer repeats the call number.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import cast

_HEAD = struct.Struct(">II")
FRAME_BYTES_MAX = 16 * 1024 * 1024

Handler = Callable[[bytes], Awaitable[bytes]]


class PeerAway(Exception):
    """The other process cannot be reached, or went away before it answered."""


class NobodyThere(PeerAway):
    """No process listens: nothing was sent, so nothing was carried out."""


class _Framed(asyncio.Protocol):
    """Splits the stream into frames and hands each to ``received``; writes of one loop turn leave as one."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._outgoing: list[bytes] = []
        self.transport: asyncio.Transport | None = None
        self.loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is one, without saying so

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        position = 0
        while len(self._buffer) - position >= _HEAD.size:
            length, number = _HEAD.unpack_from(self._buffer, position)
            if length < 4 or length > FRAME_BYTES_MAX:
                self.close()
                return
            end = position + 4 + length
            if len(self._buffer) < end:
                break
            self.received(number, bytes(self._buffer[position + _HEAD.size : end]))
            position = end
        del self._buffer[:position]

    def send(self, number: int, payload: bytes) -> None:
        """Queue a frame; all frames of one turn of the loop are written together."""
        if not self._outgoing:
            self.loop.call_soon(self._flush)
        self._outgoing.append(_HEAD.pack(len(payload) + 4, number))
        self._outgoing.append(payload)

    def _flush(self) -> None:
        data = b"".join(self._outgoing)
        self._outgoing.clear()
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(data)

    def close(self) -> None:
        """Close the connection."""
        if self.transport is not None:
            self.transport.close()

    def received(self, number: int, payload: bytes) -> None:
        """Take one frame; each side has its own way."""
        raise AssertionError("abstract")


class _ClientSide(_Framed):
    """Calls that wait for answers. One timer looks after all of them: what waited at two looks in a row has failed."""

    def __init__(self, patience_seconds: float) -> None:
        super().__init__()
        self.waiting: dict[int, asyncio.Future[bytes]] = {}
        self._patience_seconds = patience_seconds
        self._seen: tuple[int, ...] = ()
        self._watched = False

    def ask(self, number: int, payload: bytes) -> asyncio.Future[bytes]:
        """Send a call; its answer comes through the future."""
        future: asyncio.Future[bytes] = self.loop.create_future()
        self.waiting[number] = future
        self.send(number, payload)
        if not self._watched:
            self._watched = True
            self._look_again()
        return future

    def _look_again(self) -> None:
        self.loop.call_later(self._patience_seconds / 2, self._look)

    def _look(self) -> None:
        for number in self._seen:
            future = self.waiting.get(number)
            if future is not None and not future.done():
                future.set_exception(PeerAway(f"no answer within {self._patience_seconds:g} s"))
        self._seen = tuple(self.waiting)
        if self._seen and self.transport is not None:
            self._look_again()
        else:
            self._watched = False

    def received(self, number: int, payload: bytes) -> None:
        future = self.waiting.pop(number, None)
        if future is not None and not future.done():
            future.set_result(payload)

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        for future in self.waiting.values():
            if not future.done():
                future.set_exception(PeerAway("connection lost"))
        self.waiting.clear()


class FramedClient:
    """Calls to one server process; connects when needed and again after a loss.

    A process that does not answer within the patience counts as away: it may be stopped, or its machine may be.
    """

    def __init__(self, path: Path, patience_seconds: float = 20.0) -> None:
        self._path = path
        self._patience_seconds = patience_seconds
        self._side: _ClientSide | None = None
        self._number = 0
        self._connecting = asyncio.Lock()

    @property
    def in_flight(self) -> int:
        """How many calls wait for their answers."""
        return len(self._side.waiting) if self._side is not None else 0

    async def call(self, payload: bytes) -> bytes:
        """Send one payload and wait for its answer.

        Raises ``NobodyThere``, or another ``PeerAway``, after which the call may have been carried out.
        """
        side = self._side
        if side is None or side.transport is None:
            side = await self._connect()
        self._number = (self._number + 1) & 0xFFFFFFFF
        number = self._number
        try:
            return await side.ask(number, payload)
        finally:
            side.waiting.pop(number, None)

    async def _connect(self) -> _ClientSide:
        async with self._connecting:
            if self._side is not None and self._side.transport is not None:
                return self._side
            try:
                _, side = await asyncio.get_running_loop().create_unix_connection(
                    lambda: _ClientSide(self._patience_seconds), str(self._path)
                )
            except OSError as error:
                raise NobodyThere(f"no server at {self._path.name}") from error
            self._side = side
            return side

    async def close(self) -> None:
        """Close the connection; calls in flight end with ``PeerAway``."""
        if self._side is not None:
            self._side.close()
            await asyncio.sleep(0)


class _ServerSide(_Framed):
    def __init__(self, handler: Handler) -> None:
        super().__init__()
        self._handler = handler
        self._tasks: set[asyncio.Task[None]] = set()

    def received(self, number: int, payload: bytes) -> None:
        answer = self._handler(payload)
        if isinstance(answer, asyncio.Future):  # no task is needed to wait for it, which halves the cost of a call
            answer.add_done_callback(lambda done: self.send(number, done.result()))
            return
        task = self.loop.create_task(self._answer(number, answer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, number: int, answer: Awaitable[bytes]) -> None:
        self.send(number, await answer)

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None


async def serve_framed(path: Path, handler: Handler) -> asyncio.Server:
    """Listen on a UNIX socket of mode 0600; a stale socket file is replaced.

    A handler that raises closes nothing: its caller waits, so handlers answer their own faults as payloads.
    """
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    mask = os.umask(0o177)
    try:
        return await asyncio.get_running_loop().create_unix_server(lambda: _ServerSide(handler), str(path))
    finally:
        os.umask(mask)
