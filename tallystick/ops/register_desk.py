"""Registers from a shell of the authority's machine: what presented itself, rules, and the states of devices."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import attrs
import psycopg

from tallystick.authority.oversight.activity import operations as activity
from tallystick.authority.oversight.activity.values import Act
from tallystick.authority.oversight.approvals.values import Person
from tallystick.authority.reference.registry import operations, points, queries, recognition, register_rules
from tallystick.authority.reference.registry.persons import person
from tallystick.authority.reference.registry.ports import ConnectingServices
from tallystick.authority.reference.registry.presented import Confirmed, PendingRegister, RegisterRule
from tallystick.authority.reference.registry.registering import WHO_ACTS_FOR_ALL
from tallystick.authority.reference.registry.values import Premises
from tallystick.kernel.faults import Fault
from tallystick.kernel.reasons import read_reason
from tallystick.ops.connecting import connecting_services, enrol_url
from tallystick.ops.database import open_database
from tallystick.ops.override_desk import shell
from tallystick.ops.packs import load_pack
from tallystick.ops.schema.roles import INTAKE, as_role
from tallystick.ops.settings import Settings
from tallystick.ops.state_folder import StateFolder

Connection = psycopg.Connection[Any]
_WHO = WHO_ACTS_FOR_ALL | recognition.CONFIRMERS


@attrs.frozen(slots=True, kw_only=True)
class RegisterDesk:
    """The deeds of one shell; each is a transaction. They raise the faults of the room."""

    dsn: str
    came_from: str
    services: ConnectingServices
    clock: Callable[[], datetime]

    def listed(self, state: str, tin: str, limit: int) -> tuple[list[PendingRegister], list[RegisterRule]]:
        """First requests and rules in force, newest first; that they were read is an act."""
        with psycopg.connect(self.dsn) as conn:
            act = Act(at=self.clock(), actor=self.came_from, verb="registry.read-registers", for_whom=tin)
            activity.record(conn, act)
            found = queries.pending_registers(conn, state=state, tin=tin, limit=limit)
            return found, queries.rules_in_force(conn, self.clock(), tin=tin, limit=limit)

    def confirm(
        self, username: str, number: int, premises: int | None, memory_report: str, enterprise_number: str
    ) -> Confirmed:
        """Say where a register stands."""
        with psycopg.connect(self.dsn) as conn:
            return recognition.confirm(
                conn,
                self.services,
                number,
                premises,
                self._person(conn, username),
                self.clock(),
                memory_report=memory_report,
                enterprise_number=enterprise_number,
            )

    def refuse(self, username: str, number: int, reason: str) -> None:
        """Refuse one."""
        with psycopg.connect(self.dsn) as conn:
            recognition.refuse(conn, number, self._person(conn, username), reason, self.clock())

    def accept(self, username: str, tin: str, premises: int, makers: tuple[str, ...], most: int, days: int) -> int:
        """Accept registers of these makers in advance; the rule's number."""
        with psycopg.connect(self.dsn) as conn:
            now = self.clock()
            until = now + timedelta(days=days)
            by = self._person(conn, username)
            return register_rules.accept_registers(conn, tin, premises, makers, most, until, by, now)

    def end_rule(self, username: str, number: int) -> None:
        """End such a rule."""
        with psycopg.connect(self.dsn) as conn:
            register_rules.end_rule(conn, number, self._person(conn, username), self.clock())

    def put_point(self, username: str, point: Premises) -> int:
        """Enter a point, or change what is known of it; its number."""
        with psycopg.connect(self.dsn) as conn:
            return points.put_point(conn, point, self._person(conn, username), self.clock())

    def points(self, tin: str, limit: int) -> list[tuple[int, Premises, int]]:
        """Points with how many registers stand there; that they were read is an act."""
        with psycopg.connect(self.dsn) as conn:
            act = Act(at=self.clock(), actor=self.came_from, verb="registry.read-points", for_whom=tin)
            activity.record(conn, act)
            return queries.points(conn, tin=tin, limit=limit)

    def move(self, username: str, uid: str, point: int, reason: str) -> bool:
        """Let a register stand at another point."""
        with psycopg.connect(self.dsn) as conn:
            return points.move_device(conn, uid, point, reason, self._person(conn, username), self.clock())

    def close(self, username: str, uid: str, reason: str) -> None:
        """Close a device for good; closed already, nothing changes. Raises ``TS-2401`` where there is none."""
        words = read_reason(reason)
        with psycopg.connect(self.dsn) as conn:
            by = person(conn, username, self.came_from, WHO_ACTS_FOR_ALL).actor
            if queries.fiscal_device(conn, uid) is None:
                raise Fault("TS-2401", detail="no such device")
            operations.close_device(conn, uid, self.clock(), words, by)

    def _person(self, conn: Connection, username: str) -> Person:
        return person(conn, username, self.came_from, _WHO)


@contextmanager
def open_registers(settings: Settings, clock: Callable[[], datetime]) -> Iterator[RegisterDesk]:
    """The desk of whoever runs this process; raises ``SettingsError`` when there is no database."""
    state = StateFolder.of(settings.state)
    services = connecting_services(load_pack(settings.country), enrol_url(settings, state))
    with open_database(settings, state) as owner:
        yield RegisterDesk(dsn=as_role(owner, INTAKE), came_from=shell(), services=services, clock=clock)
