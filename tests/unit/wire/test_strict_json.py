"""Strict JSON: each rule of security-reliability 3.7 with what passes and what does not, bounded for hostile input."""

from __future__ import annotations

import time
import tracemalloc
from decimal import Decimal

import attrs
import pytest

from tallystick.kernel.faults import Fault
from tallystick.kernel.limits import LIMITS
from tallystick.wire import strict_json
from tallystick.wire.strict_json import parse


def refused(data: bytes, *, taxcore: bool = False, **changes: int) -> str:
    """The code of the fault that the data raise."""
    with pytest.raises(Fault) as caught:
        parse(data, taxcore=taxcore, limits=attrs.evolve(LIMITS, **changes))
    return caught.value.code


def test_plain_document() -> None:
    data = '{"a": [1, -2, true, null, "Ж\\n\\t"], "b": {}}'.encode()
    assert parse(data) == {"a": [1, -2, True, None, "Ж\n\t"], "b": {}}


def test_taxcore_numbers_are_exact_decimals_never_floats() -> None:
    value = parse(b"[10.10, 1e2, 0.1234567890123456789, 12345678901234567890123]", taxcore=True)
    assert value == [Decimal("10.10"), Decimal("1E2"), Decimal("0.1234567890123456789"), 12345678901234567890123]
    assert isinstance(value, list)
    assert [type(one) for one in value] == [Decimal, Decimal, Decimal, int]


@pytest.mark.parametrize("text", ["1.5", "1e3", "[9007199254740992]", "-9007199254740992", "1" * 21])
def test_elsewhere_only_integers_within_2_to_the_53(text: str) -> None:
    assert refused(text.encode()) == "TS-1213"
    assert parse(b"[9007199254740991, -9007199254740991]") == [2**53 - 1, -(2**53 - 1)]


@pytest.mark.parametrize(
    "text", ["NaN", "Infinity", "-Infinity", "1e999", "1e-41", "0e999", "1e99999999999999999999", "1." + "0" * 39]
)
def test_numbers_that_are_none_or_too_long(text: str) -> None:
    assert refused(text.encode(), taxcore=True) == "TS-1213"
    assert refused(b'{"a": [' + text.encode() + b"]}", taxcore=True) == "TS-1213"


def test_a_very_long_integer_is_refused_before_it_is_converted() -> None:
    assert refused(b"1" * 500_000, taxcore=True) == "TS-1213"


def test_byte_order_mark_only_on_the_taxcore_wire() -> None:
    assert refused(b"\xef\xbb\xbf{}") == "TS-1210"
    assert parse(b"\xef\xbb\xbf{}", taxcore=True) == {}
    assert refused(b"\xef\xbb\xbf\xef\xbb\xbf{}", taxcore=True) == "TS-1210"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" ",
        b"{",
        b"[1,]",
        b"{'a':1}",
        b"[1] 2",
        b"\xff",
        b'"\xed\xa0\x80"',
        "{}".encode("utf-16"),
        b'"a\nb"',
        b"01",
    ],
)
def test_broken_text_and_coding(data: bytes) -> None:
    assert refused(data) == "TS-1210"


@pytest.mark.parametrize("escape", ["\\ud800", "\\udc00", "\\ud800x", "\\udc00\\ud800", "\\u0000"])
def test_lone_surrogates_and_nul_are_refused_in_values_and_keys(escape: str) -> None:
    assert refused(f'{{"a": ["{escape}"]}}'.encode()) == "TS-1210"
    assert refused(f'{{"{escape}": 1}}'.encode()) == "TS-1210"


def test_surrogate_pairs_and_escaped_backslashes_are_fine() -> None:
    assert parse(b'["\\ud83d\\ude00", "\\\\ud800", "\\\\b"]') == ["\U0001f600", "\\ud800", "\\b"]


@pytest.mark.parametrize("control", ["\\u0001", "\\b", "\\f", "\\u001F", "\\u007f", "\x7f", "\\u0085", "\x85"])
def test_control_characters_are_refused(control: str) -> None:
    assert refused(f'["{control}"]'.encode()) == "TS-1216"


