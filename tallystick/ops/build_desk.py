"""Makers and builds from a shell of the authority's machine: the room's operations as the pages' role does them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import attrs
import psycopg

from tallystick.authority.oversight.approvals.values import Person
from tallystick.authority.reference.builds import operations, queries
from tallystick.authority.reference.builds.values import Build
from tallystick.authority.reference.registry import queries as registry
from tallystick.authority.reference.registry.persons import person
from tallystick.crypto.keys import load_public_key
from tallystick.kernel.faults import Fault
from tallystick.ops.database import open_database
from tallystick.ops.override_desk import shell
from tallystick.ops.schema.roles import PORTAL, as_role
from tallystick.ops.settings import Settings
from tallystick.ops.state_folder import StateFolder

Connection = psycopg.Connection[Any]
Decide = Callable[[Connection, str, Person, str, datetime], object]


@attrs.frozen(slots=True)
class BuildDesk:
    """The deeds of one shell; each is a transaction. They raise the faults of the room."""

    dsn: str
    came_from: str
    clock: Callable[[], datetime]

    def register_maker(self, username: str, maker: str, name: str, key: Path, user: str) -> None:
        """Register a maker; raises ``TS-4003`` when the user of the pages is unknown."""
        with psycopg.connect(self.dsn) as conn:
            by = person(conn, username, self.came_from)
            account = registry.user_by_name(conn, user) if user else None
            if user and account is None:
                raise Fault("TS-4003", detail="no such user")
            user_id = account.id if account is not None else None
            operations.register_maker(conn, maker, name, load_public_key(key), by, self.clock(), user_id=user_id)

    def submit(self, compact: bytes) -> str:
        """Hand a manifest in; the build's id."""
        with psycopg.connect(self.dsn) as conn:
            return operations.submit(conn, compact, self.came_from, self.clock())

    def builds(self) -> list[Build]:
        """Builds, those that wait for an officer first."""
        with psycopg.connect(self.dsn) as conn:
            return queries.builds(conn)

    def certify(self, username: str, build: str, reason: str) -> None:
        """Certify it, or take it up again."""
        self._decide(operations.certify, username, build, reason)

    def refuse(self, username: str, build: str, reason: str) -> None:
        """Do not certify it."""
        self._decide(operations.refuse, username, build, reason)

    def suspend(self, username: str, build: str, reason: str) -> None:
        """Stop it."""
        self._decide(operations.suspend, username, build, reason)

    def ask_to_revoke(self, username: str, build: str, reason: str) -> int:
        """Ask that it be revoked; the request's number."""
        with psycopg.connect(self.dsn) as conn:
            by = person(conn, username, self.came_from)
            return operations.ask_to_revoke(conn, _whole_id(conn, build), by, reason, self.clock())

    def _decide(self, decide: Decide, username: str, build: str, reason: str) -> None:
        with psycopg.connect(self.dsn) as conn:
            decide(conn, _whole_id(conn, build), person(conn, username, self.came_from), reason, self.clock())


def _whole_id(conn: Connection, beginning: str) -> str:
    """The id of the only build that begins so; raises ``TS-4003``."""
    known = [one.build_id for one in queries.builds(conn, limit=10_000)]
    found = [one for one in known if one.startswith(beginning)]
    if len(found) != 1 or not beginning:
        raise Fault("TS-4003", detail="no build, or several, begin like this")
    return found[0]


@contextmanager
def open_builds(settings: Settings, clock: Callable[[], datetime]) -> Iterator[BuildDesk]:
    """The desk of whoever runs this process; raises ``SettingsError`` when there is no database."""
    with open_database(settings, StateFolder.of(settings.state)) as owner:
        yield BuildDesk(as_role(owner, PORTAL), shell(), clock)
