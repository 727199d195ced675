"""Runs the benchmarks of this folder and prints one line a claim: ``python -m benchmarks [--full] [name ...]``.

A benchmark is a module with ``run(full: bool) -> Iterable[Claim]``. ``--full``, or ``FULL=1`` in the environment, asks
for the long set.
A missed target is printed as MISS; only a benchmark that breaks makes the command fail.
"""

from __future__ import annotations

import importlib
import os
import platform
import sys
import time
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path

from benchmarks.claim import HEADER, Claim, duration, per_second
from benchmarks.limits import disk_folder, flush_seconds, rsa_private_seconds, sha256_seconds

Run = Callable[[bool], Iterable[Claim]]


def benchmarks(chosen: list[str]) -> dict[str, Run]:
    """The benchmarks of this folder by name: all of them, or the chosen ones."""
    found: dict[str, Run] = {}
    for path in sorted(Path(__file__).parent.glob("[a-z]*.py")):
        if not chosen or path.stem in chosen:
            run = getattr(importlib.import_module(f"benchmarks.{path.stem}"), "run", None)
            if run is not None:
                found[path.stem] = run
    return found


def print_machine() -> None:
    """What the ratios refer to, the disk's flush rate first."""
    flush = flush_seconds()
    print(f"flush: {per_second(1 / flush, 'flushes')} of 8 KiB in {disk_folder()} ({duration(flush)} each)")
    print(f"RSA-2048 private: {per_second(1 / rsa_private_seconds(), 'operations')} a core")
    print(f"SHA-256: {per_second(1 / sha256_seconds(), 'blocks')} of 1 KiB a core")
    print(f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}", flush=True)


def main() -> int:
    """Run and print; the exit status is 1 when a benchmark broke or a name is unknown."""
    full = "--full" in sys.argv or os.environ.get("FULL", "0") not in ("", "0")
    chosen = [name for name in sys.argv[1:] if name != "--full"]
    found = benchmarks(chosen)
    broken = [f"{name}: there is no such benchmark" for name in chosen if name not in found]
    started = time.monotonic()
    print_machine()
    print(f"\n{HEADER}", flush=True)
    misses = 0
    for name, run in found.items():
        try:
            for claim in run(full):
                misses += not claim.ok
                print(claim.line(), flush=True)
        except Exception:
            broken.append(f"{name}: {traceback.format_exc()}")
            print(f"{name} | broken | | | | MISS", flush=True)
    print(f"\n{misses} missed, {len(broken)} broken, {time.monotonic() - started:.0f} seconds")
    print("\n".join(broken), file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    raise SystemExit(main())
