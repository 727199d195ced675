"""The same answer for programs: shape and kinds of values as readers of the wire's verification service know them."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from decimal import Decimal

import pytest
from public_bench import BROWSER, CHECKPOINT, PROGRAM, PublicBench

from benchmarks.package_maker import basket, sale
from tallystick.kernel.identifiers import SdcInvoiceNumber, Uid
from tallystick.kernel.merkle import leaf_hash


def test_the_shape_of_the_answer(bench: PublicBench) -> None:
    original = str(SdcInvoiceNumber(Uid("ABCD1234"), Uid("ABCD1234"), 7))
    result = bench.book(sale(buyer_id="10:1", buyer_cost_center_id="20:2", referent_document_number=original))
    reply = bench.verify(result.verification_url)
    assert reply.headers["content-type"] == "application/json"
    answer = json.loads(reply.body, parse_float=Decimal)
    total = result.total_amount
    document = bench.ledger.documents[result.number]
    assert answer["proof"].pop("path")
    assert answer["proof"].pop("checkpoint") == answer.pop("checkpoint") == CHECKPOINT
    assert CHECKPOINT.startswith("fdo.example/test/public\n8\n")
    assert answer == {
        "invoiceRequest": {
            "posTime": None,
            "taxId": "123456789",
            "businessName": "Corner Shop",
            "locationName": "Corner Shop 1",
            "address": "Main Street 1",
            "city": "",
            "administrativeUnit": "Centre",
            "buyer": None,
            "buyerCostCenter": None,
            "cashier": None,
            "requestedBy": "ABCD1234",
            "referentDocumentNumber": original,
            "invoiceType": 0,
            "transactionType": 0,
            "payments": [{"paymentType": 1, "amount": total.decimal}],
        },
        "invoiceResult": {
            "totalAmount": total.rounded(2),
            "transactionTypeCounter": 1,
            "totalCounter": 1,
            "invoiceCounterExtension": "NS",
            "invoiceNumber": "ABCD1234-ABCD1234-1",
            "signedBy": "ABCD1234",
            "sdcTime": "2026-11-21T09:00:00.000Z",
        },
        "journal": result.journal,
        "isValid": True,
        "status": "valid",
        "checkedFrom": "signature",
        "proof": {
            "index": 1,
            "size": 8,
            "leafHash": base64.b64encode(leaf_hash(document.leaf)).decode(),
            "url": "/proof/document/1",
        },
    }


def test_a_pending_answer_holds_the_facts_of_the_url_alone(bench: PublicBench) -> None:
    result = bench.sell()
    answer = bench.verify(result.verification_url).json
    assert answer["invoiceResult"]["invoiceNumber"] == str(result.number)
    assert answer["invoiceRequest"]["taxId"] == "123456789"
    assert (answer["journal"], answer["proof"], answer["invoiceRequest"]["payments"]) == ("", None, [])
    assert answer["checkpoint"] == CHECKPOINT, "whoever asks can hold the newest head against us"
    page = bench.verify(result.verification_url, BROWSER)
    assert page.ids["checkpoint"].strip().endswith(CHECKPOINT.strip())


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("application/json", "application/json"),
        ("application/json, text/plain, */*", "application/json"),
        ("APPLICATION/JSON;charset=utf-8", "application/json"),
        (BROWSER, "text/html; charset=utf-8"),
        ("text/html, application/json", "text/html; charset=utf-8"),
        ("*/*", "text/html; charset=utf-8"),
        ("", "text/html; charset=utf-8"),
    ],
)
def test_who_asks_for_json_gets_json(bench: PublicBench, accept: str, kind: str) -> None:
    reply = bench.verify(bench.book().verification_url, accept)
    assert (reply.status, reply.headers["content-type"]) == (200, kind)


@pytest.mark.parametrize(
    ("headers", "empty"),
    [
        ({"accept": BROWSER}, False),
        ({"accept": PROGRAM}, True),
        ({"accept": "*/*"}, True),
        ({"accept": ""}, True),
        ({"accept": BROWSER, "x_requested_with": "XMLHttpRequest"}, True),
    ],
)
def test_not_verifiable_is_readable_for_people_and_empty_for_programs(
    bench: PublicBench, headers: dict[str, str], empty: bool
) -> None:
    for target in ("/v/", "/v/?vl=", "/v/?vl=AAAA", "/v?x=1"):
        reply = bench.get(target, **headers)
        assert reply.status == 400
        assert (reply.raw == b"") is empty
        assert ("content-type" in reply.headers) is not empty


def test_head_says_the_same_without_a_body(bench: PublicBench) -> None:
    url = bench.book().verification_url
    reply = bench.get("/v/?" + url.partition("?")[2], BROWSER, method="HEAD")
    assert (reply.status, reply.raw) == (200, b"")


def test_the_item_list_gives_each_line_once_per_page_view(bench: PublicBench) -> None:
    result = bench.book(sale(basket(3)))
    token = token_of(bench, result.verification_url)
    form = {"invoiceNumber": str(result.number), "token": token}
    first = json.loads(bench.post("/specifications", form).body, parse_float=Decimal)
    assert first["success"] is True
    assert [item["name"] for item in first["items"]] == [item.name for item in basket(3)]
    assert first["items"][1] == {
        "gtin": "",
        "name": "Product 01 of the shelf/kom",
        "quantity": 2,
        "unitPrice": Decimal("2.50"),
        "total": Decimal("5.00"),
        "label": "B",
        "labelRate": Decimal("10.00"),
        "taxBaseAmount": Decimal("4.55"),
        "vatAmount": Decimal("0.45"),
    }
    assert bench.post("/specifications", form).json == {"success": False, "items": []}


def token_of(bench: PublicBench, url: str) -> str:
    """The token of one page view."""
    page = bench.verify(url, BROWSER).text
    return page.partition("viewModel.Token('")[2].partition("'")[0]


@pytest.mark.parametrize("spelling", [str.upper, lambda token: "{" + token + "}", lambda token: "urn:uuid:" + token])
def test_a_used_token_is_used_in_every_spelling(bench: PublicBench, spelling: object) -> None:
    result = bench.book()
    token = token_of(bench, result.verification_url)
    form = {"invoiceNumber": str(result.number), "token": token}
    assert bench.post("/specifications", form).json["success"] is True
    assert bench.post("/specifications", form | {"token": spelling(token)}).json["success"] is False  # type: ignore[operator]


def test_a_token_opens_its_own_invoice_only_and_not_for_ever(bench: PublicBench) -> None:
    first, second = bench.book(), bench.book()
    token = token_of(bench, first.verification_url)
    assert bench.post("/specifications", {"invoiceNumber": str(second.number), "token": token}).json["success"] is False
    bench.now += timedelta(minutes=31)
    assert bench.post("/specifications", {"invoiceNumber": str(first.number), "token": token}).json["success"] is False


def test_the_items_of_a_pending_invoice_are_not_there_yet(bench: PublicBench) -> None:
    for result in (bench.sell(), bench.book(acked=False)):
        token = token_of(bench, result.verification_url)
        answer = bench.post("/specifications", {"invoiceNumber": str(result.number), "token": token}).json
        assert answer == {"success": True, "items": []}


@pytest.mark.parametrize(
    "body",
    [
        b"", b"\xff\xfe", b"token=x", b"invoiceNumber=%00&token=%00", b"&" * 1000, b"a=1&" * 100, b"{}",
        b"token=00000000-0000-0000-0000-000000000000&invoiceNumber=ABCD1234-ABCD1234-1",
        b"token=" + b"9" * 60_000,
    ],
)  # fmt: skip
def test_without_a_good_token_the_item_list_is_refused(bench: PublicBench, body: bytes) -> None:
    bench.book()
    reply = bench.post("/specifications", body)
    assert (reply.status, reply.json) == (200, {"success": False, "items": []})


def test_a_huge_form_is_refused(bench: PublicBench) -> None:
    reply = bench.post("/specifications", b"x" * 70_000)
    assert (reply.status, reply.json["code"]) == (413, "TS-1003")


def test_the_journal_ends_without_the_line_break_of_its_last_line(bench: PublicBench) -> None:
    result = bench.book(journal="one\r\ntwo\r\n")
    assert bench.verify(result.verification_url).json["journal"] == "one\r\ntwo"
