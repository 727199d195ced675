"""Tax rate groups as JSON: the published shape, forms seen in the field, and pointers to what is wrong."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from taxcore_values import GROUP

from tallystick.kernel.faults import Fault
from tallystick.kernel.invoice import TaxCategoryType
from tallystick.wire.pos_values import encode_json
from tallystick.wire.tax_rates import parse_tax_rate_groups, tax_rate_groups_json

WRITTEN = (
    '[{"validFrom":"2024-01-01T00:00:00.0000000Z","groupId":5,"taxCategories":['
    '{"name":"VAT","categoryType":0,"orderId":6,"taxRates":['
    '{"rate":9.00,"label":"A"},{"rate":19.12345678,"label":"Ж"}]},'
    '{"name":"PBL","categoryType":2,"orderId":3,"taxRates":[{"rate":0.50,"label":"P"}]}]}]'
)


def changed(path: list[str | int], value: Any) -> str:
    """The written groups with one place changed, as JSON text."""
    document = json.loads(WRITTEN)
    node = document
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = value
    return json.dumps(document)


def test_written_as_command_0_carries_it() -> None:
    assert encode_json(tax_rate_groups_json([GROUP])).decode() == WRITTEN


def test_read_back() -> None:
    assert parse_tax_rate_groups(WRITTEN) == (GROUP,)


def test_one_group_alone_c_02() -> None:
    assert parse_tax_rate_groups(WRITTEN[1:-1]) == (GROUP,)


@pytest.mark.parametrize("form", [2, "2", "AmountPerQuantity", "amountperquantity"])
def test_category_types_in_every_form(form: int | str) -> None:
    (group,) = parse_tax_rate_groups(changed([0, "taxCategories", 0, "categoryType"], form))
    assert group.categories[0].category_type is TaxCategoryType.AMOUNT_PER_QUANTITY


def test_the_field_may_be_called_type_and_keys_have_any_case() -> None:
    text = WRITTEN.replace("categoryType", "Type").replace("validFrom", "ValidFrom").replace("taxRates", "TaxRates")
    assert parse_tax_rate_groups(text) == (GROUP,)


def test_a_start_without_offset_is_utc() -> None:
    (group,) = parse_tax_rate_groups(changed([0, "validFrom"], "2026-05-01T00:00:00"))
    assert group.valid_from == datetime(2026, 5, 1, tzinfo=UTC)


def test_a_rate_may_be_a_whole_number() -> None:
    (group,) = parse_tax_rate_groups(changed([0, "taxCategories", 0, "taxRates", 0, "rate"], 9))
    assert group.categories[0].rates[0].rate.decimal == Decimal(9)


@pytest.mark.parametrize(
    ("path", "value", "pointer"),
    [
        ([0, "validFrom"], "soon", "/0/validFrom"),
        ([0, "groupId"], "5", "/0/groupId"),
        ([0, "groupId"], -1, "/0/groupId"),
        ([0, "groupId"], True, "/0/groupId"),
        ([0, "taxCategories"], None, "/0/taxCategories"),
        ([0, "taxCategories", 1], 5, "/0/taxCategories/1"),
        ([0, "taxCategories", 1, "name"], None, "/0/taxCategories/1/name"),
        ([0, "taxCategories", 1, "categoryType"], 3, "/0/taxCategories/1/categoryType"),
        ([0, "taxCategories", 1, "orderId"], 2**40, "/0/taxCategories/1/orderId"),
        ([0, "taxCategories", 1, "TAXRATES"], [], "/0/taxCategories/1/taxRates"),
        ([0, "taxCategories", 1, "taxRates", 0, "label"], "", "/0/taxCategories/1/taxRates/0/rate"),
        ([0, "taxCategories", 1, "taxRates", 0, "rate"], "9", "/0/taxCategories/1/taxRates/0/rate"),
        ([0, "taxCategories", 1, "taxRates", 0, "rate"], -9, "/0/taxCategories/1/taxRates/0/rate"),
        ([0, "taxCategories", 1, "taxRates", 0, "rate"], 0.123456789, "/0/taxCategories/1/taxRates/0/rate"),
        ([0, "taxCategories", 1, "taxRates", 0, "rate"], 10**15, "/0/taxCategories/1/taxRates/0/rate"),
    ],
)
def test_pointers_to_what_is_wrong(path: list[str | int], value: Any, pointer: str) -> None:
    with pytest.raises(Fault) as caught:
        parse_tax_rate_groups(changed(path, value))
    assert (caught.value.code, caught.value.fields[0].pointer) == ("TS-1220", pointer)


def test_broken_payloads() -> None:
    for text, code in (("", "TS-1210"), ("5", "TS-1220"), ("\ud800", "TS-1210"), ("[[]]", "TS-1220")):
        with pytest.raises(Fault) as caught:
            parse_tax_rate_groups(text)
        assert caught.value.code == code
