"""What a store holds, read beside whoever works with it; nothing is taken, locked or changed."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import attrs

from tallystick.device.esdc.database import StoreBroken
from tallystick.kit.named_sql import load_queries

_PACKAGE = "tallystick.device.esdc"


@attrs.frozen(slots=True)
class StoreGlance:
    """Whose store it is, the highest ordinal that it knows (0 for none), and those whose packages it holds."""

    uid: str
    newest: int
    held: frozenset[int]


def glance(file: Path) -> StoreGlance:
    """Look into a store file; raises ``StoreBroken`` where there is none or it cannot be read."""
    if not file.is_file():
        raise StoreBroken(f"there is no store {file}")
    queries = load_queries(_PACKAGE, driver="sqlite")
    try:
        connection = sqlite3.connect(f"{file.absolute().as_uri()}?mode=rw", uri=True, timeout=5, isolation_level=None)
        try:
            connection.execute("PRAGMA query_only = ON")
            connection.execute("BEGIN")  # one moment for all three questions
            whose = connection.execute(queries["find_store"]).fetchone()
            newest = connection.execute(queries["newest_signed"]).fetchone()
            held = frozenset(row[0] for row in connection.execute(queries["held_ordinals"]))
        finally:
            connection.close()
    except sqlite3.DatabaseError as error:
        raise StoreBroken(f"{file} cannot be read: {error}") from error
    if whose is None:
        raise StoreBroken(f"{file} is nobody's store yet")
    return StoreGlance(whose[1], newest[0] if newest else 0, held)
