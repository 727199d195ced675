"""Months that data are kept: a country's choice by kind, counted by the calendar."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.kernel.retention import DEFAULT_MONTHS, RetainedKind, RetentionRules, months_before
from tallystick.wire.country_pack import PackError, parse_pack

PACKS = sorted(Path("countries").glob("*/pack.toml"))
AQ = Path("countries/AQ/pack.toml")


@pytest.mark.parametrize(
    ("moment", "months", "before"),
    [
        (datetime(2026, 11, 27, 12, tzinfo=UTC), 3, datetime(2026, 8, 27, 12, tzinfo=UTC)),
        (datetime(2026, 3, 31, tzinfo=UTC), 1, datetime(2026, 2, 28, tzinfo=UTC)),
        (datetime(2028, 3, 31, tzinfo=UTC), 1, datetime(2028, 2, 29, tzinfo=UTC)),
        (datetime(2026, 1, 15, tzinfo=UTC), 12, datetime(2025, 1, 15, tzinfo=UTC)),
        (datetime(2026, 12, 15, tzinfo=UTC), 24, datetime(2024, 12, 15, tzinfo=UTC)),
    ],
)
def test_months_are_those_of_the_calendar(moment: datetime, months: int, before: datetime) -> None:
    assert months_before(moment, months) == before


@given(st.datetimes(datetime(2000, 1, 1), datetime(2200, 1, 1)), st.integers(1, 600))
def test_so_many_months_lie_between(moment: datetime, months: int) -> None:
    before = months_before(moment, months)
    assert (moment.year - before.year) * 12 + moment.month - before.month == months
    assert before.time() == moment.time()
    assert before.day == min(moment.day, monthrange(before.year, before.month)[1])
    assert months_before(moment + timedelta(days=1), months) >= before


def test_each_pack_says_its_months_and_leaves_none_out() -> None:
    assert len(PACKS) == 3
    for path in PACKS:
        text = path.read_text(encoding="utf-8")
        pack = parse_pack(text.encode(), path.name)
        assert dict(pack.retention.months) == dict(DEFAULT_MONTHS), path
        assert all(f"\n{kind} = " in text for kind in RetainedKind), path


def test_a_pack_changes_one_kind_and_nothing_else() -> None:
    text = AQ.read_text(encoding="utf-8")
    changed = parse_pack(text.replace("\nsightings = 24", "\nsightings = 6").encode(), "AQ").retention
    assert changed.before(RetainedKind.SIGHTINGS, datetime(2026, 11, 27, tzinfo=UTC)) == datetime(
        2026, 5, 27, tzinfo=UTC
    )
    assert {kind for kind in RetainedKind if changed.months[kind] != DEFAULT_MONTHS[kind]} == {RetainedKind.SIGHTINGS}


@pytest.mark.parametrize("line", ["refused = 0", "refused = 601", "ledger = 12", "refused = 1.5"])
def test_what_is_no_rule_is_refused_with_its_line(line: str) -> None:
    text = AQ.read_text(encoding="utf-8").replace("\nrefused = 3 ", f"\n{line} ")
    with pytest.raises(PackError, match="AQ"):
        parse_pack(text.encode(), "AQ")


def test_a_pack_without_the_table_has_what_holds_everywhere() -> None:
    text = AQ.read_text(encoding="utf-8")
    head, _, rest = text.partition("[retention]")
    assert parse_pack((head + rest[rest.index("[departments]") :]).encode(), "AQ").retention == RetentionRules()