def test_tab_newline_and_characters_that_only_look_like_controls_pass() -> None:
    assert parse('["\\t\\r\\n\\u00a0\u00a0½"]'.encode()) == ["\t\r\n\u00a0\u00a0½"]


def test_duplicate_members_are_refused_at_any_depth() -> None:
    assert refused(b'{"a": 1, "a": 1}') == "TS-1212"
    assert refused(b'[{"x": {"a": 1, "\\u0061": 2}}]') == "TS-1212"
    assert parse(b'{"a": 1, "A": 2}') == {"a": 1, "A": 2}


@pytest.mark.parametrize(("taxcore", "depth"), [(False, 16), (True, 32)])
def test_depth(taxcore: bool, depth: int) -> None:
    fits = b"[" * depth + b"]" * depth
    assert parse(fits, taxcore=taxcore)
    assert refused(b"[" + fits + b"]", taxcore=taxcore) == "TS-1211"
    mixed = b'{"a":[' * (depth // 2) + b"]}" * (depth // 2)
    assert parse(mixed, taxcore=taxcore)
    assert refused(b"[" + mixed + b"]", taxcore=taxcore) == "TS-1211"


def test_brackets_inside_strings_and_side_by_side_are_no_depth() -> None:
    assert parse(b'["' + b"[" * 100 + b'\\"[{"]') == ["[" * 100 + '"[{']
    assert parse(b"[" + b",".join([b"[[]]"] * 100) + b"]") == [[[]]] * 100


def test_members_elements_strings_and_values_are_bounded() -> None:
    assert refused(b'{"a":1,"b":2,"c":3}', json_members_per_object=2) == "TS-1214"
    assert refused(b"[1,2,3]", json_elements_per_array=2) == "TS-1214"
    assert refused(b'["abc"]', json_string_bytes=2) == "TS-1214"
    assert refused('["ЖЖ"]'.encode(), json_string_bytes=3) == "TS-1214"
    assert refused(b'{"abc": 1}', json_string_bytes=2) == "TS-1214"
    assert refused(b"[" + b"[]," * 100 + b"[]]", json_values=100) == "TS-1214"
    assert parse(b'["' + b"," * 200 + b'"]', limits=attrs.evolve(LIMITS, json_values=100)) == ["," * 200]
    assert parse(b"[1,2]", limits=attrs.evolve(LIMITS, json_elements_per_array=2)) == [1, 2]


def test_size() -> None:
    with pytest.raises(Fault) as caught:
        parse(b"[1234]", max_bytes=5)
    assert caught.value.code == "TS-1003"
    assert refused(b" " * (LIMITS.audit_package_bytes + 1)) == "TS-1003"


def test_encoded_refuses_what_cannot_be_text() -> None:
    assert strict_json.encoded("Ж") == "Ж".encode()
    with pytest.raises(Fault) as caught:
        strict_json.encoded("\ud800")
    assert caught.value.code == "TS-1210"


MEGABYTE = 1024 * 1024
HOSTILE = {
    "open brackets": b"[" * MEGABYTE,
    "objects in objects": b'{"a":' * (MEGABYTE // 5),
    "empty objects": b"[" + b"{}," * (MEGABYTE // 3 - 1) + b"{}]",
    "numbers": b"[" + b"1," * (MEGABYTE // 2 - 2) + b"1]",
    "an unterminated string of escapes": b'["' + b"[" * 40 + b'\\"' * (MEGABYTE // 2 - 50),
    "quotes": b"[" * 40 + b'"' * (MEGABYTE - 50),
    "a backslash at the end": b"[" * 40 + b'"' + b"\\" * (MEGABYTE - 60),
    "members": b"{" + b",".join(b'"%d":1' % number for number in range(60_000)) + b"}",
    "surrogates": b'["' + b"\\ud800" * (MEGABYTE // 6 - 2) + b'"]',
    "closing brackets": b"]" * MEGABYTE,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_input_ends_quickly_in_little_memory(name: str) -> None:
    tracemalloc.start()
    started = time.perf_counter()
    code = refused(HOSTILE[name], taxcore=True)
    took = time.perf_counter() - started
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert code.startswith("TS-12")
    assert took < 1.0  # the goal is 50 ms without tracing on a quiet machine
    assert peak < 64 * MEGABYTE
