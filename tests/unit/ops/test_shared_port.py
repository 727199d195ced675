"""Several processes on one port: the kernel spreads connections, and nobody else's port is ever joined."""

from __future__ import annotations

import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

from tallystick.ops.shared_port import shared_port

HOST = "127.0.0.1"
HOLDER = """
import sys
from pathlib import Path
from tallystick.ops.shared_port import shared_port
with shared_port(Path(sys.argv[1]), "vsdc", "127.0.0.1", int(sys.argv[2])) as listener:
    print(listener.getsockname()[1], flush=True)
    sys.stdin.read()
"""


def port_of(listener: socket.socket) -> int:
    return int(listener.getsockname()[1])


def holder(folder: Path, first: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder), str(first)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_those_of_one_folder_share_a_port_and_each_hears_some(tmp_path: Path) -> None:
    with ExitStack() as held:
        listeners = [held.enter_context(shared_port(tmp_path, "vsdc", HOST, 0)) for _ in range(2)]
        assert port_of(listeners[0]) == port_of(listeners[1])
        clients = [
            held.enter_context(socket.create_connection((HOST, port_of(listeners[0])), timeout=5)) for _ in range(60)
        ]
        heard = []
        for listener in listeners:
            listener.setblocking(False)
            heard.append(0)
            try:
                while True:
                    held.enter_context(listener.accept()[0])
                    heard[-1] += 1
            except BlockingIOError:
                pass
        assert sum(heard) == len(clients)
        assert min(heard) > 0


def test_a_port_of_somebody_else_is_not_joined(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    with ExitStack() as held:
        first = held.enter_context(shared_port(tmp_path / "one", "vsdc", HOST, 0))
        other = held.enter_context(shared_port(tmp_path / "two", "vsdc", HOST, port_of(first)))
        assert port_of(other) != port_of(first), "another country's processes, of the same account"


def test_a_killed_process_comes_back_to_the_port_while_another_lives(tmp_path: Path) -> None:
    first = holder(tmp_path, 0)
    assert first.stdout is not None
    port = int(first.stdout.readline())
    with shared_port(tmp_path, "vsdc", HOST, 0) as listener:
        assert port_of(listener) == port
        first.kill()
        first.communicate()
        again = holder(tmp_path, 0)
        assert again.stdout is not None
        assert int(again.stdout.readline()) == port
        again.communicate()
    with shared_port(tmp_path, "vsdc", HOST, 0) as alone:
        assert port_of(alone) > 0, "nobody lives, so a port is taken anew"
