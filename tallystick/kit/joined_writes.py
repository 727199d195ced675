"""What a connection writes: together what belongs together, and to the end although the other side still sends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class JoinedWrites:
    """A transport whose writes of one turn of the loop leave as one, and whose first close may be put off.

    Head and body of an answer come in two writes; over TLS each would be a record and a system call of its own.
    Closing while the other side still sends would reset the connection, and the answer would be lost with it.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        loop: asyncio.AbstractEventLoop,
        puts_off: Callable[[], bool] = lambda: False,
    ) -> None:
        self._transport = transport
        self._loop = loop
        self._waiting: list[bytes] = []
        self._puts_off = puts_off
        self._ending = False

    def write(self, data: bytes) -> None:
        """Send with whatever else this turn of the loop has to send."""
        if not self._waiting:
            self._loop.call_soon(self._flush)
        self._waiting.append(data)

    def _flush(self) -> None:
        if self._waiting:
            data = b"".join(self._waiting)
            self._waiting.clear()
            self._transport.write(data)

    def close(self) -> None:
        """Close behind what was written; the first time only half, where the other side is not done."""
        self._flush()
        if not self._ending and self._puts_off():
            self._ending = True
            if self._transport.can_write_eof():
                self._transport.write_eof()
            return
        self._transport.close()

    def abort(self) -> None:
        """Close at once; what was not sent is lost."""
        self._waiting.clear()
        self._transport.abort()

    def is_closing(self) -> bool:
        """Whether it is closed, or about to be."""
        return self._ending or self._transport.is_closing()
