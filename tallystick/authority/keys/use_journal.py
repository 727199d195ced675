"""The journal of a key process: one line for each signature, written before the key is used.

    <Unix ms> <use> <label> <SHA-256 of the text, hex>

One file a process and day (UTC). It is the desk's own word of what was signed, next to the word of those who asked
(`keys.use`, the ledger's tree heads): the daily reconcile wants both to be the same. It is not flushed line by line:
after a power cut the last seconds may lack, which makes a use unjournalled, never unexplained.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import attrs

from tallystick.authority.keys.messages import SignRequest
from tallystick.kernel.hashing import sha256
from tallystick.kernel.instants import Clock, unix_ms

_FILE_MODE = 0o600
UNREADABLE = "unreadable"


@attrs.frozen(slots=True)
class JournalledUse:
    """One line: when, for what, with which key, over which bytes (their SHA-256)."""

    at_ms: int
    use: str
    label: str
    digest: bytes


class UseJournal:
    """Appends to today's file of one process."""

    def __init__(self, folder: Path, process: str, clock: Clock) -> None:
        self._folder, self._process, self._clock = folder, process, clock
        self._day: date | None = None
        self._file = -1

    def write(self, request: SignRequest) -> None:
        """Note a use; raises ``OSError`` when it cannot, and then the key must not be used."""
        now = self._clock()
        if now.date() != self._day:
            self._turn_over(now)
        line = f"{unix_ms(now)} {request.use.name} {request.label} {sha256(request.text).hex()}\n".encode()
        os.write(self._file, line)

    def _turn_over(self, now: datetime) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._folder / f"{now.date():%Y-%m-%d}.{self._process}.uses"
        opened = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, _FILE_MODE)
        size = os.fstat(opened).st_size
        if size and os.pread(opened, 1, size - 1) != b"\n":
            os.write(opened, b"\n")  # a line that a crash tore stays a line of its own
        if self._file >= 0:
            os.close(self._file)
        self._file, self._day = opened, now.date()


def read_journals(folder: Path, first: date, last: date) -> Iterator[JournalledUse]:
    """All uses of the days from ``first`` to ``last``, file by file.

    The last line of a file may be torn by a crash: it is left out. Any other line that is no use is given as one that
    nothing will explain (`UNREADABLE`, the file, SHA-256 of the line), so that it is told and hides none behind it.
    """
    for file in sorted(folder.glob("*.uses")):
        if not f"{first:%Y-%m-%d}" <= file.name[:10] <= f"{last:%Y-%m-%d}":
            continue
        with file.open("rb") as lines:
            for line in lines:
                if not line.endswith(b"\n"):
                    break
                yield _read(file.name, line)


def _read(name: str, line: bytes) -> JournalledUse:
    try:
        at_ms, use, label, digest = line.decode("ascii").split()
        return JournalledUse(int(at_ms), use, label, bytes.fromhex(digest))
    except ValueError:
        return JournalledUse(0, UNREADABLE, name, sha256(line))
