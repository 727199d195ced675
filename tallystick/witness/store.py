"""What one witness keeps: keys of logs, the newest head that it cosigned of each, and evidence. Its only SQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs

from tallystick.kernel.hashing import sha256
from tallystick.kernel.merkle import EMPTY_ROOT
from tallystick.kit.sqlite_file import SqliteFile
from tallystick.wire.signed_note import NoteKey, parse_verifier_key

OFFENCES_MOST = 1_000
"""Of each code: proofs that fail may come from strangers, and must not crowd out what proves a fork."""


@attrs.frozen(slots=True)
class Head:
    """The checkpoint that was cosigned last; before the first one, the empty tree without a note."""

    size: int = 0
    root: bytes = EMPTY_ROOT
    note: bytes = b""
    cosigned_at: int = 0


@attrs.frozen(slots=True)
class Offence:
    """Two signed checkpoints that cannot both be true: the one that was cosigned, and the one that was offered."""

    number: int
    origin: str
    at: int
    code: str
    held: bytes
    offered: bytes


@attrs.frozen(slots=True)
class WatchedLog:
    """A log as the witness knows it; without a head while nothing was cosigned."""

    origin: str
    verifier_keys: tuple[str, ...]
    head: Head | None
    offences: int


class WitnessStore:
    """The file of one witness; several threads may use it."""

    def __init__(self, path: Path) -> None:
        """Open or make the file; raises ``sqlite3.DatabaseError``."""
        self._file = SqliteFile(path, "tallystick.witness")

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @contextmanager
    def deciding(self) -> Iterator[None]:
        """One decision: nobody else reads or writes meanwhile, and what is decided is on the disk at its end."""
        with self._file.transaction():
            yield

    def trust(self, key: NoteKey, at: int) -> None:
        """Take a log's key; its name is the log's origin."""
        self._file.run("trust", {"origin": key.name, "verifier_key": key.verifier_key, "at": at})

    def distrust(self, key: NoteKey) -> bool:
        """Take a key away, as after a theft; what was cosigned stays. False where it was not known."""
        return self._file.run("distrust", {"origin": key.name, "verifier_key": key.verifier_key}) > 0

    def keys_of(self, origin: str) -> tuple[NoteKey, ...]:
        """The keys that a log may sign with; none for a log that is not known."""
        return tuple(parse_verifier_key(text) for (text,) in self._file.rows("keys_of", {"origin": origin}))

    def head(self, origin: str) -> Head:
        """What was cosigned last."""
        row = self._file.row("head", {"origin": origin})
        return Head(*row) if row else Head()

    def move_head(self, origin: str, old: Head, new: Head) -> None:
        """Take ``new`` in the place of ``old``; raises ``RuntimeError`` where that is not the head any more."""
        values = {"origin": origin, "size": new.size, "root": new.root, "note": new.note, "at": new.cosigned_at}
        if not old.note:
            self._file.run("begin_head", values)
        elif self._file.run("move_head", values | {"old_size": old.size}) != 1:
            raise RuntimeError("the head was moved by somebody else")

    def keep_offence(self, origin: str, at: int, code: str, held: bytes, offered: bytes) -> None:
        """Keep evidence, each pair of notes once, up to a bound."""
        values = {"origin": origin, "at": at, "code": code, "held": held, "offered": offered}
        values |= {"fingerprint": sha256(held + b"\0" + offered), "most": OFFENCES_MOST}
        self._file.run("keep_offence", values)

    def offences(self) -> list[Offence]:
        """All evidence, oldest first."""
        return [Offence(*row) for row in self._file.rows("offences")]

    def logs(self) -> list[WatchedLog]:
        """All logs that are watched, by origin."""
        found: dict[str, WatchedLog] = {}
        for origin, key, size, root, note, at, offences in self._file.rows("logs"):
            known = found.get(origin)
            head = Head(size, root, note, at) if size is not None else None
            keys = (*known.verifier_keys, key) if known else (key,)
            found[origin] = WatchedLog(origin, keys, head, offences)
        return list(found.values())
