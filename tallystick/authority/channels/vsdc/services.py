"""What this channel needs from others, as ports and values; assembled by the operations floor."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Protocol, TypeVar
from zoneinfo import ZoneInfo

import attrs
import psycopg
from psycopg_pool import ConnectionPool

from tallystick.authority.channels.vsdc.directory import HostedDirectory
from tallystick.authority.channels.vsdc.values import Taking
from tallystick.authority.intake.hosted import HostedDocument
from tallystick.authority.intake.package import PackageAnswer
from tallystick.authority.ledger.entry import Booked, NewEntry
from tallystick.authority.reference.registry.directory import Directory
from tallystick.authority.reference.taxrates.rates import Rates
from tallystick.authority.room_queries import Connection
from tallystick.crypto.certificates import Trusted
from tallystick.crypto.keys import PublicKey
from tallystick.kernel.country_pack import CountryPack
from tallystick.kernel.faults import Fault
from tallystick.kernel.instants import Clock
from tallystick.kit.in_thread import ThreadTooSlow, in_thread
from tallystick.wire.configuration import Configuration

Result = TypeVar("Result")


class Signing(Protocol):
    """The keys."""

    async def sign(self, label: str, text: bytes) -> bytes:
        """256 bytes; raises ``TS-5002``, ``TS-5004``, ``TS-1310``."""


class NumberTaker(Protocol):
    """Takes numbers, durably."""

    async def take(self, taking: Taking) -> bool:
        """See `numbers.Numbers.take`."""


class DocumentIntake(Protocol):
    """The one pipeline."""

    async def submit_document(self, document: HostedDocument) -> PackageAnswer:
        """Judge and book; answers behind the acknowledgement gate. Raises a ``Fault``."""


class Sequencer(Protocol):
    """The ledger's way in, for the registration of pairs."""

    async def append(self, entry: NewEntry) -> Booked:
        """Book an entry behind the gate."""


@attrs.frozen(slots=True, kw_only=True)
class VsdcServices:
    """Everything that the hosted signer needs.

    ``pac_secret`` (32 random bytes, kept across restarts, not in the database) keys the hashes of PACs;
    ``encryption_key`` is the authority's public key for internal data; ``languages`` are those that we and the country
    speak; ``older_interface`` offers the second version of the interface as well.
    """

    pool: ConnectionPool[psycopg.Connection[Any]]
    directory: Directory
    hosted: HostedDirectory
    rates: Rates
    numbers: NumberTaker
    signing: Signing
    intake: DocumentIntake
    sequencer: Sequencer
    clock: Clock
    trusted: Trusted
    pack: CountryPack
    zone: ZoneInfo
    pac_secret: bytes = attrs.field(repr=False)
    encryption_key: PublicKey
    configuration: Configuration
    languages: tuple[str, ...]
    mrc: str
    verification_prefix: str
    tax_core_api: str
    older_interface: bool = False
    processes: int = 1
    """How many processes serve the same POS; each lets pass its part of the tries for a PAC."""
    check_open: Callable[[], object] = lambda: None
    """The gate before anything is taken or signed: raises ``TS-50xx`` while no documents are taken in."""
    clock_back_tolerance: timedelta = timedelta(minutes=3)
    renew_before: timedelta = timedelta(days=30)
    """A signing element that ends sooner gets no further invoices where there is another one."""
    database_wait_seconds: float = 3.0
    database_answer_seconds: float = 8.0

    async def in_database(self, work: Callable[[Connection], Result]) -> Result:
        """Run blocking work in one transaction on a thread; raises ``TS-5009`` when the database is away or silent."""

        def run() -> Result:
            with self.pool.connection(timeout=self.database_wait_seconds) as conn:
                return work(conn)

        try:
            return await in_thread(run, self.database_answer_seconds)
        except (psycopg.Error, ThreadTooSlow) as error:
            raise Fault("TS-5009", detail="come back in a moment", retry_after_seconds=5) from error
