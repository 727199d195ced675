"""The blocking side of a framed socket, for threads without an event loop: one call at a time on a kept connection."""

from __future__ import annotations

import socket
import struct
from contextlib import suppress
from pathlib import Path

from tallystick.kit.framed_socket import FRAME_BYTES_MAX, PeerAway

_HEAD = struct.Struct(">II")


class FramedCaller:
    """Calls to one server process from one thread; connects when needed and again after a loss."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: socket.socket | None = None
        self._number = 0
        self.sent = False
        """Whether the last call's request left this process: it may have been carried out, whatever came back."""

    def call(self, payload: bytes, timeout_seconds: float) -> bytes:
        """Send one payload and wait for its answer; raises ``PeerAway``, after which the connection is a new one."""
        self.sent = False
        try:
            connection = self._connection or self._connect(timeout_seconds)
            connection.settimeout(timeout_seconds)
            self._number = (self._number + 1) & 0xFFFFFFFF
            connection.sendall(_HEAD.pack(len(payload) + 4, self._number) + payload)
            self.sent = True
            length, number = _HEAD.unpack(_read(connection, _HEAD.size))
            if number != self._number or not 4 <= length <= FRAME_BYTES_MAX:
                raise ConnectionResetError("an answer to another call")
            return _read(connection, length - 4)
        except OSError as error:
            self.close()
            raise PeerAway(f"{self._path.name}: {error}") from error

    def close(self) -> None:
        """Close the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(OSError):
                connection.close()

    def _connect(self, timeout_seconds: float) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.settimeout(timeout_seconds)
            connection.connect(str(self._path))
        except OSError:
            connection.close()
            raise
        self._connection = connection
        return connection


def _read(connection: socket.socket, wanted: int) -> bytes:
    parts = bytearray()
    while len(parts) < wanted:
        part = connection.recv(wanted - len(parts))
        if not part:
            raise ConnectionResetError("the other process went away before it answered")
        parts += part
    return bytes(parts)
