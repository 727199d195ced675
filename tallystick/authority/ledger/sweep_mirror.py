"""The self-check's reading of the mirror: entry by entry beside the log, and the signed heads between them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

from tallystick.authority.ledger.findings import FindingCode, Shows, finding
from tallystick.authority.ledger.mirror import Frame, MirrorDamaged, MirrorEntry, read_frames, segments
from tallystick.authority.ledger.store import load_tree_state
from tallystick.authority.ledger.sweep_rows import Connection
from tallystick.authority.ledger.sweep_tree import Report, TreeCheck
from tallystick.kernel.faults import Fault
from tallystick.wire.signed_note import parse_checkpoint, parse_note


class MirrorReader:
    """The second copy, read once from its beginning; ``folder`` is None where there is none to compare with."""

    def __init__(self, folder: Path | None, tree: TreeCheck, report: Report) -> None:
        self._frames: Iterator[Frame] | None = _frames(folder) if folder is not None else None
        self._tree = tree
        self._report = report
        self._waiting: Frame | None = None

    @property
    def present(self) -> bool:
        """Whether there is a mirror that can be read."""
        return self._frames is not None

    def next_entry(self, index: int) -> MirrorEntry | None:
        """The mirror's copy of an entry; the signed heads before it are compared with the tree on the way."""
        if self._frames is None:
            return None
        try:
            return self._advance(self._frames, index)
        except MirrorDamaged as error:
            self._report(finding(FindingCode.MIRROR_DIFFERS, "mirror", str(error), Shows.MIRROR))
            self._frames = None
            return None

    def _advance(self, frames: Iterator[Frame], index: int) -> MirrorEntry | None:
        while (frame := self._waiting or next(frames, None)) is not None:
            self._waiting = frame
            if frame.entry is not None and frame.entry.log_index > index:
                return None
            self._waiting = None
            if frame.entry is not None and frame.entry.log_index == index:
                return frame.entry
            if frame.note is not None:
                self._tree.mirrored_head(frame.note)
        return None

    def pass_end(self, connection: Connection) -> None:
        """After the last entry: the mirror may go on with what arrived meanwhile, and with one batch in work."""
        sealed, batches = 0, []
        waiting = [self._waiting] if self._waiting else []
        try:
            for frame in itertools.chain(waiting, self._frames or ()):
                if frame.note is not None:
                    if not sealed:
                        self._tree.mirrored_head(frame.note)
                    sealed = parse_checkpoint(parse_note(frame.note).text).size
                elif frame.batch is not None:
                    batches.append(frame.batch[1])
        except (MirrorDamaged, Fault) as error:
            self._report(finding(FindingCode.MIRROR_DIFFERS, "mirror", str(error), Shows.MIRROR))
        size = load_tree_state(connection).size
        if sealed > size or sum(1 for first in batches if first >= size) > 1:
            detail = f"the mirror goes on to {max(sealed, *batches, 0)} where the log ends"
            self._report(finding(FindingCode.MIRROR_DIFFERS, f"entry {size}", detail, Shows.MIRROR))


def _frames(folder: Path) -> Iterator[Frame]:
    for segment in segments(folder):
        yield from read_frames(segment)
