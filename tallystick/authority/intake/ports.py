"""What the steps ask of others: the registry, the rates, the unwrap process, the country's rules."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import Protocol

import attrs

from tallystick.authority.intake.claims import RefundClaim, Taken
from tallystick.authority.intake.counters import CounterWatch
from tallystick.authority.intake.store import Evidence, InQuarantine, Quarantined, Refused
from tallystick.authority.intake.unwrap_messages import OpenedPackage
from tallystick.authority.ledger.entry import Booked, NewEntry
from tallystick.authority.ledger.queries import LedgerDocument
from tallystick.authority.reference.registry.values import SecureElementEntry
from tallystick.kernel.country_pack import CountryPack, Tolerances
from tallystick.kernel.faults import Fault
from tallystick.kernel.tax_rates import TaxRateGroup
from tallystick.wire.audit_package import SealedPackage


class Signers(Protocol):
    """The registry's view in memory."""

    def secure_element(self, uid: str) -> SecureElementEntry | None:
        """A secure element by its UID."""


class RateGroups(Protocol):
    """The tax rates' view in memory."""

    def group(self, group_id: int) -> TaxRateGroup | None:
        """A group by its id, whether in force or not."""

    def group_at(self, moment: datetime) -> TaxRateGroup | None:
        """The group in force at a moment."""


class Unwrap(Protocol):
    """The process that holds the decryption key."""

    async def open_package(self, sealed: SealedPackage) -> OpenedPackage:
        """Raises ``TS-1202``, ``TS-5002``, ``TS-5004``."""

    async def open_internal_data(self, sealed: bytes) -> bytes:
        """Raises ``TS-1316``, ``TS-5002``, ``TS-5004``."""


class Sequencer(Protocol):
    """The ledger's way in."""

    async def append(self, entry: NewEntry) -> Booked:
        """Book behind the gate; raises ``TS-5002``, ``TS-5003``, ``TS-5007``, ``TS-5008``, ``TS-2401``, ``TS-1403``."""


class BulkSequencer(Sequencer, Protocol):
    """The ledger's way in, for many at a time."""

    async def append_many(self, appends: Sequence[bytes]) -> list[Booked | Fault]:
        """Book entries (`ledger.protocol.write_append`) behind one another; for each what `append` gives or raises."""


class RefundStores(Protocol):
    """What refunds took."""

    async def take(self, claim: RefundClaim, at: datetime) -> Taken:
        """Note what a refund has taken of its original, before it is booked; raises ``TS-5009``."""


class Stores(RefundStores, Protocol):
    """What is kept in SQL beside the ledger. Every method raises ``TS-5009`` when the database cannot be asked."""

    async def refuse(self, refused: Refused) -> None:
        """Keep a refused file."""

    async def recent_refusals(self, since: datetime) -> list[tuple[str, str, datetime]]:
        """UID and TIN of the sender and the moment, of refusals that count against the budget."""

    async def quarantine(self, package: Quarantined) -> InQuarantine:
        """Keep a package apart; what is kept of its act, which may be an earlier package."""

    async def number_quarantined(self, act_hash: bytes, entry_index: int) -> None:
        """Note the ledger's entry."""

    async def evidence(self, evidence: Evidence) -> int | None:
        """Keep evidence; the ledger's entry of it, if it has one."""

    async def number_evidence(self, act_hash: bytes, body_hash: bytes, entry_index: int) -> None:
        """Note the ledger's entry."""

    async def document(self, requested_by: str, signed_by: str, ordinal: int) -> LedgerDocument | None:
        """What the ledger has under a number."""

    async def hold(self, uid: str, at: datetime) -> None:
        """Put a device on hold, if its state allows it."""

    async def is_registered(self, uid: str) -> bool:
        """Whether the registry has the element, although the view in memory does not."""


@attrs.frozen(slots=True, kw_only=True)
class PackageRules:
    """Everything that the steps for packages consult; values of one country and views in memory, no SQL."""

    directory: Signers
    rates: RateGroups
    unwrap: Unwrap
    pack: CountryPack
    zone: tzinfo
    counters: CounterWatch = attrs.field(factory=CounterWatch)

    @property
    def environment(self) -> tuple[int, int]:
        """The digits of the environment in certificates (S2-010)."""
        return self.pack.environment

    @property
    def tolerances(self) -> Tolerances:
        """How far times may lie apart."""
        return self.pack.tolerances
