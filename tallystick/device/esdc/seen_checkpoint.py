"""The newest signed head of the authority's ledger that this device was shown; it is shown back at times.

The device cannot judge it: it carries it, so that an office that shows one history here and another one elsewhere is
found out by whoever has both. A file beside the store holds it: the wire that the store belongs to knows nothing of it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import attrs

from tallystick.kernel.faults import Fault
from tallystick.kit.atomic_file import write_atomically
from tallystick.wire.checkpoint_header import read_checkpoint_header
from tallystick.wire.signed_note import Checkpoint

FILE = "checkpoint"
SHOWN_BACK_EVERY = timedelta(minutes=1)
WRITTEN_EVERY = timedelta(seconds=10)


@attrs.define
class SeenCheckpoint:
    """What was seen last, in memory and in the folder. ``value`` is the header text, empty before the first."""

    folder: Path
    value: str = ""
    _seen: Checkpoint | None = None
    _shown_back_at: datetime | None = None
    _shown_back_to: str = ""
    _written_at: datetime | None = None
    _written: str = ""

    @classmethod
    def of(cls, folder: Path) -> SeenCheckpoint:
        """What the folder holds; a file that cannot be read counts as none."""
        made = cls(folder)
        seen = read_seen(folder)
        if seen is not None:
            made.value, made._seen = seen
            made._written = made.value
        return made

    def to_show(self, api_url: str, now: datetime) -> str:
        """What to send with a call, empty mostly: once a minute, and whenever another authority is spoken to."""
        due = self._shown_back_at is None or now - self._shown_back_at >= SHOWN_BACK_EVERY
        if not self.value or not (due or api_url != self._shown_back_to):
            return ""
        self._shown_back_at, self._shown_back_to = now, api_url
        return self.value

    def take(self, value: str, now: datetime) -> None:
        """Keep what an answer carried, if it is a head that goes further than the one we have, or of another log."""
        try:
            _, seen = read_checkpoint_header(value)
        except Fault:
            return
        if self._seen is not None and self._seen.origin == seen.origin and seen.size < self._seen.size:
            return
        self.value, self._seen = value, seen
        if self._written_at is None or now - self._written_at >= WRITTEN_EVERY:
            self._write(now)

    def _write(self, now: datetime) -> None:
        self._written_at = now
        if self.value != self._written:
            try:
                write_atomically(self.folder / FILE, self.value.encode("ascii"), durable=False)
                self._written = self.value
            except OSError:
                return


def read_seen(folder: Path) -> tuple[str, Checkpoint] | None:
    """What a folder holds: the header's text and what it says; none where there is none."""
    try:
        value = (folder / FILE).read_text(encoding="ascii").strip()
        _, seen = read_checkpoint_header(value)
    except (OSError, UnicodeDecodeError, Fault):
        return None
    return value, seen
