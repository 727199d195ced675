"""Officers' deeds from a shell of the authority's machine: quarantine and witnesses, as the portal's role does them.

A shell is somebody's account: two officers' names used from one account are one person, so whoever asked here cannot
approve here, whatever name he gives. The pages are the usual way; both go through the same operations.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import attrs
import psycopg

from tallystick.authority.assurance.witnesses import operations as witnesses
from tallystick.authority.assurance.witnesses import queries as witness_queries
from tallystick.authority.assurance.witnesses.values import PolicyInForce
from tallystick.authority.channels.ecr.batches.anchoring import DeviceCounters
from tallystick.authority.intake import anchors, decision_store, decisions, many, many_store, place_store, places
from tallystick.authority.intake.anchors import Standing
from tallystick.authority.intake.decisions import DECIDE
from tallystick.authority.intake.held import Decision, Held
from tallystick.authority.intake.many import DECIDE_MANY, Many
from tallystick.authority.intake.many_store import Progress, Waiting
from tallystick.authority.intake.place_store import KnownPlace
from tallystick.authority.intake.places import SETTLE
from tallystick.authority.oversight.activity import operations as activity
from tallystick.authority.oversight.activity.values import Act
from tallystick.authority.oversight.approvals import operations as approvals
from tallystick.authority.oversight.approvals import queries as approval_queries
from tallystick.authority.oversight.approvals.values import Request
from tallystick.authority.reference.registry.persons import person
from tallystick.kernel.faults import Fault
from tallystick.ops.database import open_database
from tallystick.ops.override_desk import shell
from tallystick.ops.schema.roles import PORTAL, as_role
from tallystick.ops.settings import Settings
from tallystick.ops.state_folder import StateFolder

_SHOWN = 200


@attrs.frozen(slots=True)
class OfficerDesk:
    """The deeds of one shell; each is a transaction. They raise the faults of the rooms."""

    dsn: str
    came_from: str
    clock: Callable[[], datetime]

    def waiting(self) -> list[tuple[Held, Standing]]:
        """Documents that wait for a decision, with what shows their age; that they were read is an act."""
        with psycopg.connect(self.dsn) as conn:
            found = decision_store.waiting(conn, _SHOWN)
            counters = DeviceCounters()
            shown = [(one, anchors.standing(conn, counters, one)) for one in found]
            activity.record(conn, Act(at=self.clock(), actor=self.came_from, verb="quarantine.read"))
            return shown

    def decided(self) -> list[Held]:
        """Documents that were decided upon, newest first."""
        with psycopg.connect(self.dsn) as conn:
            return decision_store.decided(conn, _SHOWN)

    def requests(self, deeds: Collection[str]) -> list[Request]:
        """Requests of these deeds, those that wait first."""
        with psycopg.connect(self.dsn) as conn:
            return approval_queries.newest(conn, deeds=deeds)

    def ask_for_decision(self, username: str, act: str, decision: Decision, reason: str) -> int:
        """Ask that a document be re-admitted or rejected; ``act`` is the hash, or its beginning if only one has it."""
        with psycopg.connect(self.dsn) as conn:
            by = person(conn, username, self.came_from)
            act_hash = self._act(conn, act)
            return decisions.ask(conn, DeviceCounters(), by, act_hash, decision, reason, self.clock())

    def devices(self) -> list[Waiting]:
        """Devices of which several documents wait."""
        with psycopg.connect(self.dsn) as conn:
            return many_store.devices(conn, _SHOWN)

    def look(self, uid: str, first: int, last: int) -> Many:
        """What waits of one device, between two numbers; that it was read is an act."""
        with psycopg.connect(self.dsn) as conn:
            seen = many.look(conn, DeviceCounters(), uid, first, last)
            activity.record(conn, Act(at=self.clock(), actor=self.came_from, verb="quarantine.read", object=uid))
            return seen

    def ask_for_many(
        self, username: str, uid: str, decision: Decision, reason: str, first: int, last: int
    ) -> tuple[int, Many]:
        """Ask for a decision about all that waits of a device between two numbers; the request and what it is about."""
        with psycopg.connect(self.dsn) as conn:
            by = person(conn, username, self.came_from)
            seen = many.look(conn, DeviceCounters(), uid, first, last)
            return many.ask(conn, by, seen, decision, reason, self.clock()), seen

    def decisions_about_many(self) -> list[Progress]:
        """Decisions about many documents: those in work first."""
        with psycopg.connect(self.dsn) as conn:
            return many_store.newest(conn, _SHOWN)

    def ask_to_settle(self, username: str, act: str, reason: str) -> int:
        """Ask that what lacks before a document be settled as lost; ``act`` as before."""
        with psycopg.connect(self.dsn) as conn:
            by = person(conn, username, self.came_from)
            return places.ask(conn, DeviceCounters(), by, self._act(conn, act), reason, self.clock())

    def settled_places(self) -> list[KnownPlace]:
        """Places of registers that are settled as lost, newest first."""
        with psycopg.connect(self.dsn) as conn:
            return place_store.newest(conn, _SHOWN)

    def ask_for_policy(self, username: str, content: bytes, reason: str) -> int:
        """Ask for another policy of witnesses."""
        with psycopg.connect(self.dsn) as conn:
            by = person(conn, username, self.came_from)
            return witnesses.ask_for_policy(conn, content, reason, by, self.clock())

    def policy(self) -> PolicyInForce | None:
        """The policy of witnesses in force."""
        with psycopg.connect(self.dsn) as conn:
            return witness_queries.policy(conn)

    def approve(self, username: str, number: int, deeds: Collection[str]) -> None:
        """Agree, as the second officer; raises ``TS-4003`` for a request of another deed."""
        self._check(number, deeds)
        with psycopg.connect(self.dsn) as conn:
            approvals.approve(conn, number, person(conn, username, self.came_from), self.clock())

    def refuse(self, username: str, number: int, deeds: Collection[str]) -> None:
        """Refuse, or take one's own back."""
        self._check(number, deeds)
        with psycopg.connect(self.dsn) as conn:
            approvals.refuse(conn, number, person(conn, username, self.came_from), self.clock())

    def _check(self, number: int, deeds: Collection[str]) -> None:
        if all(one.request_id != number for one in self.requests(deeds)):
            raise Fault("TS-4003", detail="no such request here")

    def _act(self, conn: psycopg.Connection[Any], beginning: str) -> bytes:
        found = [
            one for one in decision_store.waiting(conn, 10_000) if one.act_hash.hex().startswith(beginning.lower())
        ]
        if len(found) != 1 or len(beginning) < 8:
            raise Fault("TS-4003", detail="name one waiting document by at least 8 digits of its hash")
        return found[0].act_hash


@contextmanager
def open_officer_desk(settings: Settings, clock: Callable[[], datetime]) -> Iterator[OfficerDesk]:
    """The desk of whoever runs this process; raises ``SettingsError`` when there is no database."""
    state = StateFolder.of(settings.state)
    with open_database(settings, state) as owner:
        yield OfficerDesk(as_role(owner, PORTAL), shell(), clock)


QUARANTINE_DEEDS = (DECIDE, DECIDE_MANY, SETTLE)
POLICY_DEEDS = (witnesses.CHANGE_POLICY,)
