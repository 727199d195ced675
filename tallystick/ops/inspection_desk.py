"""Cases from a shell of the authority's machine, as the portal's role sees and closes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

import attrs
import psycopg

from tallystick.authority.oversight.activity import operations as activity
from tallystick.authority.oversight.activity.values import Act
from tallystick.authority.projections.inspections import operations, queries
from tallystick.authority.projections.inspections.values import Case, CaseState, DetectorName, Seen
from tallystick.authority.reference.registry.persons import person
from tallystick.kernel.faults import Fault
from tallystick.ops.database import open_database
from tallystick.ops.override_desk import shell
from tallystick.ops.schema.roles import PORTAL, as_role
from tallystick.ops.settings import Settings
from tallystick.ops.state_folder import StateFolder


@attrs.frozen(slots=True)
class InspectionDesk:
    """The deeds of one shell; each is a transaction. They raise the faults of the room."""

    dsn: str
    came_from: str
    clock: Callable[[], datetime]

    def cases(self, *, state: CaseState | None, detector: DetectorName | None, tin: str, limit: int) -> list[Case]:
        """Cases that fit, newest first; that they were read is an act."""
        with psycopg.connect(self.dsn) as conn:
            found = queries.cases(conn, state=state, detector=detector, tin=tin, limit=limit)
            activity.record(conn, Act(at=self.clock(), actor=self.came_from, verb="inspections.list", for_whom=tin))
            return found

    def show(self, case_id: int) -> tuple[Case, list[Seen]]:
        """A case and its evidence; that it was read is an act. Raises ``TS-4003``."""
        with psycopg.connect(self.dsn) as conn:
            case = queries.case(conn, case_id)
            if case is None:
                raise Fault("TS-4003", detail="no such case")
            operations.read(conn, case_id, self.came_from, self.clock())
            return case, queries.evidence(conn, case_id)

    def close(self, username: str, case_id: int, reason: str) -> None:
        """End a case, as an officer."""
        with psycopg.connect(self.dsn) as conn:
            by = person(conn, username, self.came_from)
            operations.close(conn, case_id, by, reason, self.clock())


@contextmanager
def open_inspections(settings: Settings, clock: Callable[[], datetime]) -> Iterator[InspectionDesk]:
    """The desk of whoever runs this process; raises ``SettingsError`` when there is no database."""
    with open_database(settings, StateFolder.of(settings.state)) as owner:
        yield InspectionDesk(as_role(owner, PORTAL), shell(), clock)
