"""What all codecs of the TaxCore JSON share: enumerations in every form, key case, exact numbers, times."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from enum import IntEnum
from functools import lru_cache
from typing import Any, Generic, TypeVar

import msgspec

from tallystick.kernel.fixed_point import FixedPoint
from tallystick.kernel.instants import with_offset
from tallystick.kernel.invoice import InvoiceType, PaymentType, TaxCategoryType, TransactionType
from tallystick.wire.strict_json import JsonObject, JsonValue

AMOUNT_PLACES = 2
AMOUNT_MAX = 999_999_999_999_99  # decimal(14,2): hundredths
QUANTITY_MAX = 99_999_999_999_999  # decimal(14,3): thousandths
TOTAL_MAX = 2**56 - 1  # the card takes 7 bytes of ten-thousandths

_Member = TypeVar("_Member", bound=IntEnum)


class EnumerationForms(Generic[_Member]):
    """Every form in which the wire writes a member: its number, the number as text, its name in any letter case."""

    def __init__(self, names: Mapping[_Member, str]) -> None:
        self.names = names
        self._by_number: dict[int, _Member] = {int(member): member for member in names}
        self._by_text: dict[str, _Member] = {str(int(member)): member for member in names}
        self._by_text |= {name.lower(): member for member, name in names.items()}

    def read(self, value: JsonValue) -> _Member | None:
        """The member, or None when the value is not one of its forms."""
        if isinstance(value, str):
            return self._by_text.get(value.lower())
        return self._by_number.get(value) if type(value) is int else None


INVOICE_TYPES = EnumerationForms(
    {
        InvoiceType.NORMAL: "Normal",
        InvoiceType.PROFORMA: "ProForma",
        InvoiceType.COPY: "Copy",
        InvoiceType.TRAINING: "Training",
        InvoiceType.ADVANCE: "Advance",
    }
)
TRANSACTION_TYPES = EnumerationForms({TransactionType.SALE: "Sale", TransactionType.REFUND: "Refund"})
PAYMENT_TYPES = EnumerationForms(
    {
        PaymentType.OTHER: "Other",
        PaymentType.CASH: "Cash",
        PaymentType.CARD: "Card",
        PaymentType.CHECK: "Check",
        PaymentType.WIRE_TRANSFER: "WireTransfer",
        PaymentType.VOUCHER: "Voucher",
        PaymentType.MOBILE_MONEY: "MobileMoney",
    }
)
TAX_CATEGORY_TYPES = EnumerationForms(
    {
        TaxCategoryType.TAX_ON_NET: "TaxOnNet",
        TaxCategoryType.TAX_ON_TOTAL: "TaxOnTotal",
        TaxCategoryType.AMOUNT_PER_QUANTITY: "AmountPerQuantity",
    }
)


class KeyNames:
    """The keys that one kind of object has on the wire; real clients write them in any letter case."""

    def __init__(self, *names: str) -> None:
        self._exact = frozenset(names)
        self._by_lower = {name.lower(): name for name in names}

    def of(self, value: JsonObject) -> tuple[JsonObject, tuple[str, ...]]:
        """The known members under their own spelling, and the names that stand twice; unknown keys are left out.

        Of a name that stands twice the first one counts.
        """
        if value.keys() <= self._exact:
            return value, ()
        known: JsonObject = {}
        twice: list[str] = []
        for key, member in value.items():
            name = self._by_lower.get(key.lower())
            if name is None:
                continue
            if name in known:
                twice.append(name)
            else:
                known[name] = member
        return known, tuple(twice)


def scaled_exactly(value: int | Decimal, places: int) -> int | None:
    """``value * 10 ** places`` as an integer, None when the value has more decimals than that.

    The value must come from `strict_json`, which bounds its exponent.
    """
    numerator, denominator = value.as_integer_ratio()
    whole, rest = divmod(numerator * 10**places, denominator)
    return None if rest else whole


def as_number(value: JsonValue) -> int | Decimal | None:
    """The value when it is a JSON number, else None; true and false are not numbers."""
    return value if type(value) is int or type(value) is Decimal else None


def shortest(value: FixedPoint, least_places: int) -> Decimal:
    """The exact value without needless zeros, but at least ``least_places`` decimals: 68.4600 -> 68.46, 9 -> 9.00."""
    return _shortest(value.scaled, value.places, least_places)


@lru_cache(maxsize=8192)
def _shortest(scaled: int, places: int, least_places: int) -> Decimal:
    """Prices come again and again, so their writing is remembered."""
    while places > least_places and scaled % 10 == 0:
        scaled //= 10
        places -= 1
    return Decimal(scaled).scaleb(-places)


_TIME = re.compile(
    r"(\d{4})-\d{2}-\d{2}(?:[Tt ]\d{2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?(?:[Zz]|[+-]\d{2}(?::?\d{2})?)?)?", re.ASCII
)
_FIRST_YEAR, _LAST_YEAR = 1900, 9998  # an offset must not carry a moment out of the calendar


def read_time(text: str, zone: tzinfo) -> datetime | None:
    """An ISO 8601 time, with up to nine fraction digits; without an offset it is taken as local time of ``zone``.

    None when the text is no such time.
    """
    form = _TIME.fullmatch(text)
    if form is None or not _FIRST_YEAR <= int(form[1]) <= _LAST_YEAR:
        return None
    try:
        moment = datetime.fromisoformat(text.upper())
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)


def write_time(moment: datetime, offset_minutes: int | None) -> str:
    """``2026-03-02T10:15:30.1230000+01:00`` at an offset; with None ``2026-03-02T09:15:30.1230000Z`` (S2-075)."""
    local = moment.astimezone(UTC) if offset_minutes is None else with_offset(moment, offset_minutes)
    text = local.isoformat(timespec="microseconds")
    return f"{text[:26]}0{'Z' if offset_minutes is None else text[26:]}"


_ENCODER = msgspec.json.Encoder(decimal_format="number")


def encode_json(value: Mapping[str, Any] | Iterable[Any] | str | None) -> bytes:
    """JSON in UTF-8: decimals as exact numbers, bytes as Base64, key order kept."""
    return _ENCODER.encode(value)
