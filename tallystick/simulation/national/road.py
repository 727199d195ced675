"""The radio of a truck: a relay on loopback between its register and the authority, which ends on the road.

TLS goes through as it is, from the register to the door. Without a connection the register finds nobody, as it would.
"""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from collections.abc import Callable

HOST = "127.0.0.1"
_CHUNK = 65_536
_CONNECT_SECONDS = 5.0
_LOOK_SECONDS = 0.5


class Road:
    """`port` is what the register dials. `door` gives the authority's port of now."""

    def __init__(self, door: Callable[[], int]) -> None:
        self._door = door
        self._is_near = threading.Event()
        self._is_near.set()
        self._ended = threading.Event()
        self._listener = socket.create_server((HOST, 0))
        self.port: int = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        threading.Thread(target=self._accept, name="road", daemon=True).start()

    def drive_off(self) -> None:
        """Out of reach: what is open is cut, and nothing new comes about."""
        self._is_near.clear()
        with self._lock:
            for pair in self._pairs:
                for end in pair:
                    with contextlib.suppress(OSError):
                        end.shutdown(socket.SHUT_RDWR)

    def come_back(self) -> None:
        """Within reach again."""
        self._is_near.set()

    def close(self) -> None:
        """The end of the run."""
        self._ended.set()
        self.drive_off()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes whoever waits for the next connection
        self._listener.close()

    def _accept(self) -> None:
        while not self._ended.is_set():
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if not self._is_near.is_set():
                near.close()
                continue
            threading.Thread(target=self._carry, args=(near,), name="radio", daemon=True).start()

    def _carry(self, near: socket.socket) -> None:
        try:
            far = socket.create_connection((HOST, self._door()), _CONNECT_SECONDS)
        except OSError:
            near.close()
            return
        pair = (near, far)
        with self._lock:
            self._pairs.add(pair)
        try:
            _relay(near, far, self._is_near)
        finally:
            with self._lock:
                self._pairs.discard(pair)
            near.close()
            far.close()


def _relay(near: socket.socket, far: socket.socket, goes_on: threading.Event) -> None:
    other = {near: far, far: near}
    while goes_on.is_set():
        readable, _, _ = select.select([near, far], [], [], _LOOK_SECONDS)
        for end in readable:
            try:
                data = end.recv(_CHUNK)
                if not data:
                    return
                other[end].sendall(data)
            except OSError:
                return
