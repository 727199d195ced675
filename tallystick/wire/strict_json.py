"""The one reader of JSON for every channel: strict, exact, and bounded in time and memory for any input.

Fractions become `Decimal`, never a float. The depth is known before the parser runs, so no input reaches its recursion
limit; a cheap count of brackets and commas settles nearly every document, only the others are scanned exactly.
"""

from __future__ import annotations

import functools
import json
import re
from decimal import Decimal
from typing import NoReturn, TypeAlias

from tallystick.kernel.faults import Fault
from tallystick.kernel.limits import LIMITS, Limits

JsonValue: TypeAlias = "dict[str, JsonValue] | list[JsonValue] | str | bool | int | Decimal | None"
JsonObject: TypeAlias = dict[str, JsonValue]

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_ONE_KIND = bytes.maketrans(b"{}", b"[]")
# Escapes that may stand for a control character or half of a surrogate pair; an escaped backslash before them is
# a false alarm that costs only the exact look.
_DOUBTFUL_ESCAPE = re.compile(rb"\\(?:[bf]|u(?:00(?:[01]|7[fF]|[89])|[dD][89a-fA-F]))")
_RAW_C1_CONTROL = re.compile(rb"\xc2[\x80-\x9f]")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_INTEGER_MAX = 2**53 - 1
_INTEGER_CHARACTERS = 20
_EXPONENT_MAX = 40


def parse(data: bytes, *, limits: Limits = LIMITS, taxcore: bool = False, max_bytes: int | None = None) -> JsonValue:
    """Read one JSON text; at most `max_bytes` (else the size of an audit package) long.

    `taxcore` allows what that wire needs: fractions and exponents, integers of any sensible size, a byte order mark,
    more depth. Raises `TS-1003` (size), `TS-1210` (coding, syntax), `TS-1211` (depth), `TS-1212` (duplicate member),
    `TS-1213` (number), `TS-1214` (too many members, elements, values, or a long string), `TS-1216` (control character).
    """
    if len(data) > (limits.audit_package_bytes if max_bytes is None else max_bytes):
        raise Fault("TS-1003", detail=f"{len(data)} bytes")
    if data.startswith(_BYTE_ORDER_MARK):
        if not taxcore:
            raise Fault("TS-1210", detail="a byte order mark")
        data = data[3:]
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise Fault("TS-1210", detail="not UTF-8") from None
    _check_structure(data, limits.json_depth_taxcore if taxcore else limits.json_depth, limits.json_values)
    try:
        value: JsonValue = _decoder(taxcore, limits.json_members_per_object, limits.json_number_characters).decode(text)
    except json.JSONDecodeError as error:
        raise Fault("TS-1210", detail=f"not JSON at character {error.pos}") from None
    if _may_be_long(data, limits) or is_doubtful(data):
        _look_at_each(value, limits)
    return value


def _check_structure(data: bytes, depth_max: int, values_max: int) -> None:
    """Refuse too much depth (`TS-1211`) and too many values (`TS-1214`) before anything is built."""
    nested = data.translate(_ONE_KIND, _NOT_BRACKETS)
    if nested.count(b"[") <= depth_max and len(data) < values_max:
        return
    if data.count(b'"') > 4 * values_max:  # more than so many values and their keys have
        raise Fault("TS-1214", detail=f"more than {values_max} values")
    bare = _without_strings(data)
    nested = bare.translate(_ONE_KIND, _NOT_BRACKETS)
    if nested.count(b"[") + bare.count(b",") >= values_max or len(nested) > 2 * values_max:
        raise Fault("TS-1214", detail=f"more than {values_max} values")
    for _ in range(depth_max):  # each pass takes off the innermost level
        nested = nested.replace(b"[]", b"")
        if not nested:
            return
    depth = deepest = 0
    for bracket in nested:
        depth += 1 if bracket == 0x5B else -1
        deepest = max(deepest, depth)
    if deepest > depth_max or b"[]" in nested:
        raise Fault("TS-1211", detail=f"deeper than {depth_max}")


