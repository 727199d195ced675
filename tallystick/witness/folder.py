"""The folder of one witness: its name and key, made once, and its store."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import attrs

from tallystick.crypto.keys import PublicKey, generate_ed25519_key, load_private_key, store_private_key
from tallystick.crypto.signatures import sign_ed25519, verify_ed25519
from tallystick.kernel.faults import Fault
from tallystick.kit.atomic_file import write_atomically
from tallystick.wire.signed_note import KeyType, NoteKey, parse_verifier_key
from tallystick.witness.operations import Witness
from tallystick.witness.store import WitnessStore


def check_ed25519(public_key: bytes, message: bytes, signature: bytes) -> None:
    """Checks a signature line; raises ``TS-1312``."""
    verify_ed25519(PublicKey.from_raw(public_key), message, signature)


@attrs.frozen
class WitnessFolder:
    """The plan of the folder; nobody but the witness's own account may look inside."""

    root: Path

    @property
    def key_file(self) -> Path:
        """The private key, PEM, mode 0600."""
        return self.root / "witness-key.pem"

    @property
    def public_file(self) -> Path:
        """The public key in its text form, to be given away."""
        return self.root / "witness-key.pub"

    @property
    def port_file(self) -> Path:
        """Where the running witness listens."""
        return self.root / "port"

    def make(self, name: str) -> NoteKey:
        """Make folder and key; where there are some, they stay. Raises ``TS-1220`` for a name that cannot be one.

        ``FileExistsError`` where the folder is that of a witness of another name.
        """
        if not self.public_file.exists():
            private = generate_ed25519_key()
            key = NoteKey(name, KeyType.COSIGNATURE, private.public.raw)
            parse_verifier_key(key.verifier_key)
            self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
            store_private_key(self.key_file, private)
            write_atomically(self.public_file, f"{key.verifier_key}\n".encode(), mode=0o644)
        key = self.key()
        if key.name != name:
            raise FileExistsError(f"{self.root} is the folder of the witness {key.name}")
        return key

    def key(self) -> NoteKey:
        """The public key; raises ``FileNotFoundError`` where no witness was made."""
        return parse_verifier_key(self.public_file.read_text(encoding="utf-8"))

    def store(self) -> WitnessStore:
        """The store, made where it lacks."""
        return WitnessStore(self.root / "witness.sqlite")

    def open(self, clock: Callable[[], datetime]) -> Witness:
        """The witness; raises ``FileNotFoundError``, ``PermissionError`` and ``TS-1310`` (key and name do not fit)."""
        key, private = self.key(), load_private_key(self.key_file)
        if private.public.raw != key.public_key:
            raise Fault("TS-1310", detail="the private key is not that of the public one beside it")
        return Witness(
            key=key,
            sign=lambda message: sign_ed25519(private, message, moment=clock()),
            check=check_ed25519,
            store=self.store(),
            clock=clock,
        )
