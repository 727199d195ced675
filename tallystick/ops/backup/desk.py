"""The desk of `tallystick backup` and `tallystick restore`: wires settings, state folder and programs together."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import attrs
import msgspec
import psycopg

from tallystick.crypto.keys import load_public_key
from tallystick.crypto.pki_files import PkiFiles
from tallystick.kernel.faults import Fault
from tallystick.kernel.instants import from_unix_ms
from tallystick.ops.backup import server_questions as questions
from tallystick.ops.backup.completing import Outcome
from tallystick.ops.backup.drill import drill
from tallystick.ops.backup.following import fetch, follow
from tallystick.ops.backup.manifest import read_manifest
from tallystick.ops.backup.places import BackupFolder
from tallystick.ops.backup.programs import Programs
from tallystick.ops.backup.restoring import Restorer, mirror_of
from tallystick.ops.backup.sources import Sources
from tallystick.ops.backup.taking import Taker
from tallystick.ops.database import open_database
from tallystick.ops.override_desk import shell_account
from tallystick.ops.processes.context import system_clock
from tallystick.ops.settings import Settings, load_settings
from tallystick.ops.shell_acts import note_alone
from tallystick.ops.state_folder import StateFolder
from tallystick.wire.signed_note import KeyType, NoteKey, parse_checkpoint, parse_note, parse_verifier_key

Progress = Callable[[int, int], None]


@attrs.frozen(kw_only=True)
class BackupDesk:
    """One errand of a person at a shell."""

    settings: Settings
    state: StateFolder
    heads: Sequence[Path] = ()
    key: str = ""
    tell: Callable[[str], None] = lambda line: None

    @classmethod
    def of_settings(
        cls, *, heads: Sequence[Path] = (), key: str = "", tell: Callable[[str], None] = lambda line: None
    ) -> BackupDesk:
        """The desk of the settings' country; without a database of its own that is the demonstration's."""
        settings = load_settings()
        if not settings.database_url:
            settings = msgspec.structs.replace(settings, timing="demo")
        return cls(settings=settings, state=StateFolder.of(settings.state), heads=heads, key=key, tell=tell)

    @property
    def actor(self) -> str:
        """Who does it."""
        return f"shell:{shell_account()}"

    @property
    def programs(self) -> Programs:
        """PostgreSQL's own."""
        return Programs.find(self.state.binaries)

    @contextmanager
    def database(self) -> Iterator[str]:
        """The database of the settings."""
        with open_database(self.settings, self.state) as dsn:
            yield dsn

    def take(self, dsn: str, folder: Path, keep: int, slot: str) -> tuple[Path, tuple[str, ...]]:
        """Make a backup; its folder, and what was left out of it."""
        taker = Taker(
            dsn=dsn,
            settings=self.settings,
            state=self.state,
            programs=self.programs,
            clock=system_clock,
            actor=self.actor,
            slot=slot,
        )
        made = taker.take(BackupFolder(folder.absolute()), keep)
        return made, read_manifest(made).left_out

    def follow(self, dsn: str, folder: Path, slot: str, *, once: bool) -> str:
        """Fetch the log, once up to now, else until SIGINT or SIGTERM; up to where, where it was once."""
        place = BackupFolder(folder.absolute())
        note_alone(dsn, "backup.follow", system_clock(), slot)
        if once:
            return fetch(dsn, place, self.programs, slot)
        stopped = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stopped.set())
        follow(dsn, place, self.programs, slot, stopped)
        return ""

    def end(self, dsn: str, slot: str) -> bool:
        """Let the server keep its log for us no more."""
        note_alone(dsn, "backup.end", system_clock(), slot)
        with psycopg.connect(dsn, autocommit=True) as conn:
            return questions.drop_slot(conn, slot)

    @property
    def sources(self) -> Sources:
        """Who else remembers the ledger; raises ``TS-3180`` where nobody says whom to trust."""
        return Sources(
            origin=self.settings.log_origin,
            first_key=self._first_key(),
            mirror=mirror_of(self.settings.mirror, self.state),
            tiles=self.state.tiles,
            witness_urls=self.settings.witness_urls,
            files=self.heads,
            tell=self.tell,
        )

    def _first_key(self) -> NoteKey:
        if self.key:
            return parse_verifier_key(self.key)
        file = PkiFiles(self.state.keys).public_key("log")
        if not file.exists():
            raise Fault("TS-3180", detail=f"{file} is not there: say the log's key with --key")
        return NoteKey(self.settings.log_origin, KeyType.LOG, load_public_key(file).raw)

    def drill(self, folder: Path, at: datetime | None, name: str, place: Path | None, progress: Progress) -> Outcome:
        """Rehearse."""
        return drill(
            BackupFolder(folder.absolute()),
            self.sources,
            self.programs,
            self.state.binaries,
            now=system_clock(),
            at=at,
            name=name,
            place=place,
            progress=progress,
        )

    def restore(self, folder: Path, at: datetime | None, name: str, progress: Progress) -> Outcome:
        """Restore for real; raises ``TS-3185`` where another server is meant."""
        if self.settings.database_url:
            detail = "database_url names a server that exists: restore it by its own means, then say `restore catch-up`"
            raise Fault("TS-3185", detail=detail)
        return self._restorer(progress).restore(BackupFolder(folder.absolute()), at=at, name=name)

    def catch_up(self, progress: Progress) -> Outcome:
        """Complete what is restored already."""
        restorer = self._restorer(progress)
        with self.database() as dsn:
            return restorer.catch_up(dsn, lambda conn: self.sources.notes(conn, None, None))

    def _restorer(self, progress: Progress) -> Restorer:
        return Restorer(
            state=self.state,
            sources=self.sources,
            programs=self.programs,
            clock=system_clock,
            actor=self.actor,
            progress=progress,
        )


def described(folder: Path) -> Iterator[str]:
    """A line a backup; raises ``TS-3180``, ``TS-3182``."""
    place = BackupFolder(folder.absolute())
    place.check()
    for path in place.whole():
        manifest = read_manifest(path)
        size = parse_checkpoint(parse_note(manifest.checkpoint.encode()).text).size if manifest.checkpoint else 0
        yield f"{path.name}  until {from_unix_ms(manifest.ended_ms):%Y-%m-%d %H:%M:%S} UTC  {size:>12,} entries"
