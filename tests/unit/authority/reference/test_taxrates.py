"""Rate groups are published once and for all, and the one in force at a moment is found (S2-040 to S2-044, S2-054)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.authority.reference.taxrates import operations, queries
from tallystick.authority.reference.taxrates.rates import Rates
from tallystick.kernel.faults import Fault
from tallystick.kernel.fixed_point import Rate
from tallystick.kernel.invoice import TaxCategoryType
from tallystick.kernel.tax_rates import TaxCategory, TaxRate, TaxRateGroup, group_at

Connection = psycopg.Connection[Any]
START = datetime(2026, 1, 1, tzinfo=UTC)
FIRST = TaxRateGroup(
    START,
    1,
    (
        TaxCategory("VAT", TaxCategoryType.TAX_ON_NET, 6, (TaxRate("A", Rate.of(9)), TaxRate("Ж", Rate.of(19)))),
        TaxCategory("PBL", TaxCategoryType.AMOUNT_PER_QUANTITY, 3, (TaxRate("P", Rate.of("0.5")),)),
        TaxCategory("EMPTY", TaxCategoryType.TAX_ON_TOTAL, 5, ()),
    ),
)
SECOND = attrs.evolve(FIRST, group_id=2, valid_from=START + timedelta(days=30), categories=FIRST.categories[:1])


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(1, 9)), max_size=6, unique_by=lambda pair: pair[1]),
    st.integers(-1, 6),
)
def test_the_view_in_memory_finds_the_group_that_the_rule_names(made: list[tuple[int, int]], day: int) -> None:
    """Several may begin at once, and none may be in force yet."""
    groups = tuple(
        attrs.evolve(FIRST, group_id=number, valid_from=START + timedelta(days=start)) for start, number in made
    )
    moment = START + timedelta(days=day)
    assert Rates(groups).group_at(moment) == group_at(groups, moment)


def test_a_group_comes_back_as_it_was_published(connection: Connection) -> None:
    assert operations.publish_group(connection, FIRST)
    assert not operations.publish_group(connection, FIRST), "the same again changes nothing"
    assert queries.current_groups(connection) == (FIRST,)


def test_s2_054_another_content_under_the_same_number_is_refused(connection: Connection) -> None:
    operations.publish_group(connection, FIRST)
    with pytest.raises(Fault, match="TS-2004"):
        operations.publish_group(connection, attrs.evolve(SECOND, group_id=1))
    with pytest.raises(Fault, match="TS-2004"):
        operations.publish_group(connection, attrs.evolve(SECOND, categories=()))
    assert queries.current_groups(connection) == (FIRST,)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE taxrates.rate SET rate = 0",
        "DELETE FROM taxrates.rate",
        "UPDATE taxrates.category SET name = 'x'",
        "UPDATE taxrates.rate_group SET valid_from = now()",
    ],
)
def test_s2_054_the_database_itself_refuses_to_change_a_published_group(connection: Connection, statement: str) -> None:
    operations.publish_group(connection, FIRST)
    with pytest.raises(psycopg.errors.IntegrityError):
        connection.execute(statement.encode())


def test_s2_042_the_group_in_force_is_found_at_a_moment(connection: Connection) -> None:
    operations.publish_group(connection, FIRST)
    operations.publish_group(connection, SECOND)
    view = Rates()
    view.refresh(connection)
    for at, expected in ((-1, None), (0, FIRST), (29, FIRST), (30, SECOND), (999, SECOND)):
        moment = START + timedelta(days=at)
        assert view.group_at(moment) == expected
        assert queries.group_in_force(connection, moment) == expected
    assert view.group(2) == SECOND
    assert view.group(3) is None


def test_the_view_keeps_its_groups_while_nothing_changes(connection: Connection) -> None:
    view = Rates()
    operations.publish_group(connection, FIRST)
    view.refresh(connection)
    before = view.groups
    view.refresh(connection)
    assert view.groups is before
    operations.publish_group(connection, SECOND)
    view.refresh(connection)
    assert view.groups == (FIRST, SECOND)
