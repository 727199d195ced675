"""The desk of `tallystick keys`: lists, checks and rotates the authority's keys on behalf of a person at a shell."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import attrs
import msgspec
import psycopg

from tallystick.authority.keys import queries
from tallystick.authority.keys import tasks as keys
from tallystick.authority.keys.values import LOG, PACKAGE, SERIES, AuthorityKey, KeyState
from tallystick.authority.oversight.activity import operations as activity
from tallystick.authority.oversight.activity.values import Act
from tallystick.crypto.hsm import KeyStore
from tallystick.crypto.keys import load_public_key
from tallystick.crypto.pki_files import PkiFiles
from tallystick.crypto.wrapped_keys import open_wrapped
from tallystick.kernel.faults import Fault
from tallystick.ops.authority_keys import WRAPPING, KeyMaker, check_note, package_folder, rotate
from tallystick.ops.database import open_database
from tallystick.ops.key_books import books_of
from tallystick.ops.key_store import open_key_store
from tallystick.ops.override_desk import shell
from tallystick.ops.packs import load_pack
from tallystick.ops.pki_folder import open_pki
from tallystick.ops.processes.context import system_clock
from tallystick.ops.schema.roles import INTAKE, as_role
from tallystick.ops.settings import Settings, load_settings
from tallystick.ops.state_folder import StateFolder
from tallystick.wire.key_change import accepted_log_keys, note_key, parse_key_change
from tallystick.wire.signed_note import parse_note

Connection = psycopg.Connection[Any]


@attrs.frozen
class KeyDesk:
    """Opens database and store for one errand each."""

    settings: Settings
    state: StateFolder

    @classmethod
    def of_settings(cls) -> KeyDesk:
        """The desk of the settings' country; without a database of its own that is the demonstration's."""
        settings = load_settings()
        if not settings.database_url:
            settings = msgspec.structs.replace(settings, timing="demo")
        return cls(settings, StateFolder.of(settings.state))

    @property
    def _actor(self) -> str:
        return shell()

    @contextmanager
    def _database(self) -> Iterator[Connection]:
        with open_database(self.settings, self.state) as dsn, psycopg.connect(as_role(dsn, INTAKE)) as conn:
            yield conn

    def all_keys(self) -> list[AuthorityKey]:
        """All keys, oldest of each series first."""
        with self._database() as conn:
            return queries.keys(conn)

    def rotate(self, series: str, overlap: timedelta) -> AuthorityKey:
        """The next key of a series, in service; raises the faults of `authority_keys.rotate`."""
        store = open_key_store(self.settings, self.state)
        try:
            with self._database() as conn:
                maker = KeyMaker(store, self.state.keys)
                made = rotate(conn, maker, series, at=system_clock(), overlap=overlap, actor=self._actor)
        finally:
            store.close()
        if series == PACKAGE:
            pack = load_pack(self.settings.country)
            pki = open_pki(self.state, pack, self.settings.pki_url)
            pki.issue_encryption_certificate(pack.organization_name, pack.country, system_clock())
        return made

    def renew_tls(self) -> None:
        """A new key and certificate for the servers, which take it without a restart."""
        pki = open_pki(self.state, load_pack(self.settings.country), self.settings.pki_url)
        now = system_clock()
        pki.renew_tls_now(now)
        with self._database() as conn:
            activity.record(conn, Act(at=now, actor=self._actor, verb="keys.rotate", object="tls"))

    def verify(self) -> list[str]:
        """What is not in order: keys that the store lacks or has otherwise, statements, unexplained signatures."""
        store = open_key_store(self.settings, self.state)
        try:
            with self._database() as conn:
                return [*self._check_keys(conn, store), *_check_statements(conn), *self._check_uses(conn)]
        finally:
            store.close()

    def _check_keys(self, conn: Connection, store: KeyStore) -> Iterator[str]:
        for key in queries.keys(conn):
            try:
                if key.purpose is None:
                    found = open_wrapped(store, WRAPPING, package_folder(self.state.keys), key.label).public
                else:
                    found = store.public_key(key.label)
                    if store.purpose(key.label) is not key.purpose:
                        yield f"{key.label}: the store has it for {store.purpose(key.label)}"
            except (Fault, OSError) as error:
                yield f"{key.label}: {error}"
                continue
            if found != key.public_key:
                yield f"{key.label}: the store has another key"
        for series in SERIES:
            active = [key for key in queries.keys(conn, series) if key.state is KeyState.ACTIVE]
            if not active:
                yield f"{series}: no active key"
            elif (
                series != LOG and load_public_key(PkiFiles(self.state.keys).public_key(series)) != active[0].public_key
            ):
                yield f"{series}: new cards get another key than the active one; rotate again"

    def _check_uses(self, conn: Connection) -> Iterator[str]:
        """Today and yesterday; an intent of this moment may be journalled and its head not committed yet."""
        now = system_clock()
        for day in (now.date() - timedelta(days=1), now.date()):
            found = keys.compare(conn, self.state.keys / "uses", day, books_of(conn, self.settings.log_origin))
            for use in found.unexplained:
                signed = f"{use.label} signed {use.digest.hex()} for {use.use}"
                yield f"{keys.UNEXPLAINED} {day}: {signed}, and nothing says why"


def _check_statements(conn: Connection) -> Iterator[str]:
    """The log's keys must follow each other by signed statements, and be those of the table."""
    notes = queries.change_notes(conn)
    table = [key.public_key.raw for key in queries.keys(conn, LOG)]
    try:
        first = next(
            change for change in (parse_key_change(parse_note(note).text) for note in notes) if change.series == LOG
        )
        accepted = accepted_log_keys(note_key(first.origin, first.new.spki), notes, check_note)
    except (Fault, StopIteration) as error:
        yield f"the statements of the log's keys: {error}"
        return
    if [key.key.public_key for key in accepted] != table:
        yield "the log's keys in the table are not those of the statements"
