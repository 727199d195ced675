"""Writes down the country's rules when they change, and publishes each change in the ledger (K-01)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import attrs
import psycopg

from tallystick.authority.ledger.entry import Booked, Channel, EntryKind, NewEntry
from tallystick.authority.oversight.approvals.values import Request
from tallystick.authority.reference.rules import operations, queries, tasks
from tallystick.authority.reference.rules.values import ALGORITHMS, TAX_RATES, Adoption
from tallystick.authority.reference.taxrates import operations as taxrate_operations
from tallystick.authority.reference.taxrates import queries as taxrates
from tallystick.kernel.algorithms import AlgorithmRegistry
from tallystick.kernel.instants import unix_ms
from tallystick.ops.database import open_database
from tallystick.ops.schema.roles import PORTAL, as_role
from tallystick.ops.settings import Settings
from tallystick.ops.state_folder import StateFolder
from tallystick.wire.rule_change import write_algorithms, write_tax_rates

Connection = psycopg.Connection[Any]
ACTOR = "process:worker"


@attrs.frozen(slots=True)
class NationalRules:
    """What the worker does about rules at each of its rounds."""

    registry: AlgorithmRegistry
    append: Callable[[NewEntry], Booked]
    clock: Callable[[], datetime]

    def keep(self, conn: Connection) -> int:
        """Adopt what is in force now and differs from what was, then publish; returns how many were published."""
        at = self.clock()
        operations.adopt(conn, ALGORITHMS, write_algorithms(self.registry), ACTOR, at)
        _adopt_rates(conn, ACTOR, at)
        conn.commit()
        return tasks.publish_adoptions(conn, self._publish)

    def _publish(self, body: bytes, adoption: Adoption) -> int:
        entry = NewEntry(
            kind=EntryKind.RULE_CHANGE,
            channel=Channel.NONE,
            body=body,
            media_type=tasks.RULE_CHANGE_MEDIA_TYPE,
            received_at_ms=unix_ms(adoption.adopted_at),
        )
        return self.append(entry).index


def publish_rates(conn: Connection, request: Request, at: datetime) -> None:
    """Publish the rate groups that two persons agreed on: their word is what the rule's adoption names, not a process.

    The entry in the ledger follows with the worker's next round.
    """
    if taxrate_operations.publish(conn, request, at):
        _adopt_rates(conn, request.decider, at)


def _adopt_rates(conn: Connection, by: str, at: datetime) -> None:
    """Write down which rates are published. Read in turn, or an older reading would be adopted behind a newer one."""
    operations.take_turns(conn, TAX_RATES)
    if groups := taxrates.current_groups(conn):
        operations.adopt(conn, TAX_RATES, write_tax_rates(groups), by, at)


def read_history(settings: Settings, limit: int) -> list[Adoption]:
    """Adoptions of all subjects, newest first; raises ``SettingsError`` when there is no database."""
    with (
        open_database(settings, StateFolder.of(settings.state)) as owner,
        psycopg.connect(as_role(owner, PORTAL)) as conn,
    ):
        found = [one for subject in (ALGORITHMS, TAX_RATES) for one in queries.history(conn, subject, limit=limit)]
    return sorted(found, key=lambda one: one.adopted_at, reverse=True)[:limit]
