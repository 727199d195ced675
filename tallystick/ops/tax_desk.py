"""The queue to the tax service from a shell of the authority's machine, as the portal's role sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from zoneinfo import ZoneInfo

import attrs
import psycopg

from tallystick.authority.projections.taxservice import operations, queries, store
from tallystick.authority.projections.taxservice.kinds import DocumentKind
from tallystick.authority.projections.taxservice.queries import QueueStanding, Span, TypesFigures
from tallystick.authority.projections.taxservice.values import DeadLetter
from tallystick.authority.reference.registry.persons import person
from tallystick.ops.database import open_database
from tallystick.ops.override_desk import shell
from tallystick.ops.packs import load_pack
from tallystick.ops.schema.roles import PORTAL, as_role
from tallystick.ops.settings import Settings
from tallystick.ops.state_folder import StateFolder


@attrs.frozen(slots=True)
class TaxDesk:
    """The deeds of one shell; each is a transaction. They raise the faults of the room."""

    dsn: str
    came_from: str
    zone: ZoneInfo
    clock: Callable[[], datetime]

    def status(self, span: Span) -> tuple[QueueStanding, TypesFigures]:
        """How the queue stands, and documents by type and state; no taxpayer is in it."""
        with psycopg.connect(self.dsn) as conn, store.acting(conn, None):
            return queries.standing(conn), queries.types(conn, span, self.clock())

    def dead(self, kind: DocumentKind | None, after: int, limit: int) -> list[DeadLetter]:
        """Documents that wait for a person; that they were read is an act."""
        with psycopg.connect(self.dsn) as conn, store.acting(conn, None):
            found = queries.dead_letters(conn, kind=kind, after=after, limit=limit)
            operations.note_read(conn, self.came_from, self.clock())
            return found

    def resend(self, username: str, reason: str, *, entry: int | None, kind: DocumentKind | None) -> int:
        """Send one again, or those of a type, as an officer; how many."""
        with psycopg.connect(self.dsn) as conn, store.acting(conn, None):
            by = person(conn, username, self.came_from)
            return operations.resend(conn, by, reason, self.clock(), self.zone, log_index=entry, kind=kind)


@contextmanager
def open_tax_desk(settings: Settings, clock: Callable[[], datetime]) -> Iterator[TaxDesk]:
    """The desk of whoever runs this process; raises ``SettingsError`` when there is no database."""
    with open_database(settings, StateFolder.of(settings.state)) as owner:
        zone = ZoneInfo(load_pack(settings.country).time_zone)
        yield TaxDesk(as_role(owner, PORTAL), shell(), zone, clock)
