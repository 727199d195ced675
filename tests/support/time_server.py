"""A time server on a free port of the loopback, right or wrong as a test wants it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs

from tallystick.wire.ntp import NtpPacket, moment_to_ntp

Say = Callable[[NtpPacket, datetime], list[bytes]]


def truthful(asked: NtpPacket, now: datetime, **changes: Any) -> bytes:
    """A good answer, or one with changes."""
    fields: dict[str, Any] = {
        "mode": 4,
        "stratum": 2,
        "root_delay": 600,
        "root_dispersion": 600,
        "reference_id": b"TEST",
        "origin": asked.transmit,
        "receive": moment_to_ntp(now),
        "transmit": moment_to_ntp(now),
    }
    return NtpPacket(**fields | changes).encode()


class LocalTimeServer(asyncio.DatagramProtocol):
    """Answers as `say` has it; its clock is `ahead` of this machine's."""

    def __init__(self) -> None:
        self.ahead = timedelta()
        self.asked: list[NtpPacket] = []
        self.say: Say = lambda asked, now: [truthful(asked, now)]
        self.port = 0
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is there."""
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        """A question."""
        asked = NtpPacket.decode(data)
        self.asked.append(asked)
        for answer in self.say(asked, datetime.now(UTC) + self.ahead):
            self._transport.sendto(answer, addr)

    @property
    def address(self) -> str:
        """As command 1 would name it."""
        return f"127.0.0.1:{self.port}"


@asynccontextmanager
async def time_server() -> AsyncIterator[LocalTimeServer]:
    """One that runs while this is open."""
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(LocalTimeServer, local_addr=("127.0.0.1", 0))
    server.port = transport.get_extra_info("sockname")[1]
    try:
        yield server
    finally:
        transport.close()


def liar(**changes: Any) -> Say:
    """Answers that are wrong in one way."""
    return lambda asked, now: [truthful(asked, now, **changes)]


def spoofer(asked: NtpPacket, now: datetime) -> list[bytes]:
    """Guesses, noise and short packets first, then the truth."""
    forged = truthful(attrs.evolve(asked, transmit=asked.transmit ^ 1), now + timedelta(days=400))
    return [forged, b"", b"HTTP/1.1 302 Found", bytes(47), bytes(48), truthful(asked, now)]
