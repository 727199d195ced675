"""Strict JSON against the standard parser, and any bytes at all."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from taxcore_values import only_faults

from tallystick.wire.strict_json import parse

CODES = {"TS-1003", "TS-1210", "TS-1211", "TS-1212", "TS-1213", "TS-1214", "TS-1216"}
texts = st.text(st.characters(exclude_categories=("Cs", "Cc"), include_characters="\t\r\n"))
plain_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | texts,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(texts, inner, max_size=5),
    max_leaves=30,
)
json_texts = st.text('[]{}":,\\u0dDeE8.+-truefalsn x\t\x00\x7f\x85Ж', max_size=60)


@given(plain_values, st.booleans(), st.booleans())
def test_what_follows_the_rules_is_read_as_it_is(value: Any, ascii_only: bool, taxcore: bool) -> None:
    with only_faults("TS-1211"):  # hypothesis may nest deeper than allowed
        assert parse(json.dumps(value, ensure_ascii=ascii_only).encode(), taxcore=taxcore) == value


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**12), max_value=10**12))
def test_taxcore_fractions_are_exact(number: Decimal) -> None:
    assert parse(f"[{number:f}]".encode(), taxcore=True) == [number]


@given(json_texts | st.text(), st.booleans())
def test_nothing_passes_that_the_standard_parser_refuses_or_reads_otherwise(text: str, taxcore: bool) -> None:
    with only_faults(*CODES):
        value = parse(text.encode("utf-8", "surrogatepass"), taxcore=taxcore)
        assert value == json.loads(text, parse_float=Decimal)


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_give_a_value_or_a_coded_fault(data: bytes, taxcore: bool) -> None:
    for candidate in (data, b'["' + data + b'"]', b"[" + data + b"]"):
        with only_faults(*CODES):
            parse(candidate, taxcore=taxcore)


@given(st.lists(st.sampled_from("[]{}"), max_size=300).map("".join))
def test_brackets_alone_never_reach_the_parser_too_deep(text: str) -> None:
    with only_faults("TS-1210", "TS-1211"):
        value: Any = parse(text.encode(), taxcore=True)
        depth = 0
        while value:
            value, depth = value[0], depth + 1
        assert depth <= 32
