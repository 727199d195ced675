"""Whether the fetched log is without gaps. A segment is named by timeline, log and number, eight hex digits each."""

from __future__ import annotations

import re
from pathlib import Path

_SEGMENT = re.compile(r"([0-9A-F]{8})([0-9A-F]{8})([0-9A-F]{8})(\.partial)?")


def segment_names(wal: Path) -> list[str]:
    """The segments that are there, whole ones and the one that grows, by name without `.partial`."""
    found = (path.name.removesuffix(".partial") for path in wal.glob("*") if _SEGMENT.fullmatch(path.name))
    return sorted(set(found))


def gaps(wal: Path, first: str, segment_bytes: int) -> list[str]:
    """What lacks between the segment ``first`` and the newest one; empty where nothing does."""
    names = [name for name in segment_names(wal) if name >= first]
    if not names:
        return []
    per_log = 2**32 // segment_bytes
    numbers = [_number(name, per_log) for name in names]
    found = []
    for before, after, name in zip(numbers, numbers[1:], names[1:], strict=False):
        if after > before + 1:
            found.append(f"wal: {after - before - 1} segments lack before {name}")
    short = (path for path in sorted(wal.glob("*")) if _SEGMENT.fullmatch(path.name))
    found += [f"wal: {path.name} is cut" for path in short if path.stat().st_size not in (0, segment_bytes)]
    return found


def newest_whole(wal: Path) -> str:
    """The newest segment that is whole; empty where none is."""
    return max((path.name for path in wal.glob("*") if _SEGMENT.fullmatch(path.name) and not path.suffix), default="")


def is_before(one: str, other: str) -> bool:
    """Whether a segment lies before another one, whatever the timelines."""
    return one[8:] < other[8:]


def _number(name: str, per_log: int) -> int:
    return int(name[8:16], 16) * per_log + int(name[16:24], 16)
