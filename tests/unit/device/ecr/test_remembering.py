"""What a register keeps of what came to nothing, and what it tells of answers that nobody took."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from till_authority import Authority
from till_bench import Bench, sale, without_flushes

from tallystick.device.ecr import store as stores
from tallystick.kernel.faults import Fault
from tallystick.kit.named_sql import load_queries


@pytest.fixture(autouse=True)
def _quick() -> Iterator[None]:
    with without_flushes():
        yield


def refusal(bench: Bench, name: str, price: str = "12.50") -> str:
    with pytest.raises(Fault) as caught:
        bench.do(name, sale(price))
    return caught.value.code


def intents(bench: Bench) -> int:
    with sqlite3.connect(bench.folder / "register.db") as store:
        return int(store.execute("SELECT count(*) FROM intent").fetchone()[0])


def test_nothing_is_kept_of_what_never_left_the_device(tmp_path: Path) -> None:
    """A till without a network may be asked every second for days."""
    bench = Bench(tmp_path).opened()
    bench.authority.away = True
    assert [refusal(bench, f"a{n}") for n in range(3)] == ["TS-3250"] * 3
    assert intents(bench) == 0


def test_of_refusals_under_one_number_the_newest_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "_VOIDS_MOST", 3)
    bench = Bench(tmp_path).opened()
    bench.authority.refusals = ["TS-2001"] * 5
    assert [refusal(bench, f"a{n}") for n in range(5)] == ["TS-2001"] * 5
    assert [one.request_id for one in bench.store.void_intents(3)] == ["a2", "a3", "a4"]
    bench.do("b", sale())
    assert intents(bench) == 0


def test_a_sale_that_came_about_after_all_is_told_to_whoever_asks_under_its_name_for_something_else(
    tmp_path: Path,
) -> None:
    bench = Bench(tmp_path).opened()
    bench.authority.lost_answers = 1
    assert refusal(bench, "a", "12.50") == "TS-3251"
    assert refusal(bench, "a", "13.50") == "TS-3253", "the first sale is booked, and its asker never heard of it"
    assert [json.loads(one)["total"] for one in bench.register.late()] == ["12.50"]


def test_a_store_that_was_lost_calls_nothing_late_that_was_taken_before(tmp_path: Path) -> None:
    bench = Bench(tmp_path, offline=True).opened()
    for name in "abc":
        bench.do(name, sale())
    bench.switch_off()
    for file in tmp_path.glob("register.db*"):
        file.unlink()
    bench.switch_on()
    assert len(bench.documents) == 5
    assert bench.register.status().late == 0


def test_what_a_till_asks_for_every_few_seconds_is_found_without_reading_all_documents(tmp_path: Path) -> None:
    bench = Bench(tmp_path, offline=True, authority=Authority()).opened()
    queries = load_queries("tallystick.device.ecr", driver="sqlite")
    with sqlite3.connect(bench.folder / "register.db") as store:
        for name in ("late_count", "late", "newest_receipt", "waiting_count", "newest_report_time", "open_intent"):
            plan = store.execute(f"EXPLAIN QUERY PLAN {queries[name]}", {"most": 1}).fetchall()
            said = " ".join(row[3] for row in plan)
            assert "SCAN document" not in said or "INDEX" in said, (name, said)
            assert "TEMP B-TREE" not in said, (name, said)
