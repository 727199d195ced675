"""What others keep of a ledger, outside of its operator's reach: witnesses, readers, devices, buyers, the court.

Gathered from a copy before anything is done to it. In a country it lies with them; a drill plays their parts.
"""

from __future__ import annotations

from pathlib import Path

import attrs
import psycopg

from tallystick.authority.ledger.entry import EntryKind
from tallystick.authority.ledger.queries import tlog_proof
from tallystick.authority.oversight.activity import queries as activity
from tallystick.simulation.tampering.scene import Connection, Keys, Victim
from tallystick.wire.leaf import read_leaf
from tallystick.wire.signed_note import parse_checkpoint, parse_note

DEVICES_MOST = 1_000
RECEIPTS_MOST = 8


@attrs.frozen(slots=True)
class Remembered:
    """A device's newest document, as it stands in its own memory."""

    device: str
    ordinal: int
    body_hash: bytes


@attrs.frozen(slots=True)
class Receipt:
    """A document that a buyer looked up, with the proof that he was given: leaf hash path and head."""

    device: str
    ordinal: int
    act_hash: bytes
    index: int
    path: tuple[bytes, ...]
    size: int
    root: bytes


@attrs.frozen(kw_only=True)
class Evidence:
    """All that is kept outside. ``notes`` are cosigned heads, oldest first, also as files for the offline verifier."""

    notes: tuple[bytes, ...]
    files: tuple[Path, ...]
    memories: tuple[Remembered, ...]
    receipts: tuple[Receipt, ...]
    activity: tuple[int, bytes]


def gather(dsn: str, folder: Path, keys: Keys, victim: Victim) -> Evidence:
    """Let everybody take what is his from an honest copy."""
    folder.mkdir(parents=True, exist_ok=True)
    with psycopg.connect(dsn) as connection:
        notes = tuple(_cosigned(connection, size, keys) for size in _sizes(connection, victim))
        files = []
        for number, note in enumerate(notes):
            files.append(folder / f"{number}.note")
            files[-1].write_bytes(note)
        return Evidence(
            notes=notes,
            files=tuple(files),
            memories=tuple(_memories(connection)),
            receipts=tuple(_receipts(connection, victim)),
            activity=activity.head(connection),
        )


def _sizes(connection: Connection, victim: Victim) -> list[int]:
    """The newest head, and one that is older: the first that covers the victim and the one after it."""
    rows = connection.execute("SELECT tree_size FROM ledger.checkpoints ORDER BY tree_size").fetchall()
    sizes = [size for (size,) in rows]
    older = next((size for size in sizes if size > victim.other), sizes[-1])
    return sorted({older, sizes[-1]})


def _cosigned(connection: Connection, size: int, keys: Keys) -> bytes:
    """The head of that size, seen by the witness when its last entry had come in."""
    row = connection.execute("SELECT note FROM ledger.checkpoints WHERE tree_size = %s", [size]).fetchone()
    assert row is not None
    leaves = connection.execute(
        "SELECT leaf FROM ledger.leaves WHERE log_index < %s ORDER BY log_index DESC LIMIT 100", [size]
    )
    read = [read_leaf(leaf) for (leaf,) in leaves]
    seen_ms = max((leaf.received_ms for leaf in read if leaf.kind == EntryKind.DOCUMENT), default=0)
    return keys.cosigned(row[0], seen_ms // 1000)


def _memories(connection: Connection) -> list[Remembered]:
    rows = connection.execute(
        "SELECT DISTINCT ON (signed_by, requested_by) requested_by || '-' || signed_by, se_total, body_hash "
        "FROM ledger.identity WHERE signed_by <> '' ORDER BY signed_by, requested_by, se_total DESC LIMIT %s",
        [DEVICES_MOST],
    )
    return [Remembered(*row) for row in rows]


def _receipts(connection: Connection, victim: Victim) -> list[Receipt]:
    """The victim's buyer, and some others spread over the log."""
    rows = connection.execute(
        "SELECT requested_by || '-' || signed_by, se_total, act_hash, log_index FROM ledger.identity "
        "WHERE signed_by <> '' AND (log_index = ANY(%s) OR log_index %% greatest(1, %s / %s) = 0) ORDER BY log_index",
        [[victim.index, victim.other], victim.size, RECEIPTS_MOST - 2],
    )
    receipts = []
    for device, ordinal, act_hash, index in rows.fetchall():
        proof = tlog_proof(connection, index)
        head = parse_checkpoint(proof.checkpoint.text)
        receipts.append(Receipt(device, ordinal, act_hash, index, tuple(proof.hashes), head.size, head.root))
    return receipts


def newest_head(note: bytes) -> tuple[int, bytes]:
    """Size and root of a note."""
    head = parse_checkpoint(parse_note(note).text)
    return head.size, head.root