def _without_strings(data: bytes) -> bytes:
    """What stands outside strings. Runs of backslashes pair up from their start, as the parser reads them."""
    return b"".join(data.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"')[::2])


@functools.lru_cache(maxsize=16)
def _decoder(taxcore: bool, members_max: int, characters_max: int) -> json.JSONDecoder:
    """A decoder whose hooks hold the rules; it keeps no state between calls."""

    def members(pairs: list[tuple[str, JsonValue]]) -> JsonObject:
        value = dict(pairs)
        if len(value) != len(pairs):
            raise Fault("TS-1212", detail="a member stands twice")
        if len(value) > members_max:
            raise Fault("TS-1214", detail=f"more than {members_max} members")
        return value

    def integer(digits: str) -> int:
        if len(digits) > characters_max:
            raise Fault("TS-1213", detail=f"a number of more than {characters_max} characters")
        return int(digits)

    def fraction(digits: str) -> Decimal:
        if len(digits) > characters_max:
            raise Fault("TS-1213", detail=f"a number of more than {characters_max} characters")
        return _fraction(digits)

    return json.JSONDecoder(
        object_pairs_hook=members,
        parse_int=integer if taxcore else _plain_integer,
        parse_float=fraction if taxcore else _no_fraction,
        parse_constant=_no_constant,
    )


def _plain_integer(digits: str) -> int:
    if len(digits) > _INTEGER_CHARACTERS or not -_INTEGER_MAX <= (value := int(digits)) <= _INTEGER_MAX:
        raise Fault("TS-1213", detail="an integer beyond 2^53-1")
    return value


def _fraction(digits: str) -> Decimal:
    try:
        value = Decimal(digits)
    except ArithmeticError:
        raise Fault("TS-1213", detail="an exponent out of range") from None
    if not -_EXPONENT_MAX <= value.adjusted() <= _EXPONENT_MAX:
        raise Fault("TS-1213", detail="an exponent out of range")
    return value


def _no_fraction(_digits: str) -> NoReturn:
    raise Fault("TS-1213", detail="a fraction or exponent")


def _no_constant(_name: str) -> NoReturn:
    raise Fault("TS-1213", detail="not a number")


def _may_be_long(data: bytes, limits: Limits) -> bool:
    """Whether some string or array may exceed its bound."""
    elements_max = limits.json_elements_per_array
    return len(data) > limits.json_string_bytes or (len(data) > elements_max and data.count(b",") >= elements_max)


def is_doubtful(data: bytes) -> bool:
    """Whether some string may hold a control character or a lone surrogate (false alarms are fine)."""
    if b"\x7f" in data or (b"\xc2" in data and _RAW_C1_CONTROL.search(data) is not None):
        return True
    # One pattern that begins with a fixed byte costs a fifth of three searches for two bytes (CPython 3.11).
    return b"\\" in data and _DOUBTFUL_ESCAPE.search(data) is not None


def _look_at_each(value: JsonValue, limits: Limits) -> None:
    """The exact look at every string and array, without recursion."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            _check_string(one, limits)
        elif isinstance(one, list):
            if len(one) > limits.json_elements_per_array:
                raise Fault("TS-1214", detail=f"more than {limits.json_elements_per_array} elements")
            waiting.extend(one)
        elif isinstance(one, dict):
            waiting.extend(one)
            waiting.extend(one.values())


def _check_string(text: str, limits: Limits) -> None:
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise Fault("TS-1210", detail="a lone surrogate") from None
    if size > limits.json_string_bytes:
        raise Fault("TS-1214", detail=f"a string of more than {limits.json_string_bytes} bytes")
    control = _CONTROL.search(text)
    if control is not None:
        raise Fault("TS-1210" if control[0] == "\x00" else "TS-1216", detail=f"U+{ord(control[0]):04X} in a string")


def encoded(text: str) -> bytes:
    """JSON text that arrived inside a JSON string, as bytes for `parse`; a lone surrogate is `TS-1210`."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise Fault("TS-1210", detail="a lone surrogate") from None
