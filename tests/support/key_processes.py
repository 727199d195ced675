"""Key processes on a SoftHSM token of their own, as the product starts them: to be killed, stopped, started again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import attrs
from softhsm import PIN, configure, make_token, module_path

from tallystick.authority.keys.signing_unit import SigningUnit
from tallystick.ops.processes.context import keys_name
from tallystick.ops.state_folder import StateFolder

_MAKE = """
from tallystick.crypto.key_purposes import KeyPurpose
from tallystick.crypto.keys import KeyKind
from tallystick.ops.key_store import open_key_store
from tallystick.ops.settings import load_settings
from tallystick.ops.state_folder import StateFolder
settings = load_settings()
store = open_key_store(settings, StateFolder.of(settings.state))
store.generate("poa", KeyKind.RSA, KeyPurpose.PROOF_OF_AUDIT)
store.generate("log", KeyKind.ED25519, KeyPurpose.CHECKPOINT)
store.generate("ca", KeyKind.P384, KeyPurpose.AUTHORITY)
"""


def token_settings(folder: Path, name: str, pin: str = PIN) -> dict[str, str]:
    """A new SoftHSM token, and what a process is told of it."""
    module, configuration = module_path(), configure(folder)
    label = make_token(configuration, name)
    file = folder / "pin"
    file.touch(mode=0o600)
    file.write_text(pin)
    return {
        "SOFTHSM2_CONF": str(configuration),
        "TALLYSTICK_KEY_STORE": "pkcs11",
        "TALLYSTICK_KEY_STORE_SECRET_FILE": str(file),
        "TALLYSTICK_HSM_MODULE": str(module),
        "TALLYSTICK_HSM_TOKEN": label,
    }


@attrs.define
class KeyProcesses:
    """Several processes over one token that holds the keys ``poa``, ``log`` and ``ca``."""

    folder: Path
    environment: dict[str, str]
    running: dict[int, subprocess.Popen[bytes]] = attrs.Factory(dict)

    @classmethod
    def make(cls, folder: Path) -> KeyProcesses:
        """The token with its keys; nothing runs yet."""
        state = StateFolder.of(str(folder / "state"))
        state.make()
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TALLYSTICK_")}
        told = {"TALLYSTICK_STATE": str(state.root), "TALLYSTICK_HEALTH_PORT": "0"}
        environment = kept | token_settings(folder, "authority") | told
        subprocess.run([sys.executable, "-c", _MAKE], env=environment, check=True, timeout=60)
        return cls(folder, environment)

    @property
    def run_folder(self) -> Path:
        """Where the sockets lie."""
        return StateFolder.of(str(self.folder / "state")).run

    def socket(self, number: int) -> Path:
        """The socket of a process."""
        return self.run_folder / f"{keys_name(number)}.sock"

    def unit(self, *numbers: int) -> SigningUnit:
        """A door to these processes."""
        return SigningUnit(*(self.socket(number) for number in numbers))

    def start(self, *numbers: int) -> None:
        """Start processes and wait until they listen."""
        for number in numbers:
            self.socket(number).unlink(missing_ok=True)
            command = [sys.executable, "-m", "tallystick", "authority", "keys", f"--number={number}"]
            self.running[number] = subprocess.Popen(command, env=self.environment, stderr=subprocess.DEVNULL)
        until = time.monotonic() + 30
        while not all(self.socket(number).exists() for number in numbers):
            assert time.monotonic() < until, "a key process does not come up"
            time.sleep(0.02)

    def signal(self, number: int, which: signal.Signals) -> None:
        """Send a signal to a process."""
        self.running[number].send_signal(which)

    def kill(self, number: int) -> None:
        """Kill a process as a power cut would."""
        process = self.running.pop(number)
        process.kill()
        process.wait()

    def end(self) -> None:
        """End what runs."""
        for number in list(self.running):
            self.kill(number)
