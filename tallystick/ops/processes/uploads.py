"""The worker's judging of uploads, wired: the same pipeline as the device API's, in a loop of its own."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import psycopg
import uvloop
from psycopg_pool import ConnectionPool

from tallystick.authority.channels.sdc.shared import initial_commands
from tallystick.authority.channels.sdc.uploads.judging import JudgingServices
from tallystick.authority.channels.sdc.uploads.tasks import is_anything_due, judge_due
from tallystick.authority.intake.budget import BudgetPolicy
from tallystick.authority.intake.keeper import Keeper
from tallystick.authority.intake.pipeline import Intake, IntakePolicy
from tallystick.authority.intake.ports import PackageRules
from tallystick.authority.intake.unwrap_client import UnwrapClient
from tallystick.authority.ledger.client import SequencerClient
from tallystick.authority.reference.following import Follower
from tallystick.authority.reference.registry.directory import Directory
from tallystick.authority.reference.taxrates.rates import Rates
from tallystick.ops.processes.api import configuration_of
from tallystick.ops.processes.context import Context, DatabaseConnection, system_clock
from tallystick.ops.processes.proofs import audit_desk
from tallystick.ops.schema.roles import INTAKE

_POOL_CONNECTIONS = 4
_ROUND_SECONDS = 5.0


def package_rules(context: Context) -> tuple[PackageRules, Rates]:
    """What judges packages in the worker: views of registry and rates that follow the database, and the opener."""
    directory, rates = Directory(system_clock), Rates()
    Follower(context.connector(INTAKE), [directory, rates]).start()
    unwrap = UnwrapClient(*context.unwrap_sockets)
    return PackageRules(directory=directory, rates=rates, unwrap=unwrap, pack=context.pack, zone=context.zone), rates


class UploadWork:
    """Judges uploads in the thread that first asks for it. Nothing is started before there is something to judge."""

    def __init__(self, context: Context, stopped: threading.Event) -> None:
        self._context = context
        self._stopped = stopped
        self._runner: asyncio.Runner | None = None
        self._services: JudgingServices | None = None

    def work(self, conn: DatabaseConnection) -> None:
        """Judge what is due, for some seconds at most."""
        if self._services is None and not is_anything_due(conn, system_clock()):
            return
        runner, services = self._made()
        until = time.monotonic() + _ROUND_SECONDS
        while judge_due(conn, services, runner, system_clock):
            if self._stopped.is_set() or time.monotonic() > until:
                return

    def _made(self) -> tuple[asyncio.Runner, JudgingServices]:
        if self._runner is None or self._services is None:
            self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
            self._services = self._make(self._runner)
        return self._runner, self._services

    def _make(self, runner: asyncio.Runner) -> JudgingServices:
        context = self._context
        rules, rates = package_rules(context)
        pool: ConnectionPool[psycopg.Connection[Any]] = ConnectionPool(
            context.dsn(INTAKE),
            min_size=1,
            max_size=_POOL_CONNECTIONS,
            check=ConnectionPool.check_connection,
            open=True,
        )
        sequencer = SequencerClient(context.socket("sequencer"))
        policy = IntakePolicy(budget=BudgetPolicy(enabled=context.settings.failure_budget))
        intake = Intake(rules, sequencer, Keeper(pool.connection), policy)
        runner.run(intake.remember_refusals(system_clock()))
        configuration = configuration_of(context)
        return JudgingServices(
            intake=intake,
            desk=audit_desk(context),
            initial_commands=lambda: initial_commands(configuration, rates.groups),
        )
