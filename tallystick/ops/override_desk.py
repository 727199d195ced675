"""Overrides from a shell of the authority's machine: the room's operations as the portal's role does them (S2-104).

A shell is somebody's account: two officers' names used from one account are one person, so whoever asked here cannot
approve here, whatever name he gives. The pages are the usual way; both go through the same operations.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import attrs
import psycopg

from tallystick.authority.intake.kept_apart import QuarantineAndEvidence
from tallystick.authority.oversight.activity import operations as activity
from tallystick.authority.oversight.activity.values import Act
from tallystick.authority.oversight.approvals.values import SHELL, Person
from tallystick.authority.projections.audit import overrides, queries
from tallystick.authority.projections.audit.standing import Standing
from tallystick.authority.projections.audit.values import OpenAudit
from tallystick.authority.reference.registry.persons import person
from tallystick.ops.database import open_database
from tallystick.ops.schema.roles import PORTAL, as_role
from tallystick.ops.settings import Settings
from tallystick.ops.state_folder import StateFolder

Connection = psycopg.Connection[Any]


@attrs.frozen(slots=True)
class OverrideDesk:
    """The deeds of one shell; each is a transaction. They raise the faults of ``overrides``."""

    dsn: str
    came_from: str
    clock: Callable[[], datetime]

    def open_audits(self) -> list[OpenAudit]:
        """Audits that are not at their end; that they were read is an act."""
        with psycopg.connect(self.dsn) as conn:
            found = queries.open_audits(conn)
            activity.record(conn, Act(at=self.clock(), actor=self.came_from, verb="audits.read"))
            return found

    def overrides(self) -> list[Standing]:
        """Overrides, those that wait for a second officer first."""
        with psycopg.connect(self.dsn) as conn:
            return queries.overrides(conn, QuarantineAndEvidence())

    def ask(self, username: str, uid: str, reason: str) -> int:
        """Ask for one; its number."""
        with psycopg.connect(self.dsn) as conn:
            by, apart = self._officer(conn, username), QuarantineAndEvidence()
            return overrides.ask(conn, apart, by, uid, reason, self.clock())

    def approve(self, username: str, number: int) -> None:
        """Agree, as the second officer."""
        with psycopg.connect(self.dsn) as conn:
            overrides.approve(conn, number, self._officer(conn, username), self.clock())

    def refuse(self, username: str, number: int) -> None:
        """Refuse, or take one's own back."""
        with psycopg.connect(self.dsn) as conn:
            overrides.refuse(conn, number, self._officer(conn, username), self.clock())

    def _officer(self, conn: Connection, username: str) -> Person:
        return person(conn, username, self.came_from)


@contextmanager
def open_desk(settings: Settings, clock: Callable[[], datetime]) -> Iterator[OverrideDesk]:
    """The desk of whoever runs this process; raises ``SettingsError`` when there is no database."""
    state = StateFolder.of(settings.state)
    with open_database(settings, state) as owner:
        yield OverrideDesk(as_role(owner, PORTAL), shell(), clock)


def shell() -> str:
    """Where the person comes from who runs this process."""
    return f"{SHELL}{shell_account()}"


def shell_account() -> str:
    """The account that the kernel knows, not what the environment says."""
    number = os.getuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)
