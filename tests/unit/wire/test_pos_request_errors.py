"""InvoiceRequest: codes and paths of errors field by field, their order, and the bounds of a whole request."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import attrs
import pytest
from pos_refusals import REFERENCE, ZONE, errors, parsed, refusal
from taxcore_values import RESULT, SALE_BODY, body, item_body

from tallystick.kernel.faults import PosFault
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.limits import LIMITS
from tallystick.wire.audit_package import write_audit_data
from tallystick.wire.journal import LANGUAGES, JournalFacts, render_journal
from tallystick.wire.pos_request import parse_invoice_request

BAD_FIELDS: list[tuple[dict[str, Any], list[tuple[str, str]]]] = [
    ({"dateAndTimeOfIssue": 1700000000}, [("dateAndTimeOfIssue", "2805")]),
    ({"dateAndTimeOfIssue": "yesterday"}, [("dateAndTimeOfIssue", "2806")]),
    ({"dateAndTimeOfIssue": "2026-02-30T00:00:00Z"}, [("dateAndTimeOfIssue", "2806")]),
    ({"dateAndTimeOfIssue": "0001-01-01T00:00:00+10:00"}, [("dateAndTimeOfIssue", "2806")]),
    ({"invoiceType": ...}, [("invoiceType", "2800")]),
    ({"invoiceType": 5}, [("invoiceType", "2805")]),
    ({"transactionType": ...}, [("transactionType", "2800")]),
    ({"transactionType": "Return"}, [("transactionType", "2805")]),
    ({"payment": ...}, [("payment", "2800")]),
    ({"payment": {}}, [("payment", "2805")]),
    ({"payment": []}, [("payment", "2807")]),
    ({"payment": [{"amount": 1, "paymentType": 1}] * 101}, [("payment", "2808")]),
    ({"payment": ["cash"]}, [("payment[0]", "2805")]),
    ({"payment": [{}]}, [("payment[0].amount", "2800"), ("payment[0].paymentType", "2800")]),
    ({"payment": [{"amount": -0.01, "paymentType": 1}]}, [("payment[0].amount", "2804")]),
    ({"payment": [{"amount": 1e12, "paymentType": 1}]}, [("payment[0].amount", "2804")]),
    ({"payment": [{"amount": True, "paymentType": 1}]}, [("payment[0].amount", "2805")]),
    ({"cashier": "x" * 51}, [("cashier", "2801")]),
    ({"cashier": 1.5}, [("cashier", "2805")]),
    ({"buyerId": "1" * 21}, [("buyerId", "2801")]),
    ({"buyerId": 5}, [("buyerId", "2805")]),
    ({"buyerCostCenterId": "x" * 51}, [("buyerCostCenterId", "2801")]),
    ({"buyerCostCenterId": ""}, [("buyerCostCenterId", "2803")]),
    ({"invoiceNumber": "x" * 61}, [("invoiceNumber", "2801")]),
    ({"referentDocumentNumber": "AB12CD34-AB12CD34-09"}, [("referentDocumentNumber", "2806")]),
    ({"referentDocumentNumber": "AB12CD34-AB12CD34-0"}, [("referentDocumentNumber", "2806")]),
    ({"referentDocumentNumber": "AB12CD34-AB12CD34-1\n"}, [("referentDocumentNumber", "2806")]),
    ({"referentDocumentNumber": "AB12-AB12CD34-1"}, [("referentDocumentNumber", "2806")]),
    ({"referentDocumentNumber": 17}, [("referentDocumentNumber", "2806")]),
    ({"referentDocumentNumber": REFERENCE + "1" * 40}, [("referentDocumentNumber", "2804")]),
    ({"referentDocumentDT": "soon"}, [("referentDocumentDT", "2805")]),
    ({"referentDocumentDT": 5}, [("referentDocumentDT", "2805")]),
    ({"options": []}, [("options", "2805")]),
    ({"options": {"omitQRCodeGen": "yes"}}, [("options.omitQRCodeGen", "2805")]),
    ({"options": {"omitTextualRepresentation": 2}}, [("options.omitTextualRepresentation", "2805")]),
    ({"items": ...}, [("items", "2800")]),
    ({"items": "x"}, [("items", "2805")]),
    ({"items": []}, [("items", "2807")]),
    ({"items": [1]}, [("items[0]", "2805")]),
]


@pytest.mark.parametrize(("changes", "expected"), BAD_FIELDS, ids=lambda value: str(value)[:50])
def test_s2_029_a_bad_field_is_refused_with_its_path_and_code(
    changes: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    assert errors(body(**changes)) == expected


BAD_ITEM_FIELDS: list[tuple[dict[str, Any], str, str]] = [
    ({"gtin": "1234567"}, "gtin", "2803"),
    ({"gtin": "1" * 15}, "gtin", "2803"),
    ({"gtin": 12345678}, "gtin", "2805"),
    ({"name": ...}, "name", "2800"),
    ({"name": ""}, "name", "2803"),
    ({"name": "x" * 2049}, "name", "2803"),
    ({"name": 5}, "name", "2805"),
    ({"quantity": ...}, "quantity", "2800"),
    ({"quantity": 0}, "quantity", "2804"),
    ({"quantity": -1}, "quantity", "2804"),
    ({"quantity": 1e11}, "quantity", "2804"),
    ({"unitPrice": ...}, "unitPrice", "2800"),
    ({"unitPrice": -1}, "unitPrice", "2804"),
    ({"unitPrice": 1e12}, "unitPrice", "2804"),
    ({"labels": ...}, "labels", "2800"),
    ({"labels": "A"}, "labels", "2805"),
    ({"labels": []}, "labels", "2807"),
    ({"labels": list("ABCDEFGHIJKLM")}, "labels", "2808"),
    ({"labels": ["A", ""]}, "labels[1]", "2310"),
    ({"labels": [5]}, "labels[0]", "2805"),
    ({"totalAmount": ...}, "totalAmount", "2800"),
    ({"totalAmount": None}, "totalAmount", "2800"),
    ({"totalAmount": -60.2}, "totalAmount", "2804"),
]


@pytest.mark.parametrize(("changes", "path", "code"), BAD_ITEM_FIELDS, ids=lambda value: str(value)[:40])
def test_s2_029_a_bad_field_of_an_item(changes: dict[str, Any], path: str, code: str) -> None:
    assert errors(item_body(**changes)) == [(f"items[0].{path}", code)]


def test_the_largest_values_pass() -> None:
    item = parsed(item_body(quantity=99999999999.999, unitPrice=999999999999.99, totalAmount=999999999999.99)).items[0]
    assert item.total_amount == Money(9_999_999_999_999_900)
    assert parsed(item_body(name="Ж" * 2048, totalAmount=0)).items[0].name == "Ж" * 2048


def test_a_sum_beyond_the_cards_seven_bytes_is_out_of_range() -> None:
    item = {**SALE_BODY["items"][0], "totalAmount": 999999999999.99}
    assert errors(body(items=[item] * 8)) == [("items", "2804")]
    assert len(parsed(body(items=[item] * 7)).items) == 7


def test_a_cyrillic_buyer_id_must_fit_twenty_bytes() -> None:
    assert parsed(body(buyerId="Ж" * 10)).buyer_id == "Ж" * 10
    assert errors(body(buyerId="Ж" * 11)) == [("buyerId", "2801")]


@pytest.mark.parametrize(
    "number", ["XXXXXXXX-XXXXXXXX-121", "XXXXXXXX-АБ123456-159", "ab12cd34-AB12CD34-1", "AB12CD34-AB12CD34-" + "1" * 32]
)
def test_references_of_older_registers(number: str) -> None:
    assert parsed(body(referentDocumentNumber=number)).referent_document_number == number


def test_a_cashier_may_come_as_a_number() -> None:
    assert parsed(body(cashier=17)).cashier == "17"


def test_too_many_items_are_one_error() -> None:
    assert errors(body(items=[SALE_BODY["items"][0]] * 1001)) == [("items", "2808")]


def test_errors_come_in_the_order_of_the_contract_and_are_bounded() -> None:
    found = errors(body(items=[{}], payment=[], invoiceType=9, cashier=""))
    assert [path for path, _ in found] == [
        "invoiceType",
        "payment",
        "cashier",
        "items[0].name",
        "items[0].quantity",
        "items[0].unitPrice",
        "items[0].labels",
        "items[0].totalAmount",
    ]
    assert len(errors(body(items=[{}] * 1000))) == 100


BROKEN_BODIES = [b"", b"x", b"[]", b"null", b'"x"', b'{"a":1', b"\xff", b'{"a":NaN}', b'{"a":1,"a":2}', b"[" * 5000]


@pytest.mark.parametrize("data", BROKEN_BODIES)
def test_a_body_that_is_no_json_object_is_one_2806(data: bytes) -> None:
    assert errors(data) == [("", "2806")]


def test_a_body_that_is_too_large_is_one_2808() -> None:
    with pytest.raises(PosFault) as caught:
        parse_invoice_request(body(), zone=ZONE, limits=attrs.evolve(LIMITS, pos_request_bytes=10))
    assert [(error.property, str(error.code)) for error in caught.value.errors] == [("", "2808")]


@pytest.mark.parametrize("letter", ["x", "Ж", '"', "\\"])
def test_what_is_accepted_fits_into_a_package_and_what_does_not_is_one_2808(letter: str) -> None:
    item = {**SALE_BODY["items"][0], "labels": list("ABCDEFGHIJKL")}
    fits, least, most = b"", 1, 1040
    while most - least > 1:  # the longest name that a thousand items may have
        length = (least + most) // 2
        data = json.dumps(
            {**SALE_BODY, "items": [{**item, "name": letter * length}] * 1000}, ensure_ascii=False
        ).encode()
        found = refusal(data)
        if found is None:
            fits, least = data, length
        else:
            assert found in ([("", "2808")], [("items", "2808")])
            most = length
    request = parsed(fits)
    language = LANGUAGES["sr-Cyrl-RS"]
    facts = JournalFacts(
        seller=RESULT.seller,
        tax_items=RESULT.tax_items,
        total=request.total_amount,
        sdc_time=RESULT.sdc_time,
        number=RESULT.number,
        type_counter=RESULT.type_counter,
        counter_extension=RESULT.counter_extension,
    )
    journal = render_journal(request, facts, language, ZONE)
    plain = write_audit_data(request, attrs.evolve(RESULT, journal=journal, verification_url="x" * 2048))
    assert 0.5 * LIMITS.audit_payload_bytes < len(plain) < LIMITS.audit_payload_bytes - 16


def test_offsets_are_kept_for_the_package() -> None:
    moment = parsed(body()).date_and_time_of_issue
    assert moment is not None
    assert moment.utcoffset() == timedelta(hours=1)
