"""What this channel asks of others, as ports; assembled by the operations floor."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from datetime import datetime
from typing import Protocol

from tallystick.authority.intake.national.values import NationalAnswer, Sender
from tallystick.authority.ledger.entry import Channel
from tallystick.authority.reference.registry.values import DeviceCertificate, NationalDevice
from tallystick.authority.room_queries import Connection
from tallystick.kernel.faults import Fault
from tallystick.kernel.instants import Clock
from tallystick.kernel.shifts import RegisterState


class Stands(Protocol):
    """Where a device stands by its documents."""

    @property
    def sequence(self) -> int:
        """The place of its last one, 0 before the first."""

    @property
    def link(self) -> bytes:
        """The device link after it."""

    @property
    def state(self) -> RegisterState:
        """Its register."""


class Pipeline(Protocol):
    """The one way of a document."""

    async def submit(
        self, compact: bytes, *, sender: Sender, received_at: datetime, channel: Channel
    ) -> NationalAnswer:
        """Judge and book a document; returns behind the acknowledgement gate, raises a coded fault."""

    def submit_all(
        self, documents: Sequence[bytes], *, sender: Sender, clock: Clock, channel: Channel
    ) -> AsyncGenerator[NationalAnswer | Fault]:
        """Judge and book many of one device in order; for each the answer, or the fault."""

    async def standing(self, uid: str) -> Stands:
        """Where a device stands, read from the ledger; raises ``TS-2401`` for one that it does not know."""


class Devices(Protocol):
    """The registry's view in memory."""

    @property
    def refreshed_at(self) -> datetime | None:
        """When it last agreed with the database; none before the first time."""

    def device(self, uid: str) -> NationalDevice | None:
        """A registered device."""

    def certificate(self, certificate_hash: bytes) -> DeviceCertificate | None:
        """A certificate that was issued to a device, by the SHA-256 of its DER."""


ReceiptCheck = Callable[[str], bytes]
"""What the public page would answer to a receipt's code, as JSON. It blocks, and raises coded faults."""


class Checkpoints(Protocol):
    """Signed heads of the ledger that travel beside the calls."""

    @property
    def newest(self) -> str:
        """The newest one as a header's value; empty while there is none."""

    def bring(self, value: str, reported_by: str) -> None:
        """Take what a device was shown before, to be compared; never waits."""


class CommandsWaiting(Protocol):
    """For which devices a command waits, in memory."""

    def highest(self, uid: str) -> int:
        """The highest number that waits for a device; 0 where nothing does."""


Signers = Callable[[Connection, set[bytes]], tuple[bytes, ...]]
"""Certificates (DER) of the units that signed commands, by the SHA-256 of each, and of the authority above them."""


class Queued(Protocol):
    """How one document stands in the queue to the tax service."""

    @property
    def sequence(self) -> int:
        """The cursor."""

    @property
    def ordinal(self) -> int:
        """The number's last part."""

    @property
    def log_index(self) -> int:
        """Its place in the ledger."""

    @property
    def state(self) -> str:
        """One word."""

    @property
    def at(self) -> datetime | None:
        """Since when."""

    @property
    def code(self) -> str:
        """The tax service's code, if it gave one."""

    @property
    def reason(self) -> str:
        """Its words."""


class QueueStatus(Protocol):
    """The queue to the tax service, as far as it concerns one device (S1-016)."""

    def own(self, conn: Connection, uid: str, *, after: int, limit: int) -> Sequence[Queued]:
        """Documents of a device behind a place of its sequence, oldest first."""

    def one(self, conn: Connection, uid: str, ordinal: int) -> Queued | None:
        """The document of a number; none where the queue does not know it."""
