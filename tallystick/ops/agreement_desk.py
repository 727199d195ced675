"""Agreements from a shell of the authority's machine, each deed by an officer or operator of the registry."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import attrs
import psycopg

from tallystick.authority.oversight.activity import operations as activity
from tallystick.authority.oversight.activity.values import Act
from tallystick.authority.oversight.approvals.values import Person
from tallystick.authority.reference.agreements import operations, queries
from tallystick.authority.reference.agreements.values import Agreement
from tallystick.authority.reference.registry import operations as registry
from tallystick.authority.reference.registry import queries as registry_queries
from tallystick.authority.reference.registry.persons import person
from tallystick.authority.reference.registry.registering import WHO_ACTS_FOR_ALL
from tallystick.authority.reference.registry.values import Taxpayer
from tallystick.kernel.identifiers import parse_tin
from tallystick.ops.database import open_database
from tallystick.ops.override_desk import shell
from tallystick.ops.packs import load_pack
from tallystick.ops.schema.roles import PORTAL, as_role
from tallystick.ops.settings import Settings
from tallystick.ops.state_folder import StateFolder

Connection = psycopg.Connection[Any]


@attrs.frozen(slots=True, kw_only=True)
class AgreementDesk:
    """The deeds of one shell; each is a transaction. Days begin in the country's time zone."""

    dsn: str
    came_from: str
    zone: ZoneInfo
    clock: Callable[[], datetime]

    def conclude(
        self, officer: str, number: str, tin: str, business: str, since: date | None, until: date | None
    ) -> Agreement:
        """Conclude one, from now or from a day on; with a name the taxpayer is registered, too."""
        with psycopg.connect(self.dsn) as conn:
            by, now = self._officer(conn, officer), self.clock()
            if business:
                registry.register_taxpayer(conn, Taxpayer(parse_tin(tin), business))
            begins = now if since is None else self._midnight(since)
            ends = None if until is None else self._midnight(until)
            return operations.conclude(conn, registry_queries.taxpayer, number, tin, begins, ends, by, now)

    def end(self, officer: str, number: str, until: date | None, reason: str) -> Agreement:
        """End one, now or at the beginning of a day."""
        with psycopg.connect(self.dsn) as conn:
            by, now = self._officer(conn, officer), self.clock()
            moment = now if until is None else self._midnight(until)
            return operations.end(conn, number, moment, by, reason, now)

    def show(self, tin: str, limit: int) -> list[Agreement]:
        """The newest; that they were read is an act."""
        with psycopg.connect(self.dsn) as conn:
            activity.record(
                conn, Act(at=self.clock(), actor=self.came_from, verb="agreements.read", for_whom=tin)
            )  # fmt: skip
            return queries.agreements(conn, tin, limit)

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(), self.zone)

    def _officer(self, conn: Connection, username: str) -> Person:
        return person(conn, username, self.came_from, WHO_ACTS_FOR_ALL)


@contextmanager
def open_agreements(settings: Settings, clock: Callable[[], datetime]) -> Iterator[AgreementDesk]:
    """The desk of whoever runs this process; raises ``SettingsError`` when there is no database."""
    zone = ZoneInfo(load_pack(settings.country).time_zone)
    with open_database(settings, StateFolder.of(settings.state)) as owner:
        yield AgreementDesk(dsn=as_role(owner, PORTAL), came_from=shell(), zone=zone, clock=clock)
