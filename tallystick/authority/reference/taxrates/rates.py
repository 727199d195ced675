"""The rate groups in memory, for the hot path. Refreshed by `reference.following`."""

from __future__ import annotations

from bisect import bisect_right
from datetime import datetime

from tallystick.authority.reference.taxrates import store
from tallystick.authority.room_queries import Connection
from tallystick.kernel.tax_rates import TaxRateGroup


class Rates:
    """Every published group; replaced whole at a refresh, so readers of any thread see one consistent set."""

    channel = "taxrates"

    def __init__(self, groups: tuple[TaxRateGroup, ...] = ()) -> None:
        self._take(groups)

    def refresh(self, conn: Connection) -> None:
        """Read all groups again when there are other ones; they are few."""
        groups = store.all_groups(conn)
        if groups != self._groups:
            self._take(groups)

    @property
    def groups(self) -> tuple[TaxRateGroup, ...]:
        """All groups by number. The same object as long as nothing changed."""
        return self._groups

    def group(self, group_id: int) -> TaxRateGroup | None:
        """The group of that number."""
        return self._by_id.get(group_id)

    def group_at(self, moment: datetime) -> TaxRateGroup | None:
        """The group in force at a moment, as `tax_rates.group_at` says."""
        starts, ordered = self._by_start
        place = bisect_right(starts, moment)
        return ordered[place - 1] if place else None

    def _take(self, groups: tuple[TaxRateGroup, ...]) -> None:
        ordered = sorted(groups, key=lambda group: (group.valid_from, group.group_id))
        self._by_start = [group.valid_from for group in ordered], ordered
        self._by_id = {group.group_id: group for group in groups}
        self._groups = groups
