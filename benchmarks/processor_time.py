"""Processor time of processes that a benchmark has started, as the kernel counts it."""

from __future__ import annotations

import os
from pathlib import Path

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def own_seconds(pid: int) -> float:
    """What a process has used itself, all its threads."""
    return sum(map(int, _fields(Path(f"/proc/{pid}/stat"))[11:13])) / _TICKS_PER_SECOND


def family_seconds(pid: int) -> float:
    """A process, its children that live, and those that it has waited for."""
    total = sum(map(int, _fields(Path(f"/proc/{pid}/stat"))[11:15])) / _TICKS_PER_SECOND
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = _fields(entry)
        except OSError:
            continue
        if int(fields[1]) == pid:
            total += sum(map(int, fields[11:13])) / _TICKS_PER_SECOND
    return total


def _fields(stat: Path) -> list[str]:
    return stat.read_text().rpartition(") ")[2].split()
