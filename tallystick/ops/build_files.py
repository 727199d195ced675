"""A build's files on this machine: measured for a manifest, and compared with one before anything is served."""

from __future__ import annotations

from pathlib import Path

import attrs

import tallystick
from tallystick.kernel.hashing import sha256
from tallystick.ops.settings import SettingsError
from tallystick.wire.build_manifest import Manifest, SignedManifest, read_manifest

OWN_FILES = Path(tallystick.__path__[0])
"""Where the files of this program lie: what our own E-SDC is measured over."""
_LEFT_OUT = ("__pycache__",)


@attrs.frozen(slots=True)
class Differences:
    """What is not as the maker signed it: names of files."""

    missing: tuple[str, ...]
    changed: tuple[str, ...]
    foreign: tuple[str, ...]

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self.missing or self.changed or self.foreign)


def measure(folder: Path) -> dict[str, str]:
    """SHA-256 (hex) of every file below a folder, by path; caches of the interpreter are left out."""
    found = sorted(file for file in folder.rglob("*") if file.is_file() and not set(_LEFT_OUT) & set(file.parts))
    return {file.relative_to(folder).as_posix(): sha256(file.read_bytes()).hex() for file in found}


def compare(manifest: Manifest, folder: Path) -> Differences:
    """What differs between a manifest and the files below a folder."""
    here, signed = measure(folder), manifest.files
    return Differences(
        missing=tuple(sorted(set(signed) - set(here))),
        changed=tuple(sorted(name for name in signed if name in here and here[name] != signed[name])),
        foreign=tuple(sorted(set(here) - set(signed))),
    )


def own_build(file: str, folder: Path = OWN_FILES) -> SignedManifest | None:
    """The manifest of this program, when one is set and every file is as it says; raises ``SettingsError``.

    That a changed program could leave this look out is true of every program; what it cannot do is sign another
    manifest, and the authority says which are certified.
    """
    if not file:
        return None
    try:
        signed = read_manifest(Path(file).read_bytes())
    except OSError as error:
        raise SettingsError(f"build_manifest: {error}") from error
    if differences := compare(signed.manifest, folder):
        names = (*differences.changed, *differences.missing, *differences.foreign)
        raise SettingsError(f"build_manifest: {len(names)} files are not as the maker signed them, {names[0]} first")
    return signed
