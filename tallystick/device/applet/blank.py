"""What a virtual module keeps before it is a fiscal one: its hardware, and how far the factory has come."""

from __future__ import annotations

import stat
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

import msgspec

from tallystick.device.secure_element.port import CardUnavailable
from tallystick.kernel.fiscal_module import CardProtocol, FormFactor, Hardware, ModuleAlgorithm
from tallystick.kernel.hashing import HASH_BYTES, sha256
from tallystick.kit.atomic_file import sync_folder, write_atomically

BLANK_FILE = "module.blank"
VIRTUAL_CONTROLLER = "Tallystick virtual SLE77CLFX2400PM"
VIRTUAL_HARDWARE = Hardware(
    controller=VIRTUAL_CONTROLLER,
    form_factor=FormFactor.CARD,
    protocols=frozenset(CardProtocol),
    algorithms=frozenset(ModuleAlgorithm),
)


class Blank(msgspec.Struct, frozen=True, kw_only=True):
    """The durable part: keys are PKCS #8, empty until they are made. All else waits in memory for the end."""

    controller: str
    form_factor: FormFactor
    protocols: list[CardProtocol]
    algorithms: list[ModuleAlgorithm]
    is_installed: bool = False
    number: str = ""
    signing_key: bytes = b""
    client_key: bytes = b""

    @property
    def hardware(self) -> Hardware:
        """What the module tells of itself."""
        return Hardware(
            controller=self.controller,
            form_factor=self.form_factor,
            protocols=frozenset(self.protocols),
            algorithms=frozenset(self.algorithms),
        )

    def store(self, folder: Path) -> None:
        """Write it (SHA-256, then the values), mode 0600."""
        content = msgspec.msgpack.encode(self)
        write_atomically(folder / BLANK_FILE, sha256(content) + content, mode=0o600)

    @classmethod
    def load(cls, folder: Path) -> Blank:
        """Read it; raises `CardUnavailable` when it is missing, damaged or readable by others."""
        path = folder / BLANK_FILE
        try:
            if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise CardUnavailable(f"{path}: a module must be readable by its owner only (mode 0600)")
            stored = path.read_bytes()
            if sha256(stored[HASH_BYTES:]) != stored[:HASH_BYTES]:
                raise CardUnavailable(f"{path}: damaged")
            return msgspec.msgpack.decode(stored[HASH_BYTES:], type=cls)
        except (OSError, msgspec.DecodeError) as error:
            raise CardUnavailable(f"no module in {folder}: {error}") from error


def supply(folder: Path, hardware: Hardware = VIRTUAL_HARDWARE) -> None:
    """Put a factory-fresh module into `folder` (made 0700): nothing in it or on it tells it from another (S1-059).

    It is there whole or not at all, whenever the power goes. Raises `FileExistsError` when there is one already.
    """
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = Path(mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        Blank(
            controller=hardware.controller,
            form_factor=hardware.form_factor,
            protocols=sorted(hardware.protocols),
            algorithms=sorted(hardware.algorithms),
        ).store(beside)
        try:
            beside.rename(folder)
        except OSError as error:
            raise FileExistsError(f"there is a module in {folder} already") from error
    finally:
        rmtree(beside, ignore_errors=True)
    sync_folder(folder.parent)
