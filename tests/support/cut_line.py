"""A line between a register and a door on loopback that can be away, and that can be cut after so many bytes."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_PIECE = 4_096


class Line:
    """Carries bytes both ways. ``is_up`` is whether anybody gets through; ``left`` how many bytes the register may
    still send before the line is cut, none for any number.
    """

    def __init__(self, to: int) -> None:
        self.is_up = True
        self._open: list[socket.socket] = []
        self.left: int | None = None
        self.cuts = 0
        self._to = to
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def down(self) -> None:
        """Away, at once."""
        self.is_up = False
        for one in self._open:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self._open.clear()

    def up(self, left: int | None = None) -> None:
        """Back; after so many more bytes of the register it is cut once."""
        self.left, self.is_up = left, True

    def close(self) -> None:
        """Nobody is listened to any more."""
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                if not self.is_up:
                    near.close()
                    continue
                far = socket.create_connection(("127.0.0.1", self._to))
                self._open += near, far
                for source, sink, counted in ((near, far, True), (far, near, False)):
                    threading.Thread(target=self._carry, args=(source, sink, counted), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket, is_counted: bool) -> None:
        with suppress(OSError):
            while data := source.recv(_PIECE):
                if is_counted and self.left is not None:
                    self.left -= len(data)
                    if self.left < 0:
                        self.left = None
                        self.cuts += 1
                        break
                sink.sendall(data)
        for one in (source, sink):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


@contextmanager
def line_to(port: int) -> Iterator[Line]:
    """A line to a port."""
    line = Line(port)
    try:
        yield line
    finally:
        line.close()
