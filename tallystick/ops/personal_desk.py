"""Personal data from a shell of the authority's machine: erasures and exports, as the portal's role does it."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import attrs
import psycopg

from tallystick.authority.projections.personal import export, operations
from tallystick.authority.projections.personal.export import Exported
from tallystick.authority.projections.personal.subject import Subject
from tallystick.authority.reference.registry import persons
from tallystick.ops.database import open_database
from tallystick.ops.override_desk import shell
from tallystick.ops.schema.roles import PORTAL, as_role
from tallystick.ops.settings import Settings
from tallystick.ops.state_folder import StateFolder


@attrs.frozen(slots=True)
class PersonalDesk:
    """The deeds of one shell; each is a transaction. They raise the faults of the room."""

    dsn: str
    came_from: str
    clock: Callable[[], datetime]

    def ask(self, username: str, entries: Collection[int], law: str, reason: str) -> int:
        """Ask for an erasure, as an officer; the request's number."""
        with psycopg.connect(self.dsn) as conn:
            by = persons.person(conn, username, self.came_from)
            return operations.ask(conn, entries, law, reason, by, self.clock())

    def ask_export(self, username: str, person: Mapping[str, str], reason: str) -> int:
        """Ask for an export, as an officer; the request's number. ``person`` as `Subject.of` reads it."""
        subject = Subject.of(person)
        with psycopg.connect(self.dsn) as conn:
            by = persons.person(conn, username, self.came_from)
            return export.ask(conn, subject, reason=reason, by=by, at=self.clock())

    def export(self, request: int, target: Path) -> Exported:
        """Carry an approved export out: a file of mode 0600 that must not be there yet."""
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w+b") as file, psycopg.connect(self.dsn) as conn:
                taken = export.take(conn, request, self.clock())
                conn.execute("SET transaction_timeout = 0")  # a nation's documents are read
                conn.commit()
                return export.write(conn, taken, self.came_from, file, self.clock())
        except BaseException:
            target.unlink()
            raise


@contextmanager
def open_personal(settings: Settings, clock: Callable[[], datetime]) -> Iterator[PersonalDesk]:
    """The desk of whoever runs this process; raises ``SettingsError`` when there is no database."""
    with open_database(settings, StateFolder.of(settings.state)) as owner:
        yield PersonalDesk(as_role(owner, PORTAL), shell(), clock)
