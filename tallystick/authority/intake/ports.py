"""What the steps ask of others: the registry, the rates, the unwrap process, the country's rules."""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import Protocol

import attrs

from tallystick.authority.intake.counters import CounterWatch
from tallystick.authority.intake.unwrap_messages import OpenedPackage
from tallystick.authority.ledger.entry import Booked, NewEntry
from tallystick.authority.reference.registry.values import SecureElementEntry
from tallystick.kernel.country_pack import CountryPack, Tolerances
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
