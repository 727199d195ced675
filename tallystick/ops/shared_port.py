"""One listening address for several processes of this machine: each has a socket of its own on the same port.

The kernel spreads new connections over the sockets (SO_REUSEPORT), and stops asking one whose process is gone. It lets
any process of the same account join, so a port is taken only when nobody listens there, and joined only when those who
do are of this run folder: they hold a lock for as long as they live.
"""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from tallystick.kit.http_server import bind_next_free

_BACKLOG = 1024


@contextmanager
def shared_port(folder: Path, name: str, host: str, first: int) -> Iterator[socket.socket]:
    """A bound socket on the port that the living processes of that name in this folder share.

    The first of them takes the first free port from ``first`` on. Raises `OSError` when none is free.
    """
    with (folder / f"{name}.listen").open("a+") as living:
        with (folder / f"{name}.listen.lock").open("a") as door:
            fcntl.flock(door, fcntl.LOCK_EX)
            listener = _take(living, host, first) if _is_first(living) else _listen(host, _noted(living))
            fcntl.flock(living, fcntl.LOCK_SH)
        try:
            yield listener
        finally:
            listener.close()


def _is_first(living: TextIO) -> bool:
    try:
        fcntl.flock(living, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _take(living: TextIO, host: str, first: int) -> socket.socket:
    """Without sharing a port of somebody else is refused, so ask that way before sharing is allowed."""
    alone = bind_next_free(host, first)
    port = int(alone.getsockname()[1])
    alone.close()
    listener = _listen(host, port)
    handle = living.fileno()
    os.ftruncate(handle, 0)
    os.write(handle, str(port).encode())
    return listener


def _noted(living: TextIO) -> int:
    living.seek(0)
    return int(living.read())


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=_BACKLOG, reuse_port=True)
