"""The worker's carrying out of what two officers decided about quarantine, in a loop of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

import uvloop

from tallystick.authority.channels.ecr.batches.anchoring import DeviceCounters
from tallystick.authority.intake.decisions import DECIDE
from tallystick.authority.intake.keeper import Keeper
from tallystick.authority.intake.package import Package
from tallystick.authority.intake.readmission import DecisionServices, carry_out, publish_decisions
from tallystick.authority.ledger.client import append_blocking
from tallystick.authority.ledger.entry import Booked, NewEntry
from tallystick.authority.oversight.approvals import queries as approvals
from tallystick.ops.processes.batches import Readmitting
from tallystick.ops.processes.context import Context, DatabaseConnection, system_clock
from tallystick.ops.processes.uploads import package_rules
from tallystick.ops.schema.roles import INTAKE


class DecisionWork:
    """Carries decisions out in the thread that first asks for it. Nothing is started before there is one."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._runner: asyncio.Runner | None = None
        self._services: DecisionServices | None = None

    def work(self, conn: DatabaseConnection) -> None:
        """Carry out all that is approved, then enter the decisions."""
        if approvals.is_any_approved(conn, (DECIDE,)):
            conn.commit()
            services = self._made()
            while carry_out(conn, services, system_clock):
                continue
        publish_decisions(conn, self._append)

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
