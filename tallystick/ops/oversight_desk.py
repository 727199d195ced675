"""The activity log and the requests that wait for a second person, from a shell of the authority's machine.

A shell is somebody's account: whoever asked from an account cannot approve from it, whatever name he gives. What is
read here is an act as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import attrs
import psycopg

from tallystick.authority.deeds import must_be_decided_anywhere
from tallystick.authority.ledger import queries as ledger
from tallystick.authority.oversight.activity import operations as log
from tallystick.authority.oversight.activity import queries as activity
from tallystick.authority.oversight.activity.queries import Break, LoggedAct
from tallystick.authority.oversight.activity.values import Act
from tallystick.authority.oversight.approvals import operations, queries
from tallystick.authority.oversight.approvals.values import Person, Request
from tallystick.authority.reference.registry.persons import person
from tallystick.ops.database import open_database
from tallystick.ops.override_desk import shell
from tallystick.ops.schema.roles import PORTAL, as_role
from tallystick.ops.settings import Settings
from tallystick.ops.state_folder import StateFolder

Connection = psycopg.Connection[Any]


@attrs.frozen(slots=True)
class OversightDesk:
    """The deeds of one shell; each is a transaction. They raise the faults of the rooms."""

    dsn: str
    came_from: str
    clock: Callable[[], datetime]

    def acts(self, *, actor: str, verb: str, thing: str, for_whom: str, limit: int) -> list[LoggedAct]:
        """The newest acts that fit; that they were read is the newest act from now on."""
        with psycopg.connect(self.dsn) as conn:
            found = activity.newest(conn, actor=actor, verb=verb, thing=thing, for_whom=for_whom, limit=limit)
            self._read(conn, "activity.read", for_whom)
        return found

    def breaks(self) -> list[Break]:
        """Every place where the log's chain does not hold, or is another one than the ledger was told of."""
        with psycopg.connect(self.dsn) as conn:
            return [*activity.breaks(conn), *_untold(conn)]

    def requests(self, limit: int) -> list[Request]:
        """Requests, those that wait for a second person first; that they were read is an act."""
        with psycopg.connect(self.dsn) as conn:
            found = queries.newest(conn, limit=limit)
            self._read(conn, "approvals.read", "")
        return found

    def approve(self, username: str, number: int) -> None:
        """Agree, as the second person; raises ``TS-4022`` for what its own room decides."""
        with psycopg.connect(self.dsn) as conn:
            must_be_decided_anywhere(conn, number)
            operations.approve(conn, number, self._officer(conn, username), self.clock())

    def refuse(self, username: str, number: int) -> None:
        """Refuse, or take one's own back; raises ``TS-4022`` for what its own room decides."""
        with psycopg.connect(self.dsn) as conn:
            must_be_decided_anywhere(conn, number)
            operations.refuse(conn, number, self._officer(conn, username), self.clock())

    def _officer(self, conn: Connection, username: str) -> Person:
        return person(conn, username, self.came_from)

    def _read(self, conn: Connection, verb: str, for_whom: str) -> None:
        log.record(conn, Act(at=self.clock(), actor=self.came_from, verb=verb, for_whom=for_whom))


def _untold(conn: Connection) -> Iterator[Break]:
    """Heads whose entry in the ledger is missing or says something else."""
    for anchor in activity.anchors_in_order(conn):
        if anchor.entry_index is not None:
            entry = ledger.document_by_index(conn, anchor.entry_index)
            if entry is None or entry.body != anchor.body:
                yield Break(anchor.seq, f"entry {anchor.entry_index} of the ledger says something else")


@contextmanager
def open_oversight(settings: Settings, clock: Callable[[], datetime]) -> Iterator[OversightDesk]:
    """The desk of whoever runs this process; raises ``SettingsError`` when there is no database."""
    with open_database(settings, StateFolder.of(settings.state)) as owner:
        yield OversightDesk(as_role(owner, PORTAL), shell(), clock)
