"""An inclusion proof from the ledger's tables: ten million leaves with FULL=1, a stand-in without.

The tree is real (every node is the hash of its two), its leaves are hashes of nothing: what is measured is what a proof
costs, the newest checkpoint and all its tiles included, for entries all over the log on one connection.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles

import psycopg

from benchmarks.claim import Claim, duration
from benchmarks.limits import disk_folder
from tallystick.authority.ledger.queries import tlog_proof
from tallystick.crypto.keys import generate_ed25519_key
from tallystick.crypto.signatures import sign_ed25519
from tallystick.kernel.merkle import Frontier, leaf_hash, node_hash, verify_inclusion
from tallystick.ops.postgres import EmbeddedPostgres
from tallystick.ops.schema.roles import PORTAL, as_role
from tallystick.wire.signed_note import (
    Checkpoint,
    KeyType,
    NoteKey,
    SignedNote,
    parse_checkpoint,
    sign_note,
    write_note,
)
from tallystick.wire.tiles import TILE_WIDTH

FULL_LEAVES = 10_000_000
STAND_IN_LEAVES = 300_000
PROOFS = 2_000
TARGET_SECONDS = 0.002
ORIGIN = "fdo.example/bench/inclusion"
_LEAF = bytes(176)


def run(full: bool) -> Iterable[Claim]:
    """Build the tree's tables, then make and check proofs of entries drawn at random."""
    leaves = (FULL_LEAVES if full else STAND_IN_LEAVES) // TILE_WIDTH * TILE_WIDTH + 77
    with _server() as dsn:
        with psycopg.connect(dsn) as owner:
            hashes = _build(owner, leaves)
        with psycopg.connect(as_role(dsn, PORTAL), autocommit=True) as connection:
            times = [_proof_seconds(connection, index, hashes) for index in _indexes(leaves)]
            trip = median(_trip_seconds(connection) for _ in range(500))
    p99 = quantiles(times, n=100)[98]
    size = f"{leaves:,} leaves" + ("" if full else f" (stand-in for {FULL_LEAVES:,}; FULL=1 measures those)")
    yield Claim(
        name=f"inclusion proof from {size}, checkpoint included",
        measured=f"{duration(median(times))} in the middle, {duration(p99)} of 99 in 100",
        limit=f"{duration(trip)} for one question to the same server",
        ratio=median(times) / trip,
        target=f"under {duration(TARGET_SECONDS)}",
        ok=median(times) < TARGET_SECONDS,
    )


def _indexes(leaves: int) -> list[int]:
    chance = random.Random(1)
    return [0, leaves - 1, *(chance.randrange(leaves) for _ in range(PROOFS))]


def _proof_seconds(connection: psycopg.Connection, index: int, hashes: dict[int, bytes]) -> float:
    started = time.perf_counter()
    proof = tlog_proof(connection, index)
    seconds = time.perf_counter() - started
    head = parse_checkpoint(proof.checkpoint.text)
    tile = hashes[index // TILE_WIDTH]
    leaf = tile[index % TILE_WIDTH * 32 :][:32]
    verify_inclusion(leaf, index, head.size, proof.hashes, head.root)
    return seconds


def _trip_seconds(connection: psycopg.Connection) -> float:
    started = time.perf_counter()
    connection.execute("SELECT 1").fetchone()
    return time.perf_counter() - started


def _build(connection: psycopg.Connection, leaves: int) -> dict[int, bytes]:
    """Tiles of all levels, the leaves at the right edge, and a signed head; the hashes of every bottom tile."""
    frontier, bottom = Frontier(), {}
    copy = "COPY ledger.tiles (level, tile_index, hashes, root) FROM STDIN"
    roots: list[bytes] = []
    with connection.cursor().copy(copy) as tiles:
        for index in range(leaves // TILE_WIDTH):
            hashes = bottom[index] = os.urandom(32 * TILE_WIDTH)
            roots.append(_fold([hashes[at : at + 32] for at in range(0, len(hashes), 32)]))
            tiles.write_row((0, index, hashes, roots[-1]))
        for level in (1, 2, 3):
            above = []
            for index in range(len(roots) // TILE_WIDTH):
                part = roots[index * TILE_WIDTH : (index + 1) * TILE_WIDTH]
                above.append(_fold(part))
                tiles.write_row((level, index, b"".join(part), above[-1]))
            roots = above
    first = leaves // TILE_WIDTH * TILE_WIDTH
    edge = [leaf_hash(_LEAF)] * (leaves - first)
    bottom[leaves // TILE_WIDTH] = b"".join(edge)
    with connection.cursor().copy("COPY ledger.leaves (log_index, leaf, month, tin) FROM STDIN") as rows:
        for index in range(first, leaves):
            rows.write_row((index, _LEAF, 0, ""))
    for index in range(leaves // TILE_WIDTH + 1):
        for at in range(0, len(bottom[index]), 32):
            frontier.append(bottom[index][at : at + 32])
    _sign(connection, leaves, frontier.root())
    state = "INSERT INTO ledger.tree_state VALUES (1, %s, %s, %s, 1, 0, 0, '')"
    connection.execute(state, (leaves, frontier.root(), frontier.right_edge))
    connection.commit()
    connection.execute("ANALYZE ledger.tiles")
    return bottom


def _fold(nodes: list[bytes]) -> bytes:
    while len(nodes) > 1:
        nodes = [node_hash(nodes[at], nodes[at + 1]) for at in range(0, len(nodes), 2)]
    return nodes[0]


def _sign(connection: psycopg.Connection, size: int, root: bytes) -> None:
    key = generate_ed25519_key()
    text = Checkpoint(ORIGIN, size, root).text
    line = sign_note(text, NoteKey(ORIGIN, KeyType.LOG, key.public.raw), lambda message: sign_ed25519(key, message))
    note = write_note(SignedNote(text, (line,)))
    connection.execute("INSERT INTO ledger.checkpoints (tree_size, note) VALUES (%s, %s)", (size, note))


@contextmanager
def _server() -> Iterator[str]:
    with tempfile.TemporaryDirectory(dir=disk_folder(), prefix="tallystick-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # the database's account passes through
        with EmbeddedPostgres(folder / "postgres") as server:
            dsn = server.owner_dsn
            subprocess.run([sys.executable, "-m", "tallystick.ops.schema.migrate", dsn], check=True, timeout=120)
            yield dsn
