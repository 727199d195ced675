"""The only SQL of the tax rates."""

from __future__ import annotations

from datetime import datetime
from itertools import groupby

from tallystick.authority.room_queries import Connection, RoomQueries, Row
from tallystick.kernel.fixed_point import Rate
from tallystick.kernel.invoice import TaxCategoryType
from tallystick.kernel.tax_rates import TaxCategory, TaxRate, TaxRateGroup

_SQL = RoomQueries(__package__)


def take_turns(conn: Connection) -> None:
    """One transaction at a time publishes what it has compared with what is published."""
    _SQL.run(conn, "take_turns")


def add_group(conn: Connection, group: TaxRateGroup, request_id: int | None) -> bool:
    """Insert a group with its categories and rates; false when the number is taken."""
    facts = {"group_id": group.group_id, "valid_from": group.valid_from, "request_id": request_id}
    if not _SQL.run(conn, "add_group", **facts):
        return False
    for position, category in enumerate(group.categories):
        _SQL.run(
            conn,
            "add_category",
            group_id=group.group_id,
            position=position,
            name=category.name,
            category_type=int(category.category_type),
            order_id=category.order_id,
        )
        for rate_position, rate in enumerate(category.rates):
            _SQL.run(
                conn,
                "add_rate",
                group_id=group.group_id,
                category_position=position,
                position=rate_position,
                label=rate.label,
                rate=rate.rate.scaled,
            )
    return True


def all_groups(conn: Connection) -> tuple[TaxRateGroup, ...]:
    """Every group that was ever published, by number; one query, so one consistent view."""
    rows = _SQL.rows(conn, "all_rates")
    return tuple(_group(list(of_group)) for _, of_group in groupby(rows, key=lambda row: row[0]))


def publications(conn: Connection) -> dict[int, tuple[datetime, int | None]]:
    """When each group was published, and by which request."""
    return {group: (at, request) for group, at, request in _SQL.rows(conn, "publications")}


def _group(rows: list[Row]) -> TaxRateGroup:
    categories = tuple(_category(list(of_category)) for _, of_category in groupby(rows, key=lambda row: row[2]))
    return TaxRateGroup(valid_from=rows[0][1], group_id=rows[0][0], categories=categories)


def _category(rows: list[Row]) -> TaxCategory:
    _, _, _, name, category_type, order_id, _, _ = rows[0]
    rates = tuple(TaxRate(label, Rate(rate)) for *_, label, rate in rows if label is not None)
    return TaxCategory(name, TaxCategoryType(category_type), order_id, rates)
