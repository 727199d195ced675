"""The feed: each thing that became of a connection's documents, once, in the order of the ledger."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from described import Described
from ecr_till import Till
from erp_bench import ErpBench, bulk

from tallystick.authority.channels.erp import feed
from tallystick.kernel.invoice import TransactionType
from tallystick.ops.schema.roles import INTAKE, as_role
from tallystick.wire.openapi_erp import erp_api

DESCRIBED = Described(erp_api())


def page(till: Till, after: str = "", limit: int | None = None) -> Any:
    query = "&".join([f"after={after}"] * bool(after) + [f"limit={limit}"] * (limit is not None))
    reply = till.ask("GET", "/erp/v1/feed" + (f"?{query}" if query else ""))
    assert reply.status == 200, reply.body
    DESCRIBED.validate({"$ref": "#/components/schemas/FeedPage"}, reply.json)
    return reply.json


def all_events(till: Till, limit: int) -> list[dict[str, Any]]:
    """Read on page by page until one is empty."""
    events, after = [], ""
    while (read := page(till, after, limit))["events"]:
        assert len(read["events"]) <= limit
        events += read["events"]
        after = read["next"]
    assert not after or read["next"] == after, "an empty page moves nobody"
    return events


def refund_by(bench: ErpBench, other: Till, original: Till, sequence: int, price: str) -> str:
    """Another device of the same taxpayer gives something back; the refund's number."""
    back = other.papers.sale((price,), operation=TransactionType.REFUND, refers_to=original.papers.number(sequence))
    reply = other.submit(other.papers.receipt(back))
    assert reply.status == 201, reply.body
    return str(reply.json["number"])


def caught_up(bench: ErpBench, till: Till, limit: int, count: int) -> list[dict[str, Any]]:
    """All events; the row that opens the gate for readers comes a moment after the answer."""
    events: list[dict[str, Any]] = []
    for _ in range(100):
        events = all_events(till, limit)
        if len(events) >= count:
            break
    assert len(events) == count
    return events


def test_s0_019_the_feed_tells_each_thing_once_in_the_order_of_the_ledger(bench: ErpBench) -> None:
    till, other = bench.opened(), bench.opened()
    sold = [till.submit().json for _ in range(3)]
    refund_by(bench, till, till, 3, "1.20")
    refund_by(bench, till, till, 3, "0.50")
    till.submit()
    other.submit()
    whole = caught_up(bench, till, 100, 10)
    assert [(one["type"], one["number"].rpartition("-")[2]) for one in whole] == [
        ("booked", "1"), ("booked", "2"), ("booked", "3"), ("booked", "4"), ("booked", "5"),
        ("booked", "6"), ("refunded", "3"), ("booked", "7"), ("refunded", "3"), ("booked", "8"),
    ]  # fmt: skip
    assert [one["answer"] for one in whole[2:5]] == sold, "an answer is what the document was told"
    assert [int(one["index"]) for one in whole] == sorted(int(one["index"]) for one in whole)
    assert (whole[6]["by"], whole[6]["amount"]) == (f"{till.uid}-{till.uid}-6", "1.2000")
    for limit in (1, 2, 3, 7):
        assert all_events(till, limit) == whole, "however it is cut into pages"
    assert len({one["id"] for one in whole}) == len(whole)
    assert all(one["number"].startswith(other.uid) for one in all_events(other, 50)), "of own documents alone"


def test_what_comes_later_is_behind_every_cursor_that_was_given(bench: ErpBench) -> None:
    till = bench.opened()
    first = caught_up(bench, till, 100, 2)
    cursor = page(till)["next"]
    assert page(till, cursor)["events"] == []
    documents = [till.papers.sell(till.clock()) for _ in range(4)]
    bulk(till, documents)
    assert len(caught_up(bench, till, 100, 6)) == 6
    later = page(till, cursor)["events"]
    assert first + later == all_events(till, 100)
    assert page(till, cursor)["events"] == later, "a cursor can be read from as often as one likes"


def test_s0_019_a_document_says_how_it_stands_on_its_way_to_the_tax_service(bench: ErpBench) -> None:
    till = bench.opened()
    reply = till.submit().json
    caught_up(bench, till, 100, 3)
    assert page(till)["events"][2]["tax_service"]["state"] == "waiting"
    with psycopg.connect(as_role(bench.dsn, INTAKE)) as conn:
        accepted = (
            "INSERT INTO taxservice.receipt (log_index, document_type, tin, booked_at, accepted_at, again, receipt) "
            "VALUES (%s, 512, '1', now(), now(), false, 'r')"
        )
        conn.execute(accepted, [int(reply["index"])])
    assert page(till)["events"][2]["tax_service"]["state"] == "accepted"


def test_nothing_is_told_before_the_gate(bench: ErpBench, monkeypatch: pytest.MonkeyPatch) -> None:
    till = bench.opened()
    refund_by(bench, till, till, int(till.submit().json["number"].rpartition("-")[2]), "1.00")
    whole = caught_up(bench, till, 100, 5)
    for gate in (int(one["index"]) for one in whole):
        monkeypatch.setattr(feed, "acked_size", lambda _, gate=gate: gate)
        assert all_events(till, 100) == [one for one in whole if int(one["index"]) < gate]


def test_a_cursor_or_limit_that_is_none_is_refused(bench: ErpBench) -> None:
    till = bench.device()
    asked = {
        "after=x": "TS-3293", "after=AAAAAAAAAAAAAAAAAA": "TS-3293", "after=a&after=b": "TS-3293",
        "limit=0": "TS-1220", "limit=-1": "TS-1220", "limit=x": "TS-1220", "limit=99999": "TS-1220",
    }  # fmt: skip
    for query, code in asked.items():
        reply = till.ask("GET", f"/erp/v1/feed?{query}")
        assert (query, reply.status, reply.code) == (query, 400 if code == "TS-3293" else reply.status, code)
        assert reply.status < 500
    assert page(till, limit=9999)["events"] == []
    foreign = page(bench.device())["next"]
    assert till.ask("GET", f"/erp/v1/feed?after={foreign}").code == "TS-3293", "another connection's cursor"


def test_the_description_is_served_to_anybody(bench: ErpBench) -> None:
    reply = bench.door.stranger().ask("GET", "/erp/v1/openapi.json")
    assert (reply.status, reply.json) == (200, erp_api())
