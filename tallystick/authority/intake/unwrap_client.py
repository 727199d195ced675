"""The intake's side of the unwrap process: sealed bytes out, plain bytes or one fault back."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from tallystick.authority.intake.unwrap_messages import (
    OpenedPackage,
    Operation,
    read_answer,
    read_opened,
    write_package_request,
)
from tallystick.kernel.faults import Fault
from tallystick.kit.framed_socket import FramedClient, PeerAway
from tallystick.wire.audit_package import SealedPackage

_PATIENCE_SECONDS = 8.0
_INTERNAL_DATA = bytes([Operation.INTERNAL_DATA])
_AUDIT_REQUEST = bytes([Operation.AUDIT_REQUEST])


class UnwrapClient:
    """Calls over UNIX sockets, many in flight. All methods raise ``TS-5002`` (queue full) and ``TS-5004`` (away).

    Each path is that of one process; a call goes to the one with the fewest in flight, and to another one when that
    is away: opening changes nothing, so it may be asked twice.
    """

    def __init__(self, *paths: Path) -> None:
        self._peers = [FramedClient(path, _PATIENCE_SECONDS) for path in paths]

    async def open_package(self, sealed: SealedPackage) -> OpenedPackage:
        """Open an audit package; raises ``TS-1202`` whatever is wrong with it."""
        return read_opened(await self._call(write_package_request(sealed)))

    async def open_internal_data(self, sealed: bytes) -> bytes:
        """Open an invoice's 256 or 512 bytes of internal data; raises ``TS-1316``."""
        return read_answer(await self._call(_INTERNAL_DATA + sealed), "TS-1316")

    async def open_arp(self, block: bytes) -> bytes:
        """Open an audit request of 256, 260 or 264 bytes; raises ``TS-3101``."""
        return read_answer(await self._call(_AUDIT_REQUEST + block), "TS-3101")

    async def _call(self, request: bytes) -> bytes:
        peers = self._peers
        for peer in peers if len(peers) == 1 else sorted(peers, key=_in_flight):
            try:
                return await peer.call(request)
            except PeerAway:
                continue
        raise Fault("TS-5004", detail="packages cannot be opened now", retry_after_seconds=5)

    async def close(self) -> None:
        """Close the connections."""
        for peer in self._peers:
            await peer.close()


def _in_flight(peer: FramedClient) -> int:
    return peer.in_flight


def open_arp_blocking(paths: Sequence[Path], block: bytes) -> bytes:
    """`UnwrapClient.open_arp` for code that has no event loop: a connection for one call."""

    async def once() -> bytes:
        client = UnwrapClient(*paths)
        try:
            return await client.open_arp(block)
        finally:
            await client.close()

    return asyncio.run(once())
