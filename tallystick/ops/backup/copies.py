"""Copies what lies beside the database: the mirror, and of the keys only what is no secret without another one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from tallystick.authority.ledger.mirror import segments
from tallystick.ops.backup.manifest import FileLine, digest_of
from tallystick.ops.settings import Settings

_FOLDERS = frozenset({"signing", "package", "uses"})
"""Keys that are sealed or wrapped, and the journals of what was signed."""
_OPEN = frozenset({".pem", ".crl", ".crt", ".cer", ".der"})
_PRIVATE = b"PRIVATE KEY"
_WITHOUT = frozenset({"database_url"})


def copy_file(source: Path, target: Path, length: int | None = None) -> None:
    """Copy a file's first ``length`` bytes (all of it without) and flush them."""
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with source.open("rb") as reading, target.open("xb") as writing:
        os.fchmod(writing.fileno(), 0o600)
        if length is None:
            shutil.copyfileobj(reading, writing, 1024 * 1024)
        else:
            left = length
            while left and (piece := reading.read(min(left, 1024 * 1024))):
                writing.write(piece)
                left -= len(piece)
        writing.flush()
        os.fsync(writing.fileno())


def copy_mirror(source: Path, target: Path, before: Mapping[str, FileLine], older: Path | None) -> None:
    """The mirror as it is now. A closed file that an older backup has already is linked, not copied.

    The file that grows is copied as long as it was at its turn; its last frame may be torn, which readers know.
    """
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    files = segments(source)
    for file in files:
        known = before.get(f"mirror/{file.name}")
        length = file.stat().st_size
        if older is not None and known is not None and known.bytes == length and digest_of(file) == known.sha256:
            os.link(older / known.name, target / file.name)
        else:
            copy_file(file, target / file.name, length)


def copy_keys(source: Path, target: Path) -> tuple[str, ...]:
    """Sealed and wrapped keys, certificates and public keys; returns what was left out, for it is secret in clear."""
    left_out = []
    for path in sorted(path for path in source.rglob("*") if path.is_file()):
        name = path.relative_to(source)
        if _is_no_secret(path, name):
            copy_file(path, target / name)
        else:
            left_out.append(f"keys/{name}")
    return tuple(left_out)


def _is_no_secret(path: Path, name: Path) -> bool:
    is_known = name.parts[0] in _FOLDERS if len(name.parts) > 1 else path.suffix in _OPEN or path.name == "complete"
    return is_known and _PRIVATE not in path.read_bytes()


def settings_text(settings: Settings) -> str:
    """The settings as they were, as the TOML file that would give them; without the database's address and password."""
    return "".join(f"{line}\n" for line in _lines(settings))


def _lines(settings: Settings) -> Iterator[str]:
    for field in msgspec.structs.fields(type(settings)):
        value = getattr(settings, field.name)
        if field.name in _WITHOUT or value == field.default:
            continue
        text = str(value).lower() if isinstance(value, bool) else value
        yield f"{field.name} = {msgspec.json.encode(text).decode() if isinstance(value, str) else text}"
