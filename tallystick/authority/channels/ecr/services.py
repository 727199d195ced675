"""Everything that this channel needs, assembled by the operations floor."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

import attrs
import psycopg
from psycopg_pool import ConnectionPool, PoolTimeout

from tallystick.authority.channels.ecr.answers import Answers
from tallystick.authority.channels.ecr.budget import (
    STRANGERS_AT_ONCE,
    STRANGERS_IN_WORK_MOST,
    STRANGERS_PER_SECOND,
    CallBudget,
    WorkBudget,
)
from tallystick.authority.channels.ecr.identity import Gatekeeper
from tallystick.authority.channels.ecr.ports import (
    Checkpoints,
    CommandsWaiting,
    Devices,
    Pipeline,
    QueueStatus,
    ReceiptCheck,
    Signers,
)
from tallystick.authority.channels.ecr.tally import Tally
from tallystick.authority.reference.registry.ports import ConnectingServices
from tallystick.authority.reference.taxrates.rates import Rates
from tallystick.authority.room_queries import Connection
from tallystick.crypto.certificates import Trusted
from tallystick.crypto.national_oids import NationalArc
from tallystick.kernel.channel_rules import ChannelRules
from tallystick.kernel.faults import Fault
from tallystick.kernel.instants import Clock
from tallystick.kit.in_thread import ThreadTooSlow, in_thread

Result = TypeVar("Result")


@attrs.frozen(slots=True, kw_only=True)
class EcrServices:
    """What the door is made of.

    ``audience`` is the log's origin, which documents name in ``ts-aud``; ``public_url`` is where buyers verify;
    ``operator`` the host of the catalogue's pages. Without a queue its calls say that it is not in service.
    """

    pool: ConnectionPool[psycopg.Connection[Any]]
    intake: Pipeline
    devices: Devices
    rates: Rates
    rules: ChannelRules
    checkpoints: Checkpoints
    receipts: ReceiptCheck
    clock: Clock
    trusted: Trusted
    arc: NationalArc
    audience: str
    public_url: str
    operator: str
    connecting: ConnectingServices
    commands: CommandsWaiting
    signers: Signers
    queue: QueueStatus | None = None
    monotonic: Callable[[], float] = time.monotonic
    database_wait_seconds: float = 3.0
    database_answer_seconds: float = 8.0
    gatekeeper: Gatekeeper = attrs.field(init=False)
    budget: CallBudget = attrs.field(init=False)
    work: WorkBudget = attrs.field(factory=WorkBudget)
    tally: Tally = attrs.field(init=False)
    strangers: CallBudget = attrs.field(init=False)
    strangers_work: WorkBudget = attrs.field(factory=lambda: WorkBudget(STRANGERS_IN_WORK_MOST))
    answers: Answers = attrs.field(init=False)

    @gatekeeper.default
    def _gatekeeper(self) -> Gatekeeper:
        return Gatekeeper(self.devices, self.trusted, self.arc)

    @budget.default
    def _budget(self) -> CallBudget:
        return CallBudget(self.monotonic)

    @strangers.default
    def _strangers(self) -> CallBudget:
        return CallBudget(self.monotonic, STRANGERS_PER_SECOND, STRANGERS_AT_ONCE)

    @tally.default
    def _tally(self) -> Tally:
        return Tally(self.clock)

    @answers.default
    def _answers(self) -> Answers:
        return Answers(self.public_url.rstrip("/"))

    async def in_database(self, work: Callable[[Connection], Result]) -> Result:
        """Run blocking work in one transaction on a thread; raises ``TS-5009`` when the database is away or silent."""

        def run() -> Result:
            with self.pool.connection(timeout=self.database_wait_seconds) as conn:
                return work(conn)

        try:
            return await in_thread(run, self.database_answer_seconds)
        except (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout, ThreadTooSlow) as error:
            raise Fault("TS-5009", detail="come back in a moment", retry_after_seconds=5) from error
