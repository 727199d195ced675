"""Appending to a fiscal memory against bare appending with a flush, on the same disk, turn about.

Ours: documents of 2 KB, each chained, written, flushed and counted before it is told, with a seal (ES256, and a flush
of the counter) every 50. Bare: as many writes of the same length at the end of a file, each with ``fdatasync``. The
rate of ours counts documents alone, so seals are a cost. Since ours fills files with zeros beforehand, as a journal
does, the same is told against bare writes into a file that has its length already, where a flush costs least.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from statistics import median

from benchmarks.claim import Claim, duration, per_second
from benchmarks.limits import disk_folder
from tallystick.crypto.keys import PrivateKey, generate_p256_key
from tallystick.crypto.signatures import sign_es256
from tallystick.device.worm import FileMemory, RecordKind, begin_memory, open_memory
from tallystick.device.worm.disk import FolderSource
from tallystick.device.worm.dump import verify_dump
from tallystick.kernel.hashing import worm_link
from tallystick.wire.worm import RECORD_OVERHEAD_BYTES

UID = "BENCH001"
DOCUMENT_BYTES = 2_048
BLOCK = 100
FILLED_BYTES = 64 * 1024 * 1024
APPEND_TARGET = 0.8
VERIFY_TARGET = 0.2


def run(full: bool) -> Iterable[Claim]:
    """Appends in turn with bare ones; then what a start and a verification of all of it take."""
    key = generate_p256_key()
    rounds = 100 if full else 30
    with tempfile.TemporaryDirectory(dir=disk_folder(), prefix="tallystick-bench-") as name:
        folder = Path(name) / "memory"
        begin_memory(folder, UID)
        memory = open_memory(folder, UID, datetime.now(UTC))
        with _bare_file(Path(name) / "bare", 0) as bare, _bare_file(Path(name) / "filled", FILLED_BYTES) as filled:
            turns = [_turn(memory, key, bare, filled) for _ in range(rounds)]
        memory.release()
        yield from _append_claims(turns)
        yield _opening_claim(folder)
        yield _verify_claim(folder)


def _turn(memory: FileMemory, key: PrivateKey, bare: int, filled: int) -> tuple[float, float, float]:
    """Seconds of a block of documents, of a block of bare appends, and of one of writes into a filled file."""
    documents = [os.urandom(DOCUMENT_BYTES) for _ in range(BLOCK)]
    raw = os.urandom(DOCUMENT_BYTES + RECORD_OVERHEAD_BYTES)
    started = time.perf_counter()
    for document in documents:
        if memory.state.seal_due:
            memory.seal(memory.head.seq, lambda text: sign_es256(key, text), datetime.now(UTC))
        memory.append(RecordKind.DOCUMENT, document, datetime.now(UTC))
    moments = [started, time.perf_counter()]
    for handle in (bare, filled):
        for _ in documents:
            os.write(handle, raw)
            os.fdatasync(handle)
        moments.append(time.perf_counter())
    ours, appended, written = (after - before for before, after in pairwise(moments))
    return ours, appended, written


def _append_claims(turns: list[tuple[float, float, float]]) -> Iterator[Claim]:
    ours, appended, written = (BLOCK / median(column) for column in zip(*turns, strict=True))
    ratio = median(bare / memory for memory, bare, _ in turns)
    yield Claim(
        name="fiscal memory, append with flush, 2 KB documents, a seal every 50",
        measured=per_second(ours, "documents"),
        limit=per_second(appended, "bare appends with flush"),
        ratio=ratio,
        target=f">= {APPEND_TARGET} x",
        ok=ratio >= APPEND_TARGET,
    )
    yield Claim(
        name="the same against writes into a file of its full length",
        measured=per_second(ours, "documents"),
        limit=per_second(written, "bare writes with flush"),
        ratio=median(bare / memory for memory, _, bare in turns),
        target="information",
        ok=True,
    )


def _opening_claim(folder: Path) -> Claim:
    started = time.perf_counter()
    memory = open_memory(folder, UID, datetime.now(UTC))
    seconds = time.perf_counter() - started
    records = memory.head.seq
    memory.release()
    return Claim(
        name=f"fiscal memory, opened with {records:,} records",
        measured=duration(seconds),
        limit="",
        ratio=None,
        target="information",
        ok=True,
    )


def _verify_claim(folder: Path) -> Claim:
    """Against hashing the same records alone, which nobody who checks the chain can leave out."""
    started = time.process_time()
    outcome = verify_dump(FolderSource(folder), found=print)
    seconds = time.process_time() - started
    assert outcome.breaks == 0
    data = os.urandom(DOCUMENT_BYTES)
    link = bytes(32)
    started = time.process_time()
    for seq in range(outcome.records):
        link = worm_link(link, seq, 0, 1, data)
    alone = time.process_time() - started
    return Claim(
        name="fiscal memory, verification of a copy, without signatures",
        measured=per_second(outcome.records / seconds, "records"),
        limit=per_second(outcome.records / alone, "links alone"),
        ratio=alone / seconds,
        target=f">= {VERIFY_TARGET} x",
        ok=alone / seconds >= VERIFY_TARGET,
    )


@contextmanager
def _bare_file(path: Path, filled_bytes: int) -> Iterator[int]:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(handle, bytes(filled_bytes))
        os.fsync(handle)
        os.lseek(handle, 0, os.SEEK_SET)
        yield handle
    finally:
        os.close(handle)
