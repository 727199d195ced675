"""Packages that are booked with a flag: each status by one mutation of a genuine one (wire, 6.6; S2-025)."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

import attrs
import msgspec
import pytest
from intake_bench import Bench
from intake_statuses import DAY, Json, edited, judge

from benchmarks.package_maker import NOW, rate_group, sale
from tallystick.authority.intake.package import Package, PackageAnswer
from tallystick.authority.ledger.entry import EntryKind, LeafFlag
from tallystick.authority.reference.taxrates.rates import Rates
from tallystick.kernel.country_pack import Tolerances
from tallystick.kernel.invoice import TransactionType
from tallystick.wire.audit_package import write_audit_data


def booked(bench: Bench, answer: PackageAnswer, status: int, code: str, step: int, leaf: int = 0) -> None:
    """The package is in the ledger with its flag."""
    assert (answer.status, answer.code, answer.step) == (status, code, step)
    (entry,) = bench.ledger.of(EntryKind.DOCUMENT)
    assert (entry.verdict, entry.flags) == (status, (code,))
    assert entry.leaf_flags == leaf
    assert bench.keeper.rows == {}


def test_status_5_group_unknown(bench: Bench) -> None:
    card = attrs.evolve(bench.card, group=rate_group(77))
    booked(bench, judge(bench, card.plain()), 5, "TS-2004", 11, LeafFlag.ARITHMETIC_DOUBT)


def test_status_5_group_obsolete(bench: Bench) -> None:
    newer = attrs.evolve(rate_group(6), valid_from=NOW - DAY)
    rules = attrs.evolve(bench.rules, rates=Rates((rate_group(), newer)))
    bench = attrs.evolve(bench, intake=type(bench.intake)(rules, bench.ledger, bench.keeper))
    booked(bench, judge(bench, bench.card.plain()), 5, "TS-2004", 11, LeafFlag.ARITHMETIC_DOUBT)


def test_status_69_label_missing_in_the_group(bench: Bench) -> None:
    def spoil(request: Json, _: Json) -> None:
        request["items"][0]["labels"] = ["Ж"]

    booked(bench, judge(bench, edited(bench.card.plain(), spoil)), 69, "TS-2001", 11, LeafFlag.ARITHMETIC_DOUBT)


def test_status_70_counter_of_a_category_that_the_group_lacks(bench: Bench) -> None:
    bench.card.taxes[4] = [1, 0]
    booked(bench, judge(bench, bench.card.plain()), 70, "TS-1407", 11)


def test_a_flagged_package_leaves_memory_at_once(bench: Bench) -> None:
    """No cycle of finding, traceback and package: nothing is left for the collector."""

    def spoil(_: Json, result: Json) -> None:
        result["journal"] = ""

    plain = edited(bench.card.plain(), spoil)
    gc.collect()
    gc.disable()
    try:
        judge(bench, plain)
        bench.ledger.entries.clear()
        assert [one for one in gc.get_objects() if type(one) is Package] == []
    finally:
        gc.enable()


@pytest.mark.parametrize("journal", ["", None])
def test_s2_065_a_package_without_a_journal_is_flagged(bench: Bench, journal: str | None) -> None:
    def spoil(_: Json, result: Json) -> None:
        result["journal"] = journal

    booked(bench, judge(bench, edited(bench.card.plain(), spoil)), 4, "TS-1317", 7)


def test_status_67_sdc_time_is_not_the_signed_one(bench: Bench) -> None:
    def spoil(_: Json, result: Json) -> None:
        result["sdcDateTime"] = "2026-11-21T09:00:01Z"

    answer = judge(bench, edited(bench.card.plain(), spoil))
    assert (answer.status, answer.step, answer.code) == (67, 9, "TS-2008")
    assert bench.ledger.entries[0].issued_at_ms == 1_795_251_600_000, "the signed instant is booked"


def test_status_73_ahead_of_the_arrival(bench: Bench) -> None:
    """S0-036."""
    answer = judge(bench, bench.card.plain(at=NOW + timedelta(minutes=11)))
    booked(bench, answer, 73, "TS-2008", 9)


def test_a_clock_ten_minutes_ahead_is_tolerated(bench: Bench) -> None:
    assert judge(bench, bench.card.plain(at=NOW + timedelta(minutes=10))).status == 4


def strict(bench: Bench) -> Bench:
    """The same country with limits to the past."""
    rules = attrs.evolve(
        bench.rules, pack=attrs.evolve(bench.rules.pack, tolerances=Tolerances(past_days=30, reference_past_days=365))
    )
    return attrs.evolve(bench, intake=type(bench.intake)(rules, bench.ledger, bench.keeper))


def test_status_75_too_old(bench: Bench) -> None:
    booked(strict(bench), judge(strict(bench), bench.card.plain(at=NOW - 31 * DAY)), 75, "TS-2008", 9)


def test_status_75_a_clock_before_the_year_2000(bench: Bench) -> None:
    bench.put(bench.card, not_before=datetime(1970, 1, 1, tzinfo=UTC))
    answer = judge(bench, bench.card.plain(at=datetime(1999, 1, 1, tzinfo=UTC)))
    assert answer.status == 5, "no group was in force, which the wire checks first"
    assert "TS-2008" in bench.ledger.entries[0].flags


def refund(**more: Any) -> Any:
    """A refund that refers to an invoice of yesterday."""
    values: Json = {"referent_document_number": "ABCD1234-ABCD1234-1", "referent_document_dt": NOW - DAY}
    return sale(transaction_type=TransactionType.REFUND, **(values | more))


def test_status_68_reference_time_without_number(bench: Bench) -> None:
    request = sale(referent_document_dt=NOW - DAY)
    booked(bench, judge(bench, bench.card.plain(request)), 68, "TS-2009", 9)


def test_status_68_reference_time_that_cannot_be_read(bench: Bench) -> None:
    def spoil(request: Json, _: Json) -> None:
        request["referentDocumentDT"] = "yesterday"

    booked(bench, judge(bench, edited(bench.card.plain(refund()), spoil)), 68, "TS-2009", 9)


def test_status_74_reference_later_than_the_invoice(bench: Bench) -> None:
    request = refund(referent_document_dt=NOW + timedelta(seconds=1))
    booked(bench, judge(bench, bench.card.plain(request)), 74, "TS-2009", 9)


def test_status_76_reference_too_old(bench: Bench) -> None:
    plain = bench.card.plain(refund(referent_document_dt=NOW - 366 * DAY))
    booked(strict(bench), judge(strict(bench), plain), 76, "TS-2009", 9)


def test_s2_025_signed_with_an_expired_element_is_booked_and_marked_invalid(bench: Bench) -> None:
    bench.put(bench.card, not_after=NOW)
    answer = asyncio.run(bench.submit(bench.card.package()))
    booked(bench, answer, 4, "TS-1103", 6, LeafFlag.INVALID_SECURE_ELEMENT)


def test_k25_the_last_millisecond_of_the_certificate_is_valid(bench: Bench) -> None:
    bench.put(bench.card, not_after=NOW + timedelta(milliseconds=1))
    answer = asyncio.run(bench.submit(bench.card.package()))
    assert (answer.status, answer.code) == (4, "")


def test_a_url_that_shows_something_else_is_flagged(bench: Bench) -> None:
    other = write_audit_data(sale(), bench.card.sign(sale()))
    url = msgspec.json.decode(other)["result"]["verificationUrl"]

    def spoil(_: Json, result: Json) -> None:
        result["verificationUrl"] = url

    booked(bench, judge(bench, edited(bench.card.plain(), spoil)), 4, "TS-1314", 7)


def lower_escapes(text: str) -> str:
    """Percent escapes in lower case."""
    return text.replace("%2B", "%2b").replace("%2F", "%2f").replace("%3D", "%3d")


@pytest.mark.parametrize("change", [lower_escapes, unquote])
def test_a_url_in_another_encoding_says_the_same(bench: Bench, change: Callable[[str], str]) -> None:
    def respell(_: Json, result: Json) -> None:
        head, _, tail = result["verificationUrl"].partition("vl=")
        escapes = (
            tail.replace("%2B", "%2b").replace("%2F", "%2f").replace("%3D", "%3d")
            if change is str.lower
            else change(tail)
        )
        result["verificationUrl"] = f"{head}vl={escapes}"

    answer = judge(bench, edited(bench.card.plain(), respell))
    assert (answer.status, answer.code) == (4, "")


def test_arithmetic_that_differs_is_flagged(bench: Bench) -> None:
    def spoil(_: Json, result: Json) -> None:
        result["taxItems"][0]["amount"] += 0.5

    booked(bench, judge(bench, edited(bench.card.plain(), spoil)), 4, "TS-2002", 11, LeafFlag.ARITHMETIC_DOUBT)


def test_items_that_do_not_add_up_are_flagged(bench: Bench) -> None:
    def spoil(request: Json, _: Json) -> None:
        request["items"].append({"name": "x", "quantity": 1, "unitPrice": 0, "labels": [], "totalAmount": 0.01})

    booked(bench, judge(bench, edited(bench.card.plain(), spoil)), 4, "TS-2003", 11, LeafFlag.ARITHMETIC_DOUBT)


def test_a_refund_without_its_original_is_flagged(bench: Bench) -> None:
    request = sale(transaction_type=TransactionType.REFUND)
    booked(bench, judge(bench, bench.card.plain(request)), 4, "TS-2101", 12)


def test_counters_that_fall_are_flagged(bench: Bench) -> None:
    """S0-004: what a card counted and did not hand in shows in its sums."""
    assert judge(bench, bench.card.plain()).status == 4
    bench.card.sales -= sale().total_amount.scaled + 10
    answer = judge(bench, bench.card.plain())
    assert (answer.status, answer.code, answer.step) == (4, "TS-1405", 10)
    assert bench.ledger.entries[1].flags == ("TS-1405",)
