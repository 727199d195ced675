"""Where things lie: one folder for everything that is kept, with a fixed plan inside, and a careful way to remove it.

demo/postgres   the database          demo/keys       keys and certificates of the authority
demo/mirror     the second copy       demo/esdc/UID   store and card of one E-SDC
demo/tiles      published log tiles   demo/logs, run  what processes print; who runs
demo/witnesses  a folder a witness
"""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import attrs

_MARKER = ".tallystick-state"
_ROOT_STATE = Path("/var/lib/tallystick")


class NotOurFolder(Exception):
    """A folder was not made by Tallystick and is left alone."""


def default_state(environment: Mapping[str, str] | None = None) -> Path:
    """`/var/lib/tallystick` for root, else `tallystick` in the XDG state folder."""
    environment = os.environ if environment is None else environment
    if os.geteuid() == 0:
        return _ROOT_STATE
    given = environment.get("XDG_STATE_HOME", "")
    base = Path(given) if Path(given).is_absolute() else Path.home() / ".local" / "state"
    return base / "tallystick"


@attrs.frozen
class StateFolder:
    """The plan of one state folder; a property names a place, and only `make` touches the disk."""

    root: Path

    @classmethod
    def of(cls, state: str) -> "StateFolder":
        """The folder that the setting `state` names, or the default one."""
        return cls(Path(state).expanduser().absolute() if state else default_state())

    @property
    def demo(self) -> Path:
        """The country in a box."""
        return self.root / "demo"

    @property
    def postgres(self) -> Path:
        """The embedded server's folder."""
        return self.demo / "postgres"

    @property
    def binaries(self) -> Path:
        """Copies of the server's binaries, where its account cannot reach the wheel."""
        return self.root / "binaries"

    @property
    def mirror(self) -> Path:
        """The ledger's second copy, unless a setting puts it on another disk."""
        return self.demo / "mirror"

    @property
    def tiles(self) -> Path:
        """Log tiles and the newest checkpoint, as they are published."""
        return self.demo / "tiles"

    @property
    def keys(self) -> Path:
        """Keys and certificates; mode 0700."""
        return self.demo / "keys"

    def esdc(self, uid: str) -> Path:
        """Store and card of the E-SDC whose secure element is `uid`."""
        return self.demo / "esdc" / uid

    @property
    def witnesses(self) -> Path:
        """Folders of the demonstration's witnesses, which elsewhere are machines of other institutions."""
        return self.demo / "witnesses"

    @property
    def logs(self) -> Path:
        """One log file a process."""
        return self.demo / "logs"

    @property
    def run(self) -> Path:
        """Who runs: one file a process, sockets, ports."""
        return self.demo / "run"

    def make(self) -> None:
        """Make the folders. Others may pass the root (root's database has an account of its own), not look inside."""
        self.root.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            self.root.chmod(0o711)
        (self.root / _MARKER).touch()
        for folder in (self.demo, self.mirror, self.tiles, self.keys, self.demo / "esdc", self.logs, self.run):
            folder.mkdir(mode=0o711 if folder == self.demo else 0o700, exist_ok=True)

    def wipe(self) -> bool:
        """Remove the demo's country and the copied binaries; False when there is none.

        Raises `NotOurFolder` where `make` never was, and removes nothing then.
        """
        if not self.demo.exists():
            return False
        if not (self.root / _MARKER).exists():
            raise NotOurFolder(f"{self.root} was not made by Tallystick and is left alone")
        shutil.rmtree(self.demo)
        shutil.rmtree(self.binaries, ignore_errors=True)
        return True
