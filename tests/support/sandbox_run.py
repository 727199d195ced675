"""A sandbox in a process of its own, and a client that knows nothing of us."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


def free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago."""
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return ports


class Sandbox:
    """A sandbox in a process of its own."""

    def __init__(self, state: Path) -> None:
        self.state = state
        names = (
            "DEVICE_API_PORT",
            "PUBLIC_PORT",
            "PORTAL_PORT",
            "POS_PORT",
            "HEALTH_PORT",
            "VSDC_PORT",
            "ECR_PORT",
            "EST_PORT",
        )
        ports = dict(zip(names, map(str, free_ports(len(names))), strict=True))
        ports["PUBLIC_PORT"] = ports[
            "DEVICE_API_PORT"
        ]  # as where others hold the ports before it: the cards' port stays
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("TALLYSTICK_")}
        self.environment = inherited | {"TALLYSTICK_STATE": str(state), "COLUMNS": "80"}
        self.environment |= {f"TALLYSTICK_{name}": port for name, port in ports.items()}
        self.output = ""
        self.process: subprocess.Popen[str] | None = None

    def start(self, *arguments: str) -> None:
        """Start it, and wait until it says that it runs."""
        self.output = ""
        self.process = subprocess.Popen(
            (sys.executable, "-m", "tallystick", "sandbox", *arguments),
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._listener = threading.Thread(target=self._listen, args=(self.process,))
        self._listener.start()
        until = time.monotonic() + 240
        while "Your first invoice" not in self.output or not self.output.endswith("\n\n"):
            assert self.process.poll() is None, self.output
            assert time.monotonic() < until, self.output
            time.sleep(0.05)

    def _listen(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        with process.stdout as lines:
            for line in lines:
                self.output += line

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Another command beside it."""
        argv = (sys.executable, "-m", "tallystick", *arguments)
        return subprocess.run(argv, env=self.environment, capture_output=True, text=True, timeout=100, check=False)

    def interrupt(self) -> int:
        """Ctrl-C; its exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        status = self.process.wait(60)
        self._listener.join(10)
        return status

    def end(self) -> None:
        """End whatever is left and remove the folder."""
        self.command("state", "stop")
        if self.process is not None:
            self.process.wait(30)
            self._listener.join(10)
        shutil.rmtree(self.state, ignore_errors=True)


def ask(url: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Any:
    """A client that knows nothing of us: URL, body and headers as one would give them to curl."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=20)
    try:
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        connection.request("GET" if body is None else "POST", path, body, headers or {})
        answer = connection.getresponse()
        return json.loads(answer.read())
    finally:
        connection.close()


def verified(url: str) -> str:
    """What the buyer's page says, within a few seconds."""
    until, status = time.monotonic() + 15, ""
    while status != "valid" and time.monotonic() < until:
        status = ask(url, headers={"Accept": "application/json"})["status"]
        time.sleep(0.1)
    return status
