"""The written record: one line of JSON for each step, each bound to the line before it by a hash.

    {"step": "people", "at": "2026-11-27T12:00:00Z", "facts": {...}, "ticked": ["Ann", "Bo"], "before": HEX}

The file is written anew and flushed after each step, so that an interrupted ceremony goes on where it stopped. Its
hash, the head of the chain, is what goes into the ledger; whoever holds the file can check it with `verify_record`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs
import msgspec

from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import sha256
from tallystick.kit.atomic_file import write_atomically

VERSION = "1"


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One step that was done. ``before`` is the SHA-256 of the line before, hex; empty at the first."""

    step: str
    at: str
    facts: dict[str, str]
    ticked: list[str]
    before: str


_encode = msgspec.json.Encoder(order="sorted").encode
_decode = msgspec.json.Decoder(Line).decode


@attrs.define
class Record:
    """The lines so far, and the file that holds them; no file in a rehearsal."""

    path: Path | None
    lines: list[Line] = attrs.Factory(list)

    @classmethod
    def open(cls, path: Path) -> Record:
        """The record in a file, or an empty one; raises ``TS-3036`` when the file was changed."""
        return cls(path, verify_record(path.read_bytes()) if path.exists() else [])

    @property
    def done(self) -> tuple[str, ...]:
        """The steps that are done, in order."""
        return tuple(line.step for line in self.lines)

    def facts(self, step: str) -> Mapping[str, str]:
        """What a step that is done has noted."""
        return next((line.facts for line in reversed(self.lines) if line.step == step), {})

    def add(self, step: str, at: str, facts: Mapping[str, str], ticked: Sequence[str]) -> None:
        """Write a step down, durably."""
        before = sha256(_encode(self.lines[-1])).hex() if self.lines else ""
        self.lines.append(Line(step, at, dict(facts), list(ticked), before))
        if self.path is not None:
            write_atomically(self.path, self.content, mode=0o644)

    @property
    def content(self) -> bytes:
        """The file's bytes."""
        return b"".join(_encode(line) + b"\n" for line in self.lines)

    @property
    def hash(self) -> bytes:
        """SHA-256 of the newest line, and through it of all."""
        return sha256(_encode(self.lines[-1]))


def verify_record(content: bytes) -> list[Line]:
    """The lines of a record; raises ``TS-3036`` when a line was changed, added or taken away inside."""
    lines: list[Line] = []
    for number, data in enumerate(content.splitlines(), 1):
        try:
            line = _decode(data)
        except msgspec.DecodeError as error:
            raise Fault("TS-3036", detail=f"line {number} cannot be read: {error}") from None
        expected = sha256(_encode(lines[-1])).hex() if lines else ""
        if line.before != expected or _encode(line) != data:
            raise Fault("TS-3036", detail=f"line {number} does not follow the line before it")
        lines.append(line)
    return lines
