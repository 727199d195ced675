"""The quick way through a request of a POS says what the tolerant reader says, or nothing at all."""

from __future__ import annotations

import json
from copy import deepcopy
from datetime import UTC
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.kernel.faults import PosFault, PropertyError
from tallystick.kernel.invoice import InvoiceRequest
from tallystick.kernel.limits import LIMITS
from tallystick.wire import pos_request
from tallystick.wire.plain_request import read_request_plainly

Read = InvoiceRequest | tuple[PropertyError, ...]

FULL: dict[str, Any] = {
    "dateAndTimeOfIssue": "2026-03-02T10:15:30Z",
    "invoiceType": "Normal",
    "transactionType": 0,
    "payment": [{"amount": 12.5, "paymentType": "Cash"}, {"amount": 0, "paymentType": 2}],
    "cashier": "Ana",
    "buyerId": "10:123456789",
    "buyerCostCenterId": "50:1",
    "invoiceNumber": "17/2026",
    "options": {"omitQRCodeGen": "1", "omitTextualRepresentation": "0"},
    "items": [
        {"gtin": "12345678", "name": "Coffee", "quantity": 1.5, "unitPrice": 2.5, "labels": ["a"], "totalAmount": 3.75},
        {"name": "ხაჭაპური", "quantity": 2, "unitPrice": 4.38, "labels": ["A", "Ж"], "totalAmount": 8.75},
    ],
}
STRANGE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**21), 10**21),
    st.sampled_from(["", "x", "1", "0", "true", "12.50", "COPY", "Refund", "AAAAAAAA-AAAAAAAA-1", "2026-03-02", '":']),
    st.sampled_from(["x" * n for n in (7, 14, 15, 20, 21, 50, 51, 60, 61, 2048, 2049)]),
    st.sampled_from(["\u202e", "\u0000", "\x85", "Ж" * 10, "Ж" * 11, "\\", "ß", "ა"]),
    st.sampled_from([[], {}, [[]], ["A", "a"], [""], ["A"] * 13, {"a": 1}]),
    st.sampled_from(["@1.5", "@1e3", "@0.005", "@-0.01", "@0.001", "@0.1234567890123456789012", "@1e999999", "@-0"]),
    st.sampled_from(["@999999999999.99", "@1000000000000", "@99999999999.999", "@100000000000", "@NaN"]),
)
PIECES = [b" ", b"\\", b'"', b'"x":1,', b',"cashier":"1"', b"\\u0000", b'"Cashier":"B",', b"\xef\xbb\xbf"]


def slowly(body: bytes) -> Read:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pos_request, "read_request_plainly", lambda *_, **__: None)
        return whole(body)


def whole(body: bytes) -> Read:
    try:
        return pos_request.parse_invoice_request(body, zone=UTC)
    except PosFault as fault:
        return fault.errors


def quickly(body: bytes) -> InvoiceRequest | None:
    return read_request_plainly(body, UTC, LIMITS)


def spelled(value: Any) -> bytes:
    """JSON text; a string that begins with @ becomes the number after it."""
    text = json.dumps(value, ensure_ascii=False)
    while '"@' in text:
        head, _, tail = text.partition('"@')
        number, _, rest = tail.partition('"')
        text = f"{head}{number}{rest}"
    return text.encode("utf-8", "surrogatepass")


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        found += paths(child, (*path, key))
    return found


def test_an_ordinary_sale_is_read_the_quick_way() -> None:
    assert quickly(spelled(FULL)) == slowly(spelled(FULL))
    least = {name: FULL[name] for name in ("invoiceType", "transactionType", "payment", "items")}
    assert quickly(spelled(least)) == slowly(spelled(least))


@settings(max_examples=500, deadline=None)
@given(st.data())
def test_any_change_of_a_value_is_read_alike(data: st.DataObject) -> None:
    value = deepcopy(FULL)
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(paths(value)))
        place: Any = value
        for key in path[:-1]:
            place = place[key]
        if data.draw(st.booleans()) and isinstance(place, dict):
            del place[path[-1]]
        else:
            place[path[-1]] = deepcopy(data.draw(STRANGE))
        if not value:
            break
    assert whole(spelled(value)) == slowly(spelled(value))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_change_of_the_text_is_read_alike(data: st.DataObject) -> None:
    body = bytearray(spelled(FULL))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(body)))
        body[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3) | st.sampled_from(PIECES))
    assert whole(bytes(body)) == slowly(bytes(body))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"cashier": "Ana"', b'"cashier": "Ana", "cashier": "Eva"'),
        (b'"cashier": "Ana"', b'"cashier" : "Ana"'),
        (b'"cashier": "Ana"', b'"Cashier": "Ana"'),
        (b'"cashier": "Ana"', b'"cashier": ""'),
        (b'"Normal"', b'"Copy"'),
        (b'"transactionType": 0', b'"transactionType": 1'),
        (b'"amount": 12.5', b'"amount": 12.505'),
        (b'"amount": 12.5', b'"amount": "12.5"'),
        (b'"quantity": 2', b'"quantity": 0'),
        (b'"buyerId": "10:123456789", ', b""),
        (b'"12345678"', b'"1234567"'),
        (b'["a"]', b"[]"),
    ],
)
def test_what_is_not_plain_goes_the_slow_way(old: bytes, new: bytes) -> None:
    assert old in spelled(FULL)
    body = spelled(FULL).replace(old, new, 1)
    assert quickly(body) is None
    assert whole(body) == slowly(body)
