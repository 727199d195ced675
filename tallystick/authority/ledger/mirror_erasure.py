"""Takes lawfully erased bodies out of the second copy: closed files are written anew, the open one never.

A body is taken out only where the file holds the very bytes that were erased, and with it the salt of the commitment to
its buyer; everything else stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path

from tallystick.authority.ledger.mirror import (
    HEADER_BYTES,
    entry_frame,
    first_index_of,
    read_frames,
    segments,
)
from tallystick.kernel.hashing import sha256
from tallystick.kit.atomic_file import write_atomically


def closed_below(folder: Path) -> int:
    """Entries below this index lie in files that are written no more; 0 while there is one file."""
    files = segments(folder)
    return first_index_of(files[-1]) if len(files) > 1 else 0


def erase_in_mirror(folder: Path, erased: Mapping[int, bytes]) -> Iterator[frozenset[int]]:
    """Write the closed files anew that hold one of these bodies (index to SHA-256); each file whole or not at all.

    Goes on as it is iterated, and gives the entries whose bodies are out, file by file.
    """
    files = segments(folder)
    before = frozenset(index for index in erased if files and index < first_index_of(files[0]))
    if before:
        yield before  # older than the mirror
    for segment, following in pairwise(files):
        first, end = first_index_of(segment), first_index_of(following)
        wanted = {index: digest for index, digest in erased.items() if first <= index < end}
        if wanted:
            content = _without(segment, wanted)
            if content is not None:
                write_atomically(segment, content)
            yield frozenset(wanted)


def _without(segment: Path, erased: Mapping[int, bytes]) -> bytes | None:
    """The file's new content; none where it holds none of these bodies."""
    content = segment.read_bytes()
    kept, start, changed = [content[:HEADER_BYTES]], HEADER_BYTES, False
    salt_at = -1
    for frame in read_frames(segment):
        entry = frame.entry
        if frame.buyer is not None:
            salt_at = len(kept)
        if entry is not None and entry.body and sha256(entry.body) == erased.get(entry.log_index):
            if salt_at >= 0:
                kept[salt_at] = b""  # what opens the commitment to the buyer
            kept += entry_frame(*entry._replace(body=b""))
            changed = True
        else:
            kept.append(content[start : frame.end])
        if entry is not None:
            salt_at = -1
        start = frame.end
    return b"".join((*kept, content[start:])) if changed else None
