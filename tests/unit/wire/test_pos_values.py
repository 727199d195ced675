"""Shared pieces of the TaxCore codecs: exact numbers, key case, times."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from tallystick.kernel.fixed_point import Money, Rate
from tallystick.wire.pos_values import KeyNames, as_number, encode_json, read_time, scaled_exactly, shortest, write_time
from tallystick.wire.strict_json import JsonValue

KEYS = KeyNames("invoiceType", "items")


def test_keys_in_any_case_and_unknown_ones_left_out() -> None:
    assert KEYS.of({"INVOICETYPE": 1, "Items": [], "print": True}) == ({"invoiceType": 1, "items": []}, ())
    assert KEYS.of({"invoiceType": 1}) == ({"invoiceType": 1}, ())


def test_of_a_key_that_stands_twice_the_first_counts() -> None:
    assert KEYS.of({"invoicetype": 1, "invoiceType": 2}) == ({"invoiceType": 1}, ("invoiceType",))


@pytest.mark.parametrize(
    ("value", "places", "scaled"),
    [
        (Decimal("1.10"), 1, 11),
        (Decimal("1.10"), 2, 110),
        (Decimal("1.11"), 1, None),
        (Decimal("-0.001"), 3, -1),
        (5, 4, 50_000),
        (Decimal("1.00000000000000000000000000000000001"), 4, None),
        (Decimal("1E+10"), 2, 10**12),
    ],
)
def test_numbers_are_scaled_exactly_or_not_at_all(value: int | Decimal, places: int, scaled: int | None) -> None:
    assert scaled_exactly(value, places) == scaled


def test_true_and_text_are_no_numbers() -> None:
    others: list[JsonValue] = [True, "1", None, []]
    assert [as_number(value) for value in others] == [None] * 4
    assert (as_number(1), as_number(Decimal(1))) == (1, Decimal(1))


def test_shortest_form_of_a_number() -> None:
    assert str(shortest(Money(684_600), 2)) == "68.46"
    assert str(shortest(Money(684_601), 2)) == "68.4601"
    assert str(shortest(Money(0), 2)) == "0.00"
    assert str(shortest(Rate.of(9), 2)) == "9.00"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026",
        "20260302T101530Z",
        "2026-W10-1",
        "2026-03-02x10:15",
        "2026-03-02T24:00:00Z",
        "2026-03-02T10:15:30.1234567890Z",
        "2026-03-02T10:15:30+25:00",
        "1899-12-31T00:00:00Z",
        "9999-12-31T00:00:00Z",
        "２０２６-03-02T10:15:30Z",
        "2026-03-02T10:15:30Z\n",
    ],
)
def test_texts_that_are_no_times(text: str) -> None:
    assert read_time(text, UTC) is None


def test_times_in_their_forms() -> None:
    noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    assert read_time("2026-03-02", UTC) == datetime(2026, 3, 2, tzinfo=UTC)
    assert read_time("2026-03-02T12:00", UTC) == noon
    assert read_time("2026-03-02T14:00:00+02", UTC) == noon
    assert read_time("2026-03-02T14:00:00,5+02:00", UTC) == noon + timedelta(milliseconds=500)
    assert read_time("2026-03-02T12:00:00", timezone(timedelta(hours=2))) == noon - timedelta(hours=2)


def test_times_are_written_to_seven_digits() -> None:
    moment = datetime(2026, 3, 2, 9, 15, 30, 123_456, tzinfo=UTC)
    assert write_time(moment, None) == "2026-03-02T09:15:30.1234560Z"
    assert write_time(moment, 0) == "2026-03-02T09:15:30.1234560+00:00"
    assert write_time(moment, 330) == "2026-03-02T14:45:30.1234560+05:30"


def test_json_is_utf_8_with_exact_numbers() -> None:
    data = encode_json({"a": Decimal("68.4600"), "b": "Ж\r\n"})
    assert data == '{"a":68.4600,"b":"Ж\\r\\n"}'.encode()
    assert json.loads(data, parse_float=str)["a"] == "68.4600"
