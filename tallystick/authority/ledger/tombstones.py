"""Bodies that the law had erased: when a tombstone is lawful, and when it is a body that somebody has removed.

Lawful is a tombstone whose media type names an entry of kind 07 in the ledger, below the size that is looked at, which
names this entry and the hash that record and links know. Whoever cannot make the sequencer enter that cannot erase.
"""

from __future__ import annotations

from typing import Any

import psycopg

from tallystick.authority.ledger.entry import EntryKind
from tallystick.authority.ledger.mirror import MirrorEntry
from tallystick.authority.ledger.sweep_rows import read_entries
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import sha256
from tallystick.wire.erasure import ordered_by, read_erasure
from tallystick.wire.leaf import read_leaf

Connection = psycopg.Connection[Any]


def erased_hash(connection: Connection, index: int, media_type: str | None, body: bytes | None, size: int) -> str:
    """The hash (hex) of the body that an entry lawfully lost; empty for one that is there, or that somebody removed."""
    ordered = ordered_by(media_type or "")
    if body != b"" or ordered is None or ordered >= size:
        return ""
    row = read_entries(connection, ordered, ordered + 1).get(ordered)
    if row is None or row.body is None:
        return ""
    try:
        if read_leaf(row.leaf).kind != EntryKind.ERASURE:
            return ""
        return read_erasure(row.body).erased.get(index, "")
    except Fault:
        return ""


def same_but_erased(ours: MirrorEntry, mirrored: MirrorEntry | None, erased: str) -> bool:
    """Whether the mirror has the same entry, with the body that we lawfully erased, or without it as well."""
    if mirrored is None or not erased or mirrored._replace(body=b"") != ours:
        return False
    return not mirrored.body or sha256(mirrored.body).hex() == erased
