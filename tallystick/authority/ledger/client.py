"""How other processes reach the sequencer: an async client for many documents, a blocking call for tools."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

from tallystick.authority.ledger.entry import Booked, NewEntry
from tallystick.authority.ledger.protocol import (
    APPEND_MANY,
    MANY_MOST,
    STATUS,
    SequencerStatus,
    join,
    read_booked,
    read_many,
    read_status,
    write_append,
)
from tallystick.kernel.faults import Fault
from tallystick.kit.framed_socket import FRAME_BYTES_MAX, FramedClient, PeerAway

MANY_BYTES = 4 * 1024 * 1024
"""How many bytes of requests go in one frame, but for one that is larger by itself."""
_HEAD = struct.Struct(">II")


class SequencerClient:
    """Appends entries over one connection, many at a time. Belongs to one event loop."""

    def __init__(self, path: Path) -> None:
        self._peer = FramedClient(path)

    async def append(self, entry: NewEntry) -> Booked:
        """Book an entry; returns once it is behind the acknowledgement gate.

        A known act gives its first verdict with ``duplicate``. Raises the faults TS-1403 (another document has this
        number; this one is kept as evidence), TS-2401 (device without registration), TS-1402 and TS-1404
        (not the device's next place; ``expected`` names it), TS-5002, TS-5003, TS-5006,
        TS-5007, TS-5008, TS-5099. After the 50xx ones the same bytes may be sent again: nothing is booked twice.
        """
        try:
            return read_booked(await self._peer.call(write_append(entry)))
        except PeerAway as error:
            raise _away(error) from error

    async def append_many(self, appends: Sequence[bytes]) -> list[Booked | Fault]:
        """Book entries (`protocol.write_append`) behind one another in few frames; for each its answer, or its fault.

        Returns once all are answered; raises only where nobody knows what became of them (``TS-5007``), or where
        none was taken (``TS-5002``, ``TS-5003``, ``TS-5006``, ``TS-5008``).
        """
        answers = await asyncio.gather(*(self._call_many(frame) for frame in frames(appends)))
        return [one for answer in answers for one in answer]

    async def _call_many(self, appends: Sequence[bytes]) -> list[Booked | Fault]:
        try:
            answer = read_many(await self._peer.call(APPEND_MANY + join(appends)))
        except PeerAway as error:
            raise _away(error) from error
        if len(answer) != len(appends):
            raise Fault("TS-5099", detail="an answer to more or fewer than were asked")
        return answer

    async def status(self) -> SequencerStatus:
        """How the sequencer stands; raises TS-5007 when no process answers."""
        try:
            return read_status(await self._peer.call(STATUS))
        except PeerAway as error:
            raise _away(error) from error

    async def close(self) -> None:
        """Close the connection."""
        await self._peer.close()


def frames(appends: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """Requests in shares that fit into a frame each."""
    begin = size = 0
    for place, one in enumerate(appends):
        if place > begin and (size + len(one) > MANY_BYTES or place - begin >= MANY_MOST):
            yield appends[begin:place]
            begin, size = place, 0
        size += len(one)
    if begin < len(appends):
        yield appends[begin:]


def append_blocking(path: Path, entry: NewEntry, *, timeout_seconds: float = 30) -> Booked:
    """Book one entry from a program without an event loop; faults as ``SequencerClient.append``."""
    return read_booked(_call_blocking(path, write_append(entry), timeout_seconds))


def status_blocking(path: Path, *, timeout_seconds: float = 5) -> SequencerStatus:
    """How the sequencer stands, for a program without an event loop."""
    return read_status(_call_blocking(path, STATUS, timeout_seconds))


def _call_blocking(path: Path, payload: bytes, timeout_seconds: float) -> bytes:
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(timeout_seconds)
            connection.connect(str(path))
            connection.sendall(_HEAD.pack(len(payload) + 4, 1) + payload)
            length, _ = _HEAD.unpack(_read(connection, _HEAD.size))
            return _read(connection, min(length, FRAME_BYTES_MAX) - 4)
    except OSError as error:
        raise _away(error) from error


def _read(connection: socket.socket, wanted: int) -> bytes:
    parts = bytearray()
    while len(parts) < wanted:
        part = connection.recv(wanted - len(parts))
        if not part:
            raise ConnectionResetError("the sequencer went away before it answered")
        parts += part
    return bytes(parts)


def _away(error: Exception) -> Fault:
    return Fault("TS-5007", detail=f"the sequencer cannot be reached: {error}", retry_after_seconds=1)
