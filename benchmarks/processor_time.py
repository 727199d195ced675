"""Processor time of processes that a benchmark has started, as the kernel counts it."""

from __future__ import annotations

import os
from pathlib import Path

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def own_seconds(pid: int) -> float:
    """What a process has used itself, all its threads."""
    return sum(map(int, _fields(Path(f"/proc/{pid}/stat"))[11:13])) / _TICKS_PER_SECOND


def family_seconds(pid: int) -> float:
    """A process, those whom it has waited for, and its descendants that live."""
    used, parents = {}, {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = _fields(entry)
        except OSError:
            continue
        member = int(entry.parent.name)
        used[member], parents[member] = sum(map(int, fields[11:15])), int(fields[1])
    return sum(ticks for member, ticks in used.items() if _descends(member, pid, parents)) / _TICKS_PER_SECOND


def _descends(member: int, pid: int, parents: dict[int, int]) -> bool:
    while member not in (pid, 0):
        member = parents.get(member, 0)
    return member == pid


def _fields(stat: Path) -> list[str]:
    return stat.read_text().rpartition(") ")[2].split()
