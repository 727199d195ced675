"""Tax rate groups as JSON: payload of command 0, status of an SDC, the shared tax-rates service (wire: 4.1)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC
from typing import Any

from tallystick.kernel.faults import Fault, FieldFault
from tallystick.kernel.fixed_point import Rate
from tallystick.kernel.tax_rates import TaxCategory, TaxRate, TaxRateGroup
from tallystick.wire import strict_json
from tallystick.wire.pos_values import (
    TAX_CATEGORY_TYPES,
    KeyNames,
    as_number,
    encode_json,
    read_time,
    scaled_exactly,
    shortest,
    write_time,
)
from tallystick.wire.strict_json import JsonObject, JsonValue

_GROUP_KEYS = KeyNames("validFrom", "groupId", "taxCategories")
_CATEGORY_KEYS = KeyNames("name", "categoryType", "type", "orderId", "taxRates")
_RATE_KEYS = KeyNames("rate", "label")
_RATE_MAX = 10**14 * 10**Rate.places
_NUMBER_MAX = 2**31 - 1


def tax_rate_group_json(group: TaxRateGroup) -> dict[str, Any]:
    """One group; ``validFrom`` in UTC, category types as numbers."""
    return {
        "validFrom": write_time(group.valid_from, None),
        "groupId": group.group_id,
        "taxCategories": [
            {
                "name": category.name,
                "categoryType": int(category.category_type),
                "orderId": category.order_id,
                "taxRates": [{"rate": shortest(rate.rate, 2), "label": rate.label} for rate in category.rates],
            }
            for category in group.categories
        ],
    }


def tax_rate_groups_json(groups: Iterable[TaxRateGroup]) -> list[dict[str, Any]]:
    """Several groups as the array of command 0."""
    return [tax_rate_group_json(group) for group in groups]


def write_tax_rate_groups(groups: Iterable[TaxRateGroup]) -> str:
    """The payload of command 0; `parse_tax_rate_groups` reads it back."""
    return encode_json(tax_rate_groups_json(groups)).decode()


def parse_tax_rate_groups(payload: str) -> tuple[TaxRateGroup, ...]:
    """Read the payload of command 0; raises the JSON faults and those of `read_tax_rate_groups`."""
    return read_tax_rate_groups(strict_json.parse(strict_json.encoded(payload), taxcore=True))


def read_tax_rate_groups(value: JsonValue) -> tuple[TaxRateGroup, ...]:
    """Read an array of groups, or one group alone (C-02); raises `TS-1220` with the pointer of what is wrong."""
    groups = [value] if isinstance(value, dict) else _list(value, "")
    return tuple(_group(group, f"/{number}") for number, group in enumerate(groups))


def _group(value: JsonValue, pointer: str) -> TaxRateGroup:
    members = _members(value, _GROUP_KEYS, pointer)
    valid_from = members.get("validFrom")
    moment = read_time(valid_from, UTC) if isinstance(valid_from, str) else None
    if moment is None:
        raise _fault(f"{pointer}/validFrom", "5")
    categories = _list(members.get("taxCategories"), f"{pointer}/taxCategories")
    return TaxRateGroup(
        moment,
        _whole(members.get("groupId"), f"{pointer}/groupId"),
        tuple(_category(one, f"{pointer}/taxCategories/{number}") for number, one in enumerate(categories)),
    )


def _category(value: JsonValue, pointer: str) -> TaxCategory:
    members = _members(value, _CATEGORY_KEYS, pointer)
    kind = members.get("categoryType")
    category_type = TAX_CATEGORY_TYPES.read(members.get("type") if kind is None else kind)
    if category_type is None:
        raise _fault(f"{pointer}/categoryType", "4")
    rates = _list(members.get("taxRates"), f"{pointer}/taxRates")
    return TaxCategory(
        _text(members.get("name"), f"{pointer}/name"),
        category_type,
        _whole(members.get("orderId"), f"{pointer}/orderId"),
        tuple(_rate(one, f"{pointer}/taxRates/{number}") for number, one in enumerate(rates)),
    )


def _rate(value: JsonValue, pointer: str) -> TaxRate:
    members = _members(value, _RATE_KEYS, pointer)
    label = _text(members.get("label"), f"{pointer}/label")
    number = as_number(members.get("rate"))
    scaled = None if number is None else scaled_exactly(number, Rate.places)
    if not label or scaled is None or not 0 <= scaled < _RATE_MAX:
        raise _fault(f"{pointer}/rate", "4")
    return TaxRate(label, Rate(scaled))


def _members(value: JsonValue, keys: KeyNames, pointer: str) -> JsonObject:
    if not isinstance(value, dict):
        raise _fault(pointer, "5")
    members, twice = keys.of(value)
    if twice:
        raise _fault(f"{pointer}/{twice[0]}", "5")
    return members


def _list(value: JsonValue, pointer: str) -> list[JsonValue]:
    if not isinstance(value, list):
        raise _fault(pointer, "5")
    return value


def _text(value: JsonValue, pointer: str) -> str:
    if not isinstance(value, str):
        raise _fault(pointer, "5")
    return value


def _whole(value: JsonValue, pointer: str) -> int:
    if type(value) is not int or not 0 <= value <= _NUMBER_MAX:
        raise _fault(pointer, "4")
    return value


def _fault(pointer: str, code: str) -> Fault:
    return Fault("TS-1220", detail="not a tax rate group", fields=(FieldFault(pointer or "/", code),))
