"""Finds and loads country packs: one folder a country, ``countries/<code>/pack.toml``."""

from __future__ import annotations

from pathlib import Path

from tallystick.kernel.country_pack import CountryPack
from tallystick.wire.country_pack import PackError, parse_pack

_PACKAGE = Path(__file__).resolve().parents[1]
COUNTRIES = next(folder for folder in (_PACKAGE.parent / "countries", _PACKAGE / "countries") if folder.is_dir())
"""Beside the package in a source tree, inside it where it was installed from a wheel."""


def available_packs(folder: Path = COUNTRIES) -> tuple[str, ...]:
    """The codes of the packs in the folder, ascending."""
    return tuple(sorted(path.parent.name for path in folder.glob("*/pack.toml")))


def load_pack(code: str, folder: Path = COUNTRIES) -> CountryPack:
    """The pack of a country; raises ``PackError`` with file and line when it is missing or wrong."""
    name = f"countries/{code}/pack.toml"
    if code not in available_packs(folder):
        raise PackError(name, 1, f"there is no such pack; there are {', '.join(available_packs(folder)) or 'none'}")
    pack = parse_pack((folder / code / "pack.toml").read_bytes(), name)
    if pack.code != code:
        raise PackError(name, 1, f"the folder is {code}, but the pack says {pack.code}")
    return pack


def pack_file(code: str, folder: Path = COUNTRIES) -> Path:
    """Where the pack of a country lies."""
    return folder / code / "pack.toml"
