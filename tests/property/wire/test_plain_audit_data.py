"""The quick way through a package says what the tolerant reader says, or nothing at all."""

from __future__ import annotations

import json
from copy import deepcopy
from datetime import UTC
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.package_maker import Card, basket, sale
from tallystick.crypto.keys import generate_rsa_key
from tallystick.kernel.faults import Fault
from tallystick.kernel.invoice import InvoiceRequest, InvoiceResult
from tallystick.wire import audit_data, strict_json
from tallystick.wire.audit_data import AuditData, read_audit_data, read_signed_part
from tallystick.wire.plain_audit_data import read_plainly, read_signed_plainly
from tallystick.wire.signed_part import SignedPart

Halves = tuple[InvoiceRequest, InvoiceResult]


@cache
def genuine() -> bytes:
    """A package with everything in it."""
    card = Card("ABCD1234", "123456789", generate_rsa_key(), generate_rsa_key().public)
    return card.plain(sale(basket(3), buyer_id="10:123", referent_document_number="ABCD1234-ABCD1234-7"))


def slowly(plain: bytes) -> AuditData | str:
    """The tolerant reader alone, its fault as a code."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(audit_data, "PLAIN_BYTES_MAX", -1)
        try:
            return read_audit_data(plain)
        except Fault as fault:
            return fault.code


def whole(plain: bytes) -> AuditData | str:
    """As the product reads."""
    try:
        return read_audit_data(plain)
    except Fault as fault:
        return fault.code


def signed(plain: bytes) -> SignedPart | str:
    """What was signed, as the product reads it."""
    try:
        return read_signed_part(plain)
    except Fault as fault:
        return fault.code


def signed_slowly(plain: bytes) -> SignedPart | str:
    """The same by the tolerant reader."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(audit_data, "PLAIN_BYTES_MAX", -1)
        return signed(plain)


def test_a_plain_package_is_read_the_quick_way() -> None:
    assert read_plainly(genuine(), UTC) is not None
    assert whole(genuine()) == slowly(genuine())
    assert read_signed_plainly(genuine()) is not None
    assert signed(genuine()) == signed_slowly(genuine())


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in the JSON."""
    found = [path]
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        found += paths(child, (*path, key))
    return found


_STRANGE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**21), 10**21),
    st.sampled_from(
        ["", "x", "1", "0", "true", "12.50", "normal", "SALE", "\u202e", "\u0000", "\ud83d\ude00", "\\", '":']
    ),
    st.sampled_from([[], {}, [[]], ["A", "A"], {"a": 1}]),
    st.sampled_from(
        ["@1.5", "@1e3", "@-0.00001", "@0.1234567890123456789012", "@1e999999", "@-0", "@100000000000000000000"]
    ),
)


_PIECES = [b" ", b"\\", b'"', b'"x":1,', b',"tin":"1"', b"\\u0000"]


def spelled(value: Any) -> bytes:
    """JSON text; a string that begins with @ becomes the number after it."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    while '"@' in text:
        head, _, tail = text.partition('"@')
        number, _, rest = tail.partition('"')
        text = f"{head}{number}{rest}"
    return text.encode("utf-8", "surrogatepass")


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_any_change_of_a_value_is_read_alike(data: st.DataObject) -> None:
    value = json.loads(genuine())
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(paths(value)))
        if not path:
            continue
        place = value
        if not path:
            break
        try:
            for key in path[:-1]:
                place = place[key]
            if data.draw(st.booleans()) and isinstance(place, dict):
                del place[path[-1]]
            else:
                place[path[-1]] = deepcopy(data.draw(_STRANGE))
        except (KeyError, IndexError, TypeError):
            continue
    plain = spelled(value)
    assert whole(plain) == slowly(plain)
    assert signed(plain) == signed_slowly(plain)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_change_of_the_text_is_read_alike(data: st.DataObject) -> None:
    plain = bytearray(genuine())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(plain)))
        piece = data.draw(st.binary(max_size=3) | st.sampled_from(_PIECES))
        plain[at : at + data.draw(st.integers(0, 3))] = piece
    assert whole(bytes(plain)) == slowly(bytes(plain))
    assert signed(bytes(plain)) == signed_slowly(bytes(plain))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"tin":"123456789"', b'"tin":"123456789","tin":"123456789"'),
        (b'"items":[', b'"items":[],"items":['),
        (b'"request":{', b'"request":{"cashier":"x",'),
        (b'"name":"Product 00', b'"name":"","name":"Product 00'),
        (b'"tin":', b'"tin" :'),
        (b'"tin":"123456789"', b'"tin" :"123456789","tin":"987654321"'),
        (b'"tin":"123456789"', b'"tin"\n:"123456789","tin":"987654321"'),
        (b'"tin":', b'"TIN":'),
        (b'"result":{', b'"result":{"unknown":1,'),
        (b'"quantity":1', b'"quantity":"1"'),
    ],
)
def test_what_is_not_plain_goes_the_slow_way(old: bytes, new: bytes) -> None:
    assert old in genuine()
    plain = genuine().replace(old, new, 1)
    assert read_plainly(plain, UTC) is None
    assert whole(plain) == slowly(plain)


def test_long_and_doubtful_packages_go_the_slow_way() -> None:
    for plain in (
        genuine().replace(b"Ana", b"A" * 40_000),
        genuine().replace(b"Ana", b"\\u202e"),
        genuine().replace(b"Ana", b"\x7f"),
    ):
        assert whole(plain) == slowly(plain)
    assert strict_json.is_doubtful(b'"\x7f"')
