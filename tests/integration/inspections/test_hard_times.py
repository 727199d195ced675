"""Detectors where documents arrive all the time, where much is wrong at once, and where the log itself shrank."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from inspected import Inspected, inspected
from psycopg import connect

from tallystick.authority.projections.inspections.detectors import under_reporting
from tallystick.authority.projections.inspections.fold import fold
from tallystick.authority.projections.inspections.reading import Pace
from tallystick.authority.projections.inspections.values import CaseKind, DetectorName

ARRIVAL = timedelta(hours=72)


@pytest.fixture
def shops(database: str, tmp_path: Path) -> Iterator[Inspected]:
    """A country with two cards that have sold nothing yet."""
    with inspected(database, tmp_path) as made:
        yield made


def test_what_is_due_is_seen_while_documents_arrive(shops: Inspected, monkeypatch: pytest.MonkeyPatch) -> None:
    card, other = shops.country.live.card, shops.country.live.other
    shops.sell(card)
    shops.scan(shops.sign(card)[1])
    assert shops.look() == []
    shops.at += ARRIVAL + timedelta(minutes=1)

    def folding(*given: Any) -> Iterator[Any]:
        yield from fold(*given)
        shops.sell(other)

    monkeypatch.setattr(under_reporting, "fold", folding)
    assert shops.kinds(DetectorName.UNDER_REPORTING) == {CaseKind.SEEN_BY_BUYER}


def test_a_backlog_is_read_before_anybody_says_what_lacks(shops: Inspected, monkeypatch: pytest.MonkeyPatch) -> None:
    card, other = shops.country.live.card, shops.country.live.other
    shops.sell(card)
    shops.scan(shops.sign(card)[1])
    assert shops.look() == []
    shops.at += ARRIVAL + timedelta(minutes=1)
    shops.sell(other)
    shops.sell(other)
    monkeypatch.setattr(Pace, "most", lambda pace, size: 1)
    assert shops.look(DetectorName.UNDER_REPORTING, rounds=1) == []
    assert shops.kinds(DetectorName.UNDER_REPORTING) == {CaseKind.SEEN_BY_BUYER}


def test_a_log_that_shrank_stays_a_case_when_it_grows_again_and_is_read_anew(shops: Inspected) -> None:
    card = shops.country.live.card
    shops.sell(card)
    shops.sell(card)
    assert shops.look() == []
    shops.edit("CREATE TABLE public.kept AS SELECT * FROM ledger.checkpoints WHERE tree_size > 2")
    shops.edit("DELETE FROM ledger.checkpoints WHERE tree_size > 2")
    assert "ledger" in {case.matter for case in shops.look()}
    with connect(shops.country.dsn) as conn:
        rows = conn.execute("SELECT DISTINCT position FROM inspections.progress WHERE reader LIKE '%new'").fetchall()
        (size,) = conn.execute("SELECT coalesce(max(tree_size), 0) FROM ledger.checkpoints").fetchone() or (None,)
    assert rows == [(size,)], "what grows there is new"
    shops.edit("INSERT INTO ledger.checkpoints SELECT * FROM public.kept")
    shops.at += timedelta(minutes=2)
    assert "ledger" in {case.matter for case in shops.look()}, "only an officer ends it"
