"""Users from a shell of the authority's machine: the first officers, who is let in, and who acts for whom."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import attrs
import psycopg

from tallystick.authority.oversight.activity import operations as activity
from tallystick.authority.oversight.activity.values import Act
from tallystick.authority.oversight.approvals.values import Person
from tallystick.authority.reference.registry import queries, users
from tallystick.authority.reference.registry.persons import person
from tallystick.authority.reference.registry.registering import WHO_ACTS_FOR_ALL
from tallystick.authority.reference.registry.users import Role
from tallystick.ops.database import open_database
from tallystick.ops.override_desk import shell
from tallystick.ops.schema.roles import PORTAL, as_role
from tallystick.ops.settings import Settings
from tallystick.ops.state_folder import StateFolder

Connection = psycopg.Connection[Any]


@attrs.frozen(slots=True)
class UserDesk:
    """The deeds of one shell; each is a transaction. They raise the faults of the room."""

    dsn: str
    came_from: str
    clock: Callable[[], datetime]

    def found(self, officers: Mapping[str, str]) -> None:
        """Enter the first officers, as the account of this machine."""
        with psycopg.connect(self.dsn) as conn:
            users.found_officers(conn, officers, self.came_from, self.clock())

    def add(self, by: str, username: str, name: str, role: Role, reason: str) -> int | None:
        """Let somebody in; a request's number where two officers appoint."""
        with psycopg.connect(self.dsn) as conn:
            return users.add_user(conn, username, name, role, reason, self._person(conn, by), self.clock())

    def dismiss(self, by: str, username: str, reason: str) -> None:
        """Keep somebody out."""
        with psycopg.connect(self.dsn) as conn:
            users.dismiss(conn, username, reason, person(conn, by, self.came_from), self.clock())

    def bind(self, by: str, username: str, tin: str, reason: str) -> bool:
        """Let somebody act for a taxpayer."""
        with psycopg.connect(self.dsn) as conn:
            return users.bind(conn, username, tin, reason, self._person(conn, by), self.clock())

    def release(self, by: str, username: str, tin: str, reason: str) -> None:
        """End that."""
        with psycopg.connect(self.dsn) as conn:
            users.release(conn, username, tin, reason, self._person(conn, by), self.clock())

    def listed(self, role: str, limit: int) -> list[tuple[str, str, str, bool, list[str]]]:
        """Users with the taxpayers that they act for; that they were read is an act."""
        with psycopg.connect(self.dsn) as conn:
            activity.record(conn, Act(at=self.clock(), actor=self.came_from, verb="registry.read-users"))
            return queries.users(conn, role=role, limit=limit)

    def _person(self, conn: Connection, username: str) -> Person:
        return person(conn, username, self.came_from, WHO_ACTS_FOR_ALL)


@contextmanager
def open_users(settings: Settings, clock: Callable[[], datetime]) -> Iterator[UserDesk]:
    """The desk of whoever runs this process; raises ``SettingsError`` when there is no database."""
    with open_database(settings, StateFolder.of(settings.state)) as owner:
        yield UserDesk(as_role(owner, PORTAL), shell(), clock)
