"""The computer of a story's shop: an E-SDC as a process of its own, its page, and commands that are typed there."""

from __future__ import annotations

import re
import subprocess
import sys
import urllib.request
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import attrs

from tallystick.kernel.status_codes import StatusCode
from tallystick.ops.state_folder import StateFolder
from tallystick.ops.supervisor import ChildSpec, Supervisor
from tallystick.simulation.country import Country
from tallystick.simulation.day.stage import Stage, StoryFailed
from tallystick.simulation.till import PosClient, PosError

COMMAND_SECONDS = 240
_TOKEN = re.compile(r'name="token" value="([^"]+)"')


@attrs.frozen
class Machine:
    """What lies below ``folder`` is the shop's; the machine has a state folder of its own there."""

    name: str
    title: str
    folder: Path
    country: Country
    stage: Stage
    supervisor: Supervisor

    @property
    def plugged_in(self) -> Path:
        """Where sticks that are in appear."""
        return self.folder / "plugged-in"

    @property
    def _state(self) -> StateFolder:
        return StateFolder.of(str(self.folder / "machine"))

    def start(self, *place: str, online: bool) -> None:
        """Start its E-SDC with the options that say where card and stores are; one that is not online only sells."""
        self._state.make()
        for stale in self._state.run.glob("*.port"):
            stale.unlink()
        authority = (f"--authority-ca={self.country.pki.files.root}",) if online else ()
        spec = ChildSpec(
            name=self._child,
            argv=(sys.executable, "-m", "tallystick", "esdc", "run", *place, *authority, "--port=0"),
            log_file=self.country.state.logs / f"{self._child}.log",
            environment=self._environment(),
        )
        self.stage.in_supervisors_thread(lambda: self.supervisor.start(spec))
        self.stage.until(f"the start of the E-SDC of {self.title}", (self._state.run / "esdc.port").exists)

    def stop(self) -> None:
        """Switch it off."""
        self.stage.in_supervisors_thread(lambda: self.supervisor.stop(self._child))

    @property
    def _child(self) -> str:
        return f"esdc-{self.name}"

    def _environment(self) -> Mapping[str, str]:
        return {
            "TALLYSTICK_STATE": str(self._state.root),
            "TALLYSTICK_COUNTRY": self.country.pack.code,
            "TALLYSTICK_TIMING": "demo",
            "TALLYSTICK_MEDIA": str(self.plugged_in / "*"),
            "TALLYSTICK_FACE_PORT": "0",
            "TALLYSTICK_HEALTH_PORT": "0",
        }

    def status(self) -> Mapping[str, Any]:
        """What its E-SDC says to a POS; empty while it does not answer."""
        with closing(self.client()) as client:
            try:
                found = client.call("GET", "/api/v3/status")
            except (OSError, PosError):
                return {}
        return found if isinstance(found, dict) else {}

    def says(self, code: StatusCode) -> bool:
        """Whether this code holds at its E-SDC now."""
        return str(code) in self.status().get("gsc", ())

    def has_in(self, uid: str) -> bool:
        """Whether the device has read this card."""
        return self.status().get("uid") == uid

    def ask_for_audit(self) -> None:
        """Press *Start the audit* on the device's page (S2-120)."""
        page = f"http://127.0.0.1:{self._port('esdc-face')}"
        with urllib.request.urlopen(f"{page}/", timeout=30) as shown:  # noqa: S310 - loopback
            token = _TOKEN.search(shown.read().decode())
        if token is None:
            raise StoryFailed(f"the page of the E-SDC of {self.title} has no form")
        form = urllib.request.Request(  # noqa: S310 - loopback
            f"{page}/audit", f"token={token[1]}".encode(), {"Origin": page}
        )
        urllib.request.urlopen(form, timeout=30).close()  # noqa: S310 - loopback

    def _port(self, name: str) -> int:
        return int((self._state.run / f"{name}.port").read_text())

    def client(self) -> PosClient:
        """A connection to its POS API."""
        return PosClient("127.0.0.1", self._port("esdc"))

    def run_command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A command of `tallystick`, as a person at the machine types it."""
        argv = (sys.executable, "-m", "tallystick", *words)
        done = subprocess.run(argv, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False)
        with (self.country.state.logs / f"{self._child}.log").open("a", encoding="utf-8") as log:
            log.write(f"$ tallystick {' '.join(words)}\n{done.stdout}{done.stderr}")
        return done
