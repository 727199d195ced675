"""Whatever is malformed gets a coded 4xx and changes nothing (wire: 2.3, 2.9, chapter 3)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from vsdc_bench import Hosted, Pos, basket

ITEM = basket()["items"][0]

CASES: list[tuple[Any, list[tuple[str, list[str]]]]] = [
    (b"", [("", ["2806"])]),
    (b"{", [("", ["2806"])]),
    (b"[]", [("", ["2806"])]),
    (b"\xff\xfe", [("", ["2806"])]),
    (basket(items=[]), [("items", ["2807"])]),
    (basket(invoiceType="Normall"), [("invoiceType", ["2805"])]),
    (basket(payment=[{"amount": -1, "paymentType": "Cash"}]), [("payment[0].amount", ["2804"])]),
    (basket(items=[ITEM | {"labels": ["Q"]}]), [("items[0].labels[0]", ["2310"])]),
    (basket(transactionType="Refund"), [("referentDocumentNumber", ["2800"])]),
    (basket(buyerId="Ж" * 15), [("buyerId", ["2801"])]),
    (
        basket(
            invoiceType="Copy",
            referentDocumentNumber="AAAAAAAA-BBBBBBO0-1",
            referentDocumentDT="2999-01-01T00:00:00Z",
        ),
        [("referentDocumentDT", ["2805"])],
    ),
]


def ledger_size(hosted: Hosted) -> int:
    return int(hosted.rows("SELECT count(*) FROM ledger.identity WHERE se_total > 0")[0][0])


def test_each_malformed_request_is_coded_and_changes_nothing(hosted: Hosted) -> None:
    pos = hosted.pos()
    assert pos.sell().status == 200
    for request, errors in CASES:
        body = request if isinstance(request, bytes) else json.dumps(request).encode()
        reply = pos.ask("POST", "/api/v3/invoices", body, RequestId="bad")
        assert (reply.status, reply.errors) == (400, errors), request
    assert ledger_size(hosted) == 1
    assert hosted.rows("SELECT count(*) FROM vsdc.request")[0][0] == 0
    assert pos.sell().json["totalCounter"] == 2


def test_headers_that_cannot_be_taken(hosted: Hosted) -> None:
    pos = hosted.pos()
    form = pos.ask("POST", "/api/v3/invoices", b"a=b", Content_Type="application/x-www-form-urlencoded")
    assert (form.status, form.code, form.errors) == (415, "TS-1002", [("Content-Type", ["2806"])])
    assert pos.sell(Content_Type="application/x-www-form-urlencoded").status == 200, "what curl says of any body"
    packed = pos.sell(Content_Encoding="gzip")
    assert (packed.status, packed.code) == (415, "TS-1002")
    long_id = pos.sell(RequestId="x" * 33)
    assert (long_id.status, long_id.errors) == (400, [("RequestId", ["2801"])])
    assert pos.sell(RequestId="x" * 32).status == 200


def test_a_body_that_is_too_large(hosted: Hosted) -> None:
    reply = hosted.pos().ask("POST", "/api/v3/invoices", b" " * (1024 * 1024 + 1))
    assert (reply.status, reply.code) == (413, "TS-1003")


@pytest.fixture
def pos(hosted: Hosted) -> Pos:
    return hosted.pos()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(
        st.binary(max_size=200),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
            lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
            max_leaves=12,
        ).map(lambda value: json.dumps(value).encode()),
        st.dictionaries(
            st.sampled_from(sorted(basket())), st.none() | st.integers() | st.text(max_size=5), max_size=6
        ).map(lambda changes: json.dumps(basket(**changes)).encode()),
    )
)
def test_no_body_whatever_makes_a_500(pos: Pos, body: bytes) -> None:
    reply = pos.ask("POST", "/api/v3/invoices", body)
    assert reply.status in (200, 400), reply.body
    if reply.status == 400:
        assert reply.errors
