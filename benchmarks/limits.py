"""What this machine can do at best, measured in the same run as the claims: flush, RSA, hash, bare arithmetic."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from statistics import median

from tallystick.crypto.keys import generate_rsa_key
from tallystick.crypto.signatures import sign_invoice_text
from tallystick.kernel.hashing import sha256

PAGE_BYTES = 8 * 1024
SIGNED_TEXT_BYTES = 321


def disk_folder() -> Path:
    """Where benchmarks write: what the runner names, else a place that is a disk on most systems, not memory."""
    kept = Path(os.environ.get("BENCH_FOLDER", "/var/tmp"))
    return kept if os.access(kept, os.W_OK) else Path(tempfile.gettempdir())


@cache
def flush_seconds(samples: int = 200) -> float:
    """Median time to write one 8 KiB page at the end of a file and ``fdatasync`` it."""
    page = os.urandom(PAGE_BYTES)
    times = []
    with tempfile.NamedTemporaryFile(dir=disk_folder(), prefix="tallystick-bench-") as file:
        handle = file.fileno()
        for _ in range(samples):
            start = time.perf_counter()
            os.write(handle, page)
            os.fdatasync(handle)
            times.append(time.perf_counter() - start)
    return median(times)


@cache
def rsa_private_seconds() -> float:
    """Processor time of one RSA-2048 private operation, a PKCS#1 v1.5 signature over the text of an invoice."""
    key = generate_rsa_key()
    text = bytes(SIGNED_TEXT_BYTES)
    return best_seconds(lambda: sign_invoice_text(key, text), calls=200)


@cache
def sha256_seconds(block_bytes: int = 1024) -> float:
    """Processor time of SHA-256 over a block of this size."""
    block = bytes(block_bytes)
    return best_seconds(lambda: sha256(block), calls=2_000)


@cache
def multiplication_seconds() -> float:
    """Processor time of what one label of one basket line cannot do without: multiply, add, divide, add to a sum."""
    turns = 2_000

    def turn() -> None:
        total, doubled, denominator = {1: 0}, 900_000_000, 10_900_000_000
        for base in range(684_600, 684_600 + turns):
            amount = (base * doubled + denominator) // (2 * denominator)
            total[1] = total.get(1, 0) + amount

    return best_seconds(turn, calls=20) / turns


def best_seconds(work: Callable[[], object], *, calls: int, rounds: int = 7) -> float:
    """Processor time of one call: the best of several rounds, since a busy machine only ever adds time."""
    best = float("inf")
    for _ in range(rounds):
        start = time.process_time()
        for _ in range(calls):
            work()
        best = min(best, (time.process_time() - start) / calls)
    return best
