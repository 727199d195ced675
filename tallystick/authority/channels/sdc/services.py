"""What this channel needs from others, as ports; assembled by the operations floor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Protocol, TypeVar
from uuid import UUID

import attrs
import psycopg
from psycopg_pool import ConnectionPool

from tallystick.authority.channels.sdc.identity import Gatekeeper
from tallystick.authority.channels.sdc.tokens import TokenCache
from tallystick.authority.reference.builds.directory import BuildDirectory
from tallystick.authority.reference.commands.outstanding import Outstanding
from tallystick.authority.reference.registry.directory import Directory
from tallystick.authority.reference.taxrates.rates import Rates
from tallystick.authority.room_queries import Connection
from tallystick.crypto.certificates import Trusted
from tallystick.kernel.faults import Fault
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.instants import Clock
from tallystick.kit.in_thread import ThreadTooSlow, in_thread
from tallystick.wire.configuration import Configuration
from tallystick.wire.ordinal_ranges import Ranges
from tallystick.wire.taxcore_api import Environment

Result = TypeVar("Result")


class PackageVerdict(Protocol):
    """The pipeline's answer to a package."""

    @property
    def status(self) -> int:
        """The audit status of the wire."""

    @property
    def replayed(self) -> bool:
        """Whether the same document was judged before."""

    @property
    def step(self) -> int:
        """The number of the intake step that decided."""

    @property
    def code(self) -> str:
        """The fault code of anything but a plain acceptance, else empty."""


class PackageIntake(Protocol):
    """The pipeline for audit packages."""

    async def submit_package(
        self, body: bytes, *, token_uid: str, token_tin: str, received_at: datetime
    ) -> PackageVerdict:
        """Judge and book; answers behind the acknowledgement gate. May raise a ``Fault``."""


class ProofOfAudit(Protocol):
    """The service that releases a card's limit; both run in the caller's transaction."""

    def receive_request(
        self, conn: Connection, uid: str, payload: bytes, sum: Money, limit: Money, at: datetime, gone: Ranges = ()
    ) -> Sequence[tuple[int, int]]:
        """Take a card's request, with the ordinals that its device no longer has; the ranges that are missing."""

    def command_reported(self, conn: Connection, uid: str, command_id: UUID, success: bool, at: datetime) -> None:
        """A proof was executed by the card, or refused: the end of a cycle (S2-105)."""


class Checkpoints(Protocol):
    """Signed heads of the ledger that travel beside the calls."""

    @property
    def newest(self) -> str:
        """The newest one as a header's value; empty while there is none."""

    def bring(self, value: str, reported_by: str) -> None:
        """Take what a device was shown before, to be compared; never waits."""


class NoCheckpoints:
    """The port of a channel that carries none."""

    newest = ""

    def bring(self, value: str, reported_by: str) -> None:
        """Pass it over."""


@attrs.frozen(slots=True, kw_only=True)
class SdcServices:
    """Everything that TaxCore.API needs.

    ``server_key`` (at least 32 random bytes, kept across restarts) makes tokens; ``operator`` is the host name in
    problem addresses; ``current_rates_as_array`` chooses the form of the shared tax-rates service (C-02).
    """

    pool: ConnectionPool[psycopg.Connection[Any]]
    directory: Directory
    rates: Rates
    outstanding: Outstanding
    intake: PackageIntake
    audit: ProofOfAudit
    clock: Clock
    trusted: Trusted
    environment: tuple[int, int]
    server_key: bytes = attrs.field(repr=False)
    configuration: Configuration
    environments: tuple[Environment, ...]
    encryption_certificate: bytes = attrs.field(repr=False)
    operator: str
    checkpoints: Checkpoints = attrs.field(factory=NoCheckpoints)
    current_rates_as_array: bool = True
    database_wait_seconds: float = 3.0
    database_answer_seconds: float = 8.0
    bodies_in_work_bytes: int = 64 * 1024 * 1024
    builds: BuildDirectory = attrs.field(factory=BuildDirectory)
    tokens: TokenCache = attrs.field(factory=TokenCache, init=False)
    gatekeeper: Gatekeeper = attrs.field(init=False)

    @gatekeeper.default
    def _gatekeeper(self) -> Gatekeeper:
        return Gatekeeper(self.directory, self.trusted, self.environment, self.clock)

    async def in_database(self, work: Callable[[Connection], Result]) -> Result:
        """Run blocking work in one transaction on a thread; raises ``TS-5009`` when the database is away or silent."""

        def run() -> Result:
            with self.pool.connection(timeout=self.database_wait_seconds) as conn:
                return work(conn)

        try:
            return await in_thread(run, self.database_answer_seconds)
        except (psycopg.OperationalError, psycopg.InterfaceError, ThreadTooSlow) as error:
            raise Fault("TS-5009", detail="come back in a moment", retry_after_seconds=5) from error
