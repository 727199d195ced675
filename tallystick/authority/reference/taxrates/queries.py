"""What may be asked about tax rates."""

from __future__ import annotations

from datetime import datetime

from tallystick.authority.reference.taxrates import store
from tallystick.authority.room_queries import Connection
from tallystick.kernel.tax_rates import TaxRateGroup, group_at


def current_groups(conn: Connection) -> tuple[TaxRateGroup, ...]:
    """Every published group by number: past, current and those that wait for their day."""
    return store.all_groups(conn)


def group_in_force(conn: Connection, moment: datetime) -> TaxRateGroup | None:
    """The group in force at a moment (S2-042)."""
    return group_at(store.all_groups(conn), moment)


def publications(conn: Connection) -> dict[int, tuple[datetime, int | None]]:
    """When each group was published, and by which request; none for the first ones of a country that was made."""
    return store.publications(conn)
