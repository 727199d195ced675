"""What the booking of batches asks of others: stores and a sequencer that take many at a time, builds, rates."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import attrs

from tallystick.authority.intake.national.ports import NationalRules, NationalStores
from tallystick.authority.intake.ports import RateGroups
from tallystick.authority.intake.store import Quarantined
from tallystick.authority.ledger.booked_numbers import BookedNumber
from tallystick.kernel.tax_rates import TaxRateGroup


class OfflineStores(NationalStores, Protocol):
    """What is kept in SQL, many rows at a time."""

    async def booked_between(self, uid: str, first: int, last: int) -> dict[int, BookedNumber]:
        """What the ledger has of a device in a span of numbers."""

    async def quarantine_all(self, rows: Sequence[Quarantined]) -> dict[bytes, int | None]:
        """Keep documents apart; the ledger's entry of each by its act, none where it has none yet."""

    async def number_all(self, numbers: Sequence[tuple[bytes, int]]) -> None:
        """Note the ledger's entries."""


class BuildHistory(Protocol):
    """What is known of the past of builds."""

    def withdrawn_at(self, build_id: str) -> datetime | None:
        """When a build was suspended or revoked last; none for one that stands, or that nobody certified."""


class KnownRates(RateGroups, Protocol):
    """The tax rates' view in memory, with all that it has: what other processes are given."""

    @property
    def groups(self) -> tuple[TaxRateGroup, ...]:
        """Every group; the same object as long as nothing changed."""


@attrs.frozen(slots=True, kw_only=True)
class OfflineRules:
    """What the booking consults: the rules of national documents, with stores that take many rows at a time."""

    national: NationalRules
    stores: OfflineStores
    history: BuildHistory
    rates: KnownRates
