"""A device whose card is dead gives its packages all the same: in the layout of a medium, without a card (S2-145)."""

from __future__ import annotations

from pathlib import Path

import attrs

from tallystick.device.esdc.database import StoreBroken
from tallystick.device.esdc.held_packages import HeldPackages, Packages, open_held
from tallystick.device.esdc.left_cards import STORE_FILE
from tallystick.device.esdc.medium import Medium

_PIECE = 64


@attrs.frozen(slots=True)
class Dumped:
    """What came out of one store; ``lost`` are ordinals whose package cannot be read any more."""

    uid: str
    written: int
    there: int
    lost: tuple[int, ...]


def find_stores(place: Path) -> list[Path]:
    """The store files that a path means: itself, the one in its folder, or one a card in the folders below."""
    if place.is_file():
        return [place]
    return sorted({*place.glob(STORE_FILE), *place.glob(f"*/{STORE_FILE}")})


def dump(store: Path, medium: Medium) -> Dumped:
    """Copy every package of a store; a damaged file gives what it has.

    Raises ``StoreTaken`` while a device works with it, ``StoreBroken`` when nothing can be read, ``MediumError``.
    """
    written = there = 0
    lost: list[int] = []
    with open_held(store) as held:
        uid = held.uid
        medium.prepare(uid)
        ordinals = held.ordinals()
        for start in range(0, len(ordinals), _PIECE):
            packages = _readable(held, ordinals[start : start + _PIECE], lost)
            new = medium.write_packages(uid, packages)
            written += new
            there += len(packages) - new
    return Dumped(uid, written, there, tuple(lost))


def _readable(held: HeldPackages, ordinals: list[int], lost: list[int]) -> Packages:
    packages: Packages = []
    for ordinal in ordinals:
        try:
            package = held.package(ordinal)
        except StoreBroken:
            lost.append(ordinal)
            continue
        if package is not None:
            packages.append((ordinal, package))
    return packages
