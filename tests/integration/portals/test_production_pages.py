"""Batches of fiscal modules on the pages: who sees them, and two persons in two browsers."""

from __future__ import annotations

import re
from typing import Any

import psycopg
import pytest
from portal_pages import Pages

from tallystick.authority.oversight.approvals.values import Person
from tallystick.authority.reference.production import batches
from tallystick.authority.reference.registry.operations import register_taxpayer
from tallystick.authority.reference.registry.values import Taxpayer
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.identifiers import Tin

ORDER = b"""tin,business_name,location_name,address,district,city
100000001,Grocers Ltd,Store 1,1 Harbour Street,North,McMurdo
100000001,Grocers Ltd,Store 2,2 Harbour Street,North,McMurdo
"""


@pytest.fixture
def asked(pages: Pages) -> Pages:
    """A batch that vera asked for."""
    from django.utils import timezone

    with psycopg.connect(pages.dsn) as conn:
        register_taxpayer(conn, Taxpayer(Tin("100000001"), "Grocers Ltd"))
        batches.ask_to_open(
            conn,
            ORDER,
            profile="virtual",
            blanks=3,
            years=4,
            usual_limit=Money.of(1_000),
            reason="the yearly order of the north",
            by=Person("vera", "portal"),
            at=timezone.now(),
        )
    return pages


def test_two_persons_open_a_batch_in_two_browsers(asked: Pages) -> None:
    vera, omar = (asked.signed_in(user) for user in asked.officers)
    page = vera.get("/production/").content.decode()
    assert "waits for a second person" in page
    assert "2 from 3 blanks" in page
    assert "the yearly order of the north" in page
    assert "Open the batch" not in page, "not one's own"
    own = asked.send(vera, "/production/1/approve/")
    assert (own.status_code, b"Code TS-4005" in own.content) == (409, True)
    assert "Open the batch" in omar.get("/production/").content.decode()
    assert asked.send(omar, "/production/1/approve/").status_code == 302
    assert asked.rows("SELECT state, asked_by, opened_by FROM production.batch") == [("open", "vera", "omar")]
    late = asked.send(omar, "/production/1/refuse/")
    assert (late.status_code, b"Code TS-4007" in late.content) == (412, True)
    assert "No blank was taken yet" in omar.get("/production/1/").content.decode()
    assert omar.get("/production/2/").status_code == 404


def test_a_batch_is_opened_on_its_own_page_alone(asked: Pages) -> None:
    omar = asked.signed_in(asked.officers[1])
    page = omar.get("/approvals/").content.decode()
    assert 'Decided on the page <a href="/production/">Fiscal modules</a>' in page
    assert "Approve" not in page
    for deed in ("approve", "refuse"):
        answer = asked.send(omar, f"/approvals/1/{deed}/")
        assert (answer.status_code, b"Code TS-4022" in answer.content) == (409, True)
    assert asked.rows("SELECT state FROM approvals.request") == [("pending",)]
    assert asked.send(omar, "/production/1/approve/").status_code == 302


def test_a_page_of_a_batch_reads_its_own_modules_alone(asked: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    from tallystick.authority.reference.production import queries

    with psycopg.connect(asked.dsn) as conn:
        conn.execute("SET session_replication_role = replica")
        conn.execute(
            """INSERT INTO production.order_line SELECT 1, n, '1', 'b', 'l', 'a', 'd', 'c', '', '', 1, 'card'
               FROM generate_series(3, 120) AS n"""
        )
        conn.execute(
            """INSERT INTO production.module (batch_id, line, slot, taken_at, changed_at)
               SELECT 1, n, n, now(), now() FROM generate_series(1, 120) AS n"""
        )
    read: list[int] = []
    ask = queries.modules

    def counted(*place: Any, **wanted: Any) -> Any:
        found = ask(*place, **wanted)
        read.append(len(found))
        return found

    monkeypatch.setattr(queries, "modules", counted)
    vera = asked.signed_in(asked.officers[0])
    for query, shown in (("", "1 50"), ("?page=2", "51 100"), ("?page=3", "101 120"), ("?page=99", "101 120")):
        text = vera.get(f"/production/1/{query}").content.decode()
        first, last = shown.split()
        blanks = re.findall(r"<h3>blank (\d+)</h3>", text)
        assert (blanks[0], blanks[-1]) == (first, last)
        assert " of 3" in text
    assert read == [50, 50, 20, 20]


def test_whoever_makes_no_modules_sees_none(asked: Pages) -> None:
    taxpayer = asked.signed_in(asked.taxpayer)
    assert taxpayer.get("/production/").status_code == 404
    assert taxpayer.get("/production/1/").status_code == 404
    assert asked.visitor().get("/production/").status_code == 302
    operator = asked.signed_in(asked.operator)
    assert "Batch 1" in operator.get("/production/").content.decode()
