"""Keys that must leave the store: kept wrapped in files, opened in one process only (security 2.2).

The key that packages are sealed for is such a key, since tokens answer wrong padding unlike right padding. It is made
in memory, wrapped by a key of the store (AES-256-GCM, the label authenticated), and written as ``LABEL.wrapped``; its
clear form never touches a disk.
"""

from __future__ import annotations

from pathlib import Path

from tallystick.crypto.hsm import KeyStore, check_label
from tallystick.crypto.keys import PrivateKey
from tallystick.kernel.faults import Fault
from tallystick.kit.atomic_file import write_atomically

_END = ".wrapped"


def keep_wrapped(store: KeyStore, wrapping: str, folder: Path, label: str, key: PrivateKey) -> None:
    """Wrap a key and write it; the folder is made 0700.

    Raises ``TS-3004`` when there is one already, ``TS-5004``, ``TS-1310``.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = folder / f"{check_label(label)}{_END}"
    if file.exists():
        raise Fault("TS-3004", detail=f"there is a wrapped key {label} already")
    write_atomically(file, store.wrap(wrapping, key.pkcs8, label.encode()), mode=0o600)


def wrapped_labels(folder: Path) -> tuple[str, ...]:
    """The labels of the wrapped keys in a folder, sorted; none where there is no folder."""
    return tuple(sorted(file.name.removesuffix(_END) for file in folder.glob(f"*{_END}")))


def open_wrapped(store: KeyStore, wrapping: str, folder: Path, label: str) -> PrivateKey:
    """Unwrap a key into this process; raises ``TS-1310`` when the file was changed, ``TS-5004``, ``OSError``."""
    plain = store.unwrap(wrapping, (folder / f"{label}{_END}").read_bytes(), label.encode())
    return PrivateKey.from_pkcs8(plain, is_ours=True)
