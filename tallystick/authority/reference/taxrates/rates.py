"""The rate groups in memory, for the hot path. Refreshed by `reference.following`."""

from __future__ import annotations

from datetime import datetime

from tallystick.authority.reference.taxrates import store
from tallystick.authority.room_queries import Connection
from tallystick.kernel.tax_rates import TaxRateGroup, group_at


class Rates:
    """Every published group; replaced whole at a refresh, so readers of any thread see one consistent set."""

    channel = "taxrates"

    def __init__(self, groups: tuple[TaxRateGroup, ...] = ()) -> None:
        self._groups = groups
        self._by_id = {group.group_id: group for group in groups}

    def refresh(self, conn: Connection) -> None:
        """Read all groups again when there are other ones; they are few."""
        groups = store.all_groups(conn)
        if groups != self._groups:
            self._by_id = {group.group_id: group for group in groups}
            self._groups = groups

    @property
    def groups(self) -> tuple[TaxRateGroup, ...]:
        """All groups by number. The same object as long as nothing changed."""
        return self._groups

    def group(self, group_id: int) -> TaxRateGroup | None:
        """The group of that number."""
        return self._by_id.get(group_id)

    def group_at(self, moment: datetime) -> TaxRateGroup | None:
        """The group in force at a moment."""
        return group_at(self._groups, moment)
