"""Reads single fields of a package without refusing: oddities are flagged, what cannot be understood is noted."""

from __future__ import annotations

import re
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import TypeVar

from tallystick.kernel.faults import FieldFault
from tallystick.kernel.fixed_point import FixedPoint, round_half_up
from tallystick.wire.pos_values import KeyNames, read_time
from tallystick.wire.strict_json import JsonObject, JsonValue

MISSING, RANGE, FORMAT = "1", "4", "5"

_NUMBER_TEXT = re.compile(r"-?\d{1,18}(?:\.\d{1,18})?", re.ASCII)
_SCALED_MAX = 10**18
_UNITS = tuple(10**places for places in range(9))

_Number = TypeVar("_Number", bound=FixedPoint)


class FieldReader:
    """One pass over one document: ``flags`` name what is odd, ``faults`` the fields that hold a neutral value now.

    ``zone`` is for times without an offset. Pointers are ``at`` and the key.
    """

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone
        self.flags: set[str] = set()
        self.faults: list[FieldFault] = []

    def note(self, pointer: str, code: str) -> None:
        """Note a field that cannot be understood."""
        self.faults.append(FieldFault(pointer, code))

    def members(self, value: JsonObject, keys: KeyNames) -> JsonObject:
        """The known members of an object; a key that stands twice in two spellings is only flagged."""
        members, twice = keys.of(value)
        if twice:
            self.flags.add("key-twice")
        return members

    def text(self, members: JsonObject, key: str, at: str) -> str:
        """A text, empty when absent."""
        value = members.get(key)
        if isinstance(value, str):
            return value
        if value is not None:
            self.note(at + key, FORMAT)
        return ""

    def text_or_number(self, members: JsonObject, key: str, at: str) -> str | None:
        """A text that some devices write as a number; None when absent."""
        value = members.get(key)
        if value is None:
            return None
        return str(value) if type(value) is int else self.text(members, key, at)

    def number(self, members: JsonObject, key: str, at: str, kind: type[_Number]) -> _Number:
        """An exact number; more decimals than the kind has are rounded half up and flagged, ``raw`` keeps them."""
        value = members.get(key)
        if type(value) is int or type(value) is Decimal:
            number: int | Decimal = value
        elif isinstance(value, str) and _NUMBER_TEXT.fullmatch(value):
            self.flags.add("number-as-text")
            number = Decimal(value)
        else:
            self.note(at + key, MISSING if value is None else FORMAT)
            return kind(0)
        numerator, denominator = number.as_integer_ratio()
        scaled, rest = divmod(numerator * _UNITS[kind.places], denominator)
        if rest:
            self.flags.add("more-decimals")
            scaled = round_half_up(numerator * _UNITS[kind.places], denominator)
        if not -_SCALED_MAX <= scaled <= _SCALED_MAX:
            self.note(at + key, RANGE)
            return kind(0)
        return kind(scaled)

    def time(self, members: JsonObject, key: str, at: str) -> datetime | None:
        """A time; None when absent or unreadable."""
        value = members.get(key)
        if value is None or value == "":
            return None
        moment = read_time(value, self._zone) if isinstance(value, str) else None
        if moment is None:
            self.note(at + key, FORMAT)
        return moment

    def list(self, value: JsonValue, pointer: str) -> list[JsonValue]:
        """The elements of an array, none when absent."""
        if isinstance(value, list):
            return value
        if value is not None:
            self.note(pointer, FORMAT)
        return []
