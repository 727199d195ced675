"""Runs the benchmarks of this folder and prints one line a claim: ``python -m benchmarks [--full] [name ...]``.

A benchmark is a module with ``run(full: bool) -> Iterable[Claim]``. ``--full``, or ``FULL=1`` in the environment, asks
for the long set, which has no bound in time. Each runs in a process of its own, with a folder that is removed
afterwards: one that breaks or hangs costs its own lines only. Nothing is skipped silently: a benchmark that is missing,
cannot run, breaks or takes too long prints a line that says so.

A missed target is printed as MISS; only a benchmark without a figure makes the command fail.
"""

from __future__ import annotations

import os
import platform
import re
import signal
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.claim import HEADER, MISS, duration, per_second, unmeasured
from benchmarks.limits import disk_folder, flush_seconds, rsa_private_seconds, sha256_seconds
from benchmarks.runner import ENDED_WELL, Runner

TABLE = ("intake", "sale", "visible", "verification_url", "tax", "ledger_growth", "memory", "pcsc")
"""In the order of the project's table of figures; what else is in the folder comes after it."""
SHORT_SET_SECONDS = 14 * 60
ONE_SECONDS = 5 * 60
_RUN = re.compile(r"^def run\(", re.MULTILINE)


def found_benchmarks() -> list[str]:
    """The benchmarks of this folder by name."""
    files = sorted(Path(__file__).parent.glob("[a-z]*.py"))
    return [file.stem for file in files if _RUN.search(file.read_text(encoding="utf-8"))]


def print_machine() -> None:
    """What the ratios refer to, the disk's flush rate first."""
    flush = flush_seconds()
    print(f"flush: {per_second(1 / flush, 'flushes')} of 8 KiB in {disk_folder()} ({duration(flush)} each)")
    print(f"RSA-2048 private: {per_second(1 / rsa_private_seconds(), 'operations')} a core")
    print(f"SHA-256: {per_second(1 / sha256_seconds(), 'blocks')} of 1 KiB a core")
    print(f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}", flush=True)


def main() -> int:
    """Run and print; the exit status is 1 when a benchmark gave no figures."""
    full = "--full" in sys.argv or os.environ.get("FULL", "0") not in ("", "0")
    chosen = [name for name in sys.argv[1:] if name != "--full"]
    found = found_benchmarks()
    names = chosen or [*TABLE, *(name for name in found if name not in TABLE)]
    started = time.monotonic()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    print_machine()
    print(f"\n{HEADER}", flush=True)
    missed, without = 0, 0
    for name in names:
        left = SHORT_SET_SECONDS - (time.monotonic() - started)
        lines, ended = _lines(name, full, None if full else min(ONE_SECONDS, left)) if name in found else _absent(name)
        missed += sum(line.endswith(f"| {MISS}") for line in lines)
        without += ended != ENDED_WELL
    print(f"\n{missed} missed, {without} without figures, {time.monotonic() - started:.0f} seconds")
    return 1 if without else 0


def _lines(name: str, full: bool, seconds: float | None) -> tuple[list[str], int]:
    with tempfile.TemporaryDirectory(dir=disk_folder(), prefix="tallystick-bench-", ignore_cleanup_errors=True) as own:
        Path(own).chmod(0o755)  # the database's account passes through
        return Runner(name, full, Path(own), seconds).run()


def _absent(name: str) -> tuple[list[str], int]:
    line = unmeasured(name, "there is no such benchmark")
    print(line, flush=True)
    return [line], 1


if __name__ == "__main__":
    raise SystemExit(main())
