"""The packages that a device holds, of every card that it ever had: read for a medium, never changed here.

The inserted card's store is open and is read through its session. A store of another card is opened for each piece and
closed again, so that this card may be put in at any moment. One that another process works with belongs to another
device, and is passed over.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tallystick.device.esdc.database import FORMAT, Database, StoreBroken, StoreTaken
from tallystick.device.esdc.left_cards import STORE_FILE
from tallystick.kernel.faults import Fault
from tallystick.kernel.identifiers import parse_uid

log = logging.getLogger(__name__)

Packages = list[tuple[int, bytes]]


class HeldPackages:
    """One store file, opened to be read. Raises ``StoreBroken`` and ``StoreTaken`` as the store itself does."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def uid(self) -> str:
        """Whose store it is; raises ``StoreBroken`` for a file of another format."""
        found = self._database.row("find_store")
        if found is None or found[0] != FORMAT:
            raise StoreBroken("not a store of this format")
        return str(found[1])

    def newest(self) -> int:
        """The highest ordinal that is held; 0 for none."""
        row = self._database.row("held_newest")
        return row[0] or 0 if row else 0

    def count(self) -> int:
        """How many packages are held."""
        row = self._database.row("held_count")
        return row[0] if row else 0

    def piece(self, after: int, up_to: int, most: int) -> Packages:
        """Held packages beyond an ordinal, oldest first."""
        return [(row[0], row[1]) for row in self._database.rows("held", {"after": after, "up_to": up_to, "most": most})]

    def ordinals(self) -> list[int]:
        """All ordinals that are held; of a damaged file, all that were ever signed, each of which may be held."""
        try:
            return [row[0] for row in self._database.rows("held_ordinals")]
        except StoreBroken:
            return [row[0] for row in self._database.rows("signed_ordinals")]

    def package(self, ordinal: int) -> bytes | None:
        """One package."""
        row = self._database.row("find_package", {"ordinal": ordinal})
        return row[0] if row else None


@contextmanager
def open_held(file: Path) -> Iterator[HeldPackages]:
    """Open a store file that exists; raises ``StoreTaken``, ``StoreBroken``, also where there is none."""
    if not file.is_file():
        raise StoreBroken(f"there is no store {file}")
    database = Database(file)
    try:
        yield HeldPackages(database)
    finally:
        database.close()


def store_of(stores: Path, uid: str) -> Path:
    """Where the store of a card lies."""
    return stores / uid / STORE_FILE


def other_uids(stores: Path, inserted: str) -> list[str]:
    """The other cards that this device has a store of, by name."""
    return sorted(
        file.parent.name for file in stores.glob(f"*/{STORE_FILE}") if _is_uid(file.parent.name, but=inserted)
    )


def _is_uid(name: str, but: str) -> bool:
    try:
        return parse_uid(name) != but
    except Fault:
        return False


def holding_of_other(stores: Path, uid: str) -> tuple[int, int]:
    """Highest ordinal and number of packages held of a card that is not inserted.

    Zeros where its store is another device's just now, or cannot be read.
    """
    try:
        with open_held(store_of(stores, uid)) as held:
            return (held.newest(), held.count()) if held.uid == uid else (0, 0)
    except StoreTaken:
        return 0, 0
    except StoreBroken as error:
        log.error("the store of card %s cannot be read: %s", uid, error)
        return 0, 0


def piece_of_other(stores: Path, uid: str, after: int, up_to: int, most: int) -> Packages:
    """The next held packages of a card that is not inserted; none where its store cannot be had just now."""
    try:
        with open_held(store_of(stores, uid)) as held:
            return held.piece(after, up_to, most)
    except (StoreTaken, StoreBroken) as error:
        log.warning("the store of card %s cannot be read on: %s", uid, error)
        return []
