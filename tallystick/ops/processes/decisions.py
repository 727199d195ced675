"""The worker's carrying out of what two officers decided about quarantine, in a loop of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from datetime import datetime

import uvloop

from tallystick.authority.channels.ecr.batches.anchoring import DeviceCounters
from tallystick.authority.channels.ecr.batches.store import put_matter
from tallystick.authority.channels.ecr.batches.values import Matter, MatterKind
from tallystick.authority.intake import deciding_many, many_store, place_store, settling
from tallystick.authority.intake.decisions import DECIDE
from tallystick.authority.intake.keeper import Keeper
from tallystick.authority.intake.package import Package
from tallystick.authority.intake.places import SETTLE
from tallystick.authority.intake.readmission import DecisionServices, carry_out, publish_decisions
from tallystick.authority.ledger.client import append_blocking
from tallystick.authority.ledger.entry import Booked, NewEntry
from tallystick.authority.oversight.approvals import queries as approvals
from tallystick.ops.processes.batches import Readmitting
from tallystick.ops.processes.context import Context, DatabaseConnection, system_clock
from tallystick.ops.processes.uploads import package_rules
from tallystick.ops.schema.roles import INTAKE

_ROUND_MOST = 500
"""Documents that are judged in one round behind a settled place, and as many of decisions about many: decisions that
were approved meanwhile have their turn then."""


def tell(conn: DatabaseConnection, told: settling.Told, at: datetime) -> None:
    """A case for inspectors, as other matters of the offline channel."""
    kind = MatterKind.PLACE_SETTLED if told.turnover is None else MatterKind.SHIFT_LACKS
    amount = abs(told.turnover or 0)
    put_matter(conn, Matter(kind=kind, uid=told.uid, item=told.item, tin=told.tin, amount=amount, facts=told.facts), at)


class DecisionWork:
    """Carries decisions out in the thread that first asks for it. Nothing is started before there is one."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._runner: asyncio.Runner | None = None
        self._services: DecisionServices | None = None

    def work(self, conn: DatabaseConnection) -> None:
        """Carry out all that is approved, then enter the decisions; lost places first, for others wait behind them."""
        self._settle(conn)
        if approvals.is_any_approved(conn, (DECIDE,)):
            conn.commit()
            services = self._made()
            while carry_out(conn, services, system_clock):
                continue
        self._decide_many(conn)
        while publish_decisions(conn, self._append):
            continue

    def _settle(self, conn: DatabaseConnection) -> None:
        if approvals.is_any_approved(conn, (SETTLE,)):
            conn.commit()
            services = self._made()
            while settling.carry_out(conn, services, system_clock):
                continue
        settling.publish(conn, self._append, tell)
        if place_store.next_behind(conn, settling.IN_TIME) is not None:
            conn.commit()
            services = self._made()
            for _ in range(_ROUND_MOST):
                if not settling.follow(conn, services, system_clock, tell):
                    break

    def _decide_many(self, conn: DatabaseConnection) -> None:
        while deciding_many.begin(conn, system_clock):
            continue
        if many_store.is_in_work(conn):
            conn.commit()
            services = self._made()
            for _ in range(_ROUND_MOST):
                if not deciding_many.go_on(conn, services, system_clock):
                    break

    def _made(self) -> DecisionServices:
        if self._services is None:
            runner = self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
            rules, _ = package_rules(self._context)

            def wait(judging: Awaitable[Package]) -> Package:
                async def judge() -> Package:
                    return await judging

                return runner.run(judge())

            self._services = DecisionServices(
                rules=rules,
                stores=Keeper(self._context.connector(INTAKE)),
                counters=DeviceCounters(),
                append=self._append,
                wait=wait,
                national=Readmitting(self._context, runner).entry,
            )
        return self._services

    def _append(self, entry: NewEntry) -> Booked:
        return append_blocking(self._context.socket("sequencer"), entry)
