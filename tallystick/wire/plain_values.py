"""What the quick readers share: numbers as exact integers, and the refusal to decide about anything odd."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache
from typing import Any

from msgspec import UNSET, Struct, UnsetType

Text = str | None | UnsetType

PLAIN_BYTES_MAX = 30_000
"""Longer ones go the slow way, which counts elements; no array of a shorter one can have too many."""

BLANK_AFTER_QUOTE = re.compile(rb'"[ \t\n\r]')
"""A blank before a colon would hide a member from the count."""

_NUMBER_CHARACTERS = 20
_UNITS_MAX = 10**18
_SCALE = 10**8


YES = {"1": True, "0": False}
"""How an option is written."""


# Keys are those of the wire. Numbers and enumerations have type Any, so that their JSON form can be seen.
class PlainItem(Struct, forbid_unknown_fields=True, gc=False):
    """A line of an invoice as it is written."""

    name: str
    quantity: Any
    unitPrice: Any  # noqa: N815
    labels: list[str]
    totalAmount: Any  # noqa: N815
    gtin: str | UnsetType = UNSET


class PlainPayment(Struct, forbid_unknown_fields=True, gc=False):
    """A payment as it is written."""

    amount: Any
    paymentType: Any  # noqa: N815


class NotPlain(Exception):
    """Something that the tolerant reader must look at."""


class Scaled(int):
    """A number with a fraction or an exponent, as a whole number of 10^-8."""

    __slots__ = ()


@lru_cache(maxsize=4096)
def fraction(text: str) -> Scaled:
    """Prices, quantities and rates come again and again, so their reading is remembered."""
    if len(text) > _NUMBER_CHARACTERS:
        raise NotPlain
    value = Decimal(text)
    if abs(value) >= _UNITS_MAX:
        raise NotPlain
    scaled = value * _SCALE  # at most 20 characters, below 10^18: exact, or smaller than any unit
    whole = Scaled(scaled)
    if whole != scaled:
        raise NotPlain
    return whole


def units(value: Any, unit: int) -> int:
    """``value * unit`` as an exact integer; a value that is no number, or has more decimals, is `NotPlain`."""
    if type(value) is int:
        scaled = value * unit
    elif type(value) is Scaled:
        scaled, rest = divmod(value * unit, _SCALE)
        if rest:
            raise NotPlain
    else:
        raise NotPlain
    if not -_UNITS_MAX <= scaled <= _UNITS_MAX:
        raise NotPlain
    return scaled


def member(value: Any) -> Any:
    """The member of an enumeration that was read; none is `NotPlain`."""
    if value is None:
        raise NotPlain
    return value


def stated_members(data: bytes) -> int:
    """How many members stand in a text without blanks before its colons; one that stands twice counts twice."""
    return data.count(b'":') - data.count(b'\\":')
