"""What the register remembers of commands; each change is one durable commit, with the answer to its command."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs

from tallystick.kernel.device_commands import (
    CommandKind,
    FirmwareNotice,
    Hold,
    PolicyChange,
    RateChange,
    Release,
    Wanted,
)
from tallystick.kernel.faults import Fault
from tallystick.kit.sqlite_file import SqliteFile
from tallystick.wire.device_command import SignedCommand

FILE = "commands.db"
_PACKAGE = "tallystick.device.ecr.remote"
_POLICY = ("offline_hours", "rolling_hours", "rolling_days", "shift_hours", "receipt_text")


@attrs.frozen(slots=True, kw_only=True)
class Control:
    """What holds now; a limit that nobody set is none. ``build`` is one that shall be installed by a moment.

    ``is_lost`` tells that commands were obeyed before of which nothing is known any more.
    """

    is_held: bool
    is_lost: bool
    offline_hours: int | None
    rolling_hours: int | None
    rolling_days: int | None
    shift_hours: int | None
    receipt_text: str
    build: str
    install_by_ms: int
    rates: tuple[RateChange, ...]


class CommandStore:
    """The file ``commands.db`` of a register's folder. Raises ``TS-3258`` where it cannot be used."""

    def __init__(self, folder: Path) -> None:
        with _guarded():
            self._file = SqliteFile(folder / FILE, _PACKAGE, version=2, upgrades={1: "schema_2.sql"})
        self._control: Control | None = None

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def begin(self, *, has_documents: bool) -> None:
        """Use the file for the first time, or go on with it.

        A register that has made documents has had this file. Where it is new, the former one was lost or taken away
        with a hold in it: nothing is sold until the authority gives a release, which is signed.
        """
        with _guarded(), self._file.transaction():
            self._file.run("begin", {"lost": int(has_documents)})
        self._control = None

    def control(self) -> Control:
        """What holds now; remembered until the next command changes it."""
        known = self._control
        if known is not None:
            return known
        with _guarded():
            row, rates = self._file.row("control"), self._file.rows("rates")
        assert row is not None
        self._control = found = Control(
            is_held=bool(row[0]),
            is_lost=bool(row[1]),
            offline_hours=row[2],
            rolling_hours=row[3],
            rolling_days=row[4],
            shift_hours=row[5],
            receipt_text=row[6],
            build=row[7],
            install_by_ms=row[8],
            rates=tuple(
                RateChange(group=group, valid_from_ms=valid_from_ms, labels=json.loads(labels))
                for group, valid_from_ms, labels in rates
            ),
        )
        return found

    def answered(self) -> dict[int, bytes]:
        """Commands that have their answer: number, and SHA-256 of what came."""
        with _guarded():
            return {number: bytes(digest) for number, digest in self._file.rows("answered")}

    def keep(self, read: SignedCommand, result: bytes, effect: Wanted | None) -> None:
        """One commit: what the command changes here, if anything, and the answer to it."""
        with _guarded(), self._file.transaction():
            values = {"number": read.command.number, "hash": read.command_hash}
            self._file.run("add_command", values | {"compact": read.compact, "result": result})
            if effect is not None:
                self._change(effect)
        self._control = None

    def untold(self) -> list[tuple[int, bytes]]:
        """Answers that the authority does not have yet: number and signed bytes."""
        with _guarded():
            return [(number, bytes(result)) for number, result in self._file.rows("untold")]

    def set_told(self, number: int, is_told: bool) -> None:
        """The authority has the answer, or asks for it again."""
        with _guarded(), self._file.transaction():
            self._file.run("set_told", {"number": number, "told": int(is_told)})

    def _change(self, wanted: Wanted) -> None:
        match wanted:
            case Hold() | Release():
                self._file.run("set_held", {"held": int(wanted.kind is CommandKind.HOLD)})
            case PolicyChange():
                self._file.run("set_policy", {name: getattr(wanted, name) for name in _POLICY})
            case RateChange(group=group, valid_from_ms=valid_from_ms, labels=labels):
                said = {"group_id": group, "valid_from_ms": valid_from_ms, "labels": json.dumps(dict(labels))}
                self._file.run("put_rates", said)
            case FirmwareNotice(build=build, install_by_ms=install_by_ms):
                self._file.run("set_notice", {"build": build, "install_by_ms": install_by_ms})


@contextmanager
def _guarded() -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise Fault("TS-3258", detail=str(error)) from error
