"""What a POS gets back: members, order and number forms of the result, and errors by priority."""

from __future__ import annotations

import json
from base64 import b64decode
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import attrs
from taxcore_values import INTERNAL_DATA, RESULT, SALE, SALE_BODY, SIGNATURE, body

from tallystick.kernel.faults import PosFault, PropertyError
from tallystick.kernel.fixed_point import Money, Rate
from tallystick.kernel.invoice import InvoiceOptions, InvoiceType
from tallystick.kernel.status_codes import StatusCode
from tallystick.wire.pos_invoice import (
    encode_json,
    error_answer,
    invoice_request_json,
    invoice_result_json,
    parse_invoice_request,
)

# The order in which the vendor's own service writes them (wire: 2.4).
VENDOR_ORDER = [
    "requestedBy",
    "sdcDateTime",
    "invoiceCounter",
    "invoiceCounterExtension",
    "invoiceNumber",
    "taxItems",
    "verificationUrl",
    "verificationQRCode",
    "journal",
    "messages",
    "signedBy",
    "encryptedInternalData",
    "signature",
    "totalCounter",
    "transactionTypeCounter",
    "totalAmount",
    "taxGroupRevision",
    "businessName",
    "tin",
    "locationName",
    "address",
    "district",
    "mrc",
]


def answer(**changes: Any) -> dict[str, Any]:
    """The answer as a POS reads it, numbers as their text."""
    arguments = {"offset_minutes": 60, "include_qr": True, "include_journal": True, **changes}
    data = encode_json(invoice_result_json(attrs.evolve(RESULT, verification_qr_code=b"GIF"), **arguments))
    value: dict[str, Any] = json.loads(data, parse_float=str, parse_int=str)
    return value


def test_s2_039_members_in_the_vendors_order() -> None:
    assert list(answer()) == VENDOR_ORDER


def test_s2_039_values() -> None:
    value = answer()
    assert (value["requestedBy"], value["signedBy"]) == ("AB12CD34", "AB12CD34")
    assert value["invoiceCounter"] == "6/16NS"
    assert value["invoiceNumber"] == "AB12CD34-AB12CD34-16"
    assert (value["totalCounter"], value["transactionTypeCounter"]) == ("16", "6")
    assert value["messages"] == "Success"
    assert b64decode(value["encryptedInternalData"]) == INTERNAL_DATA
    assert b64decode(value["signature"]) == SIGNATURE
    assert value["address"] == "1 Sample Street   "


def test_numbers_are_written_exactly() -> None:
    value = answer()
    assert value["totalAmount"] == "68.46"
    assert value["taxItems"][0] == {
        "categoryType": "0",
        "label": "A",
        "amount": "4.8881",
        "rate": "9.00",
        "categoryName": "VAT",
    }
    assert (value["taxItems"][1]["rate"], value["taxItems"][1]["amount"]) == ("0.50", "1.0000")


def test_large_and_small_numbers_have_no_exponent_that_changes_them() -> None:
    result = attrs.evolve(RESULT, total_amount=Money(2**56 - 1))
    tax = attrs.evolve(RESULT.tax_items[0], rate=Rate(1), amount=Money(0))
    data = encode_json(
        invoice_result_json(
            attrs.evolve(result, tax_items=(tax,)), offset_minutes=0, include_qr=False, include_journal=False
        )
    )
    value = json.loads(data, parse_float=Decimal)
    assert value["totalAmount"] == Decimal("7205759403792.7935")
    assert value["taxItems"][0]["rate"] == Decimal("0.00000001")
    assert value["taxItems"][0]["amount"] == 0


def test_time_has_its_offset_and_seven_digits_and_s2_075_utc_in_packages() -> None:
    assert answer()["sdcDateTime"] == "2026-03-02T10:15:30.1230000+01:00"
    assert answer(offset_minutes=-570)["sdcDateTime"] == "2026-03-01T23:45:30.1230000-09:30"
    assert answer(offset_minutes=None)["sdcDateTime"] == "2026-03-02T09:15:30.1230000Z"


def test_what_the_pos_did_not_want_is_null() -> None:
    assert b64decode(answer()["verificationQRCode"]) == b"GIF"
    assert answer()["journal"] == "= journal =\r\n"
    value = answer(include_qr=False, include_journal=False)
    assert value["verificationQRCode"] is None
    assert value["journal"] is None


def test_the_request_as_json_is_what_a_pos_would_send() -> None:
    value = json.loads(encode_json(invoice_request_json(SALE)))
    assert value == {
        **SALE_BODY,
        "dateAndTimeOfIssue": "2026-03-02T09:15:00.0000000+00:00",
        "referentDocumentDT": "2026-03-01T09:00:00.0000000+00:00",
        "payment": [{"amount": 50.0, "paymentType": "Cash"}, {"amount": 18.46, "paymentType": "Card"}],
    }


def test_absent_fields_are_left_out() -> None:
    least = attrs.evolve(
        SALE,
        invoice_type=InvoiceType.PROFORMA,
        date_and_time_of_issue=None,
        cashier=None,
        buyer_id=None,
        buyer_cost_center_id=None,
        invoice_number=None,
        referent_document_number=None,
        referent_document_dt=None,
        options=InvoiceOptions(),
    )
    value = invoice_request_json(least)
    assert list(value) == ["invoiceType", "transactionType", "payment", "options", "items"]
    assert value["invoiceType"] == "ProForma"
    assert "gtin" not in value["items"][1]


def test_zones_older_than_standard_time_are_written_in_utc() -> None:
    zone = ZoneInfo("Africa/Monrovia")  # its offset had seconds until 1972
    request = parse_invoice_request(body(dateAndTimeOfIssue="1950-01-01T00:00:00"), zone=zone)
    written = invoice_request_json(request)["dateAndTimeOfIssue"]
    assert written.endswith("Z")
    assert parse_invoice_request(encode_json(invoice_request_json(request)), zone=zone) == request


def errors(*found: PropertyError) -> Any:
    return json.loads(error_answer(PosFault(found)))


def test_error_shape() -> None:
    value = errors(PropertyError("items[0].labels[0]", "2310"), PropertyError("referentDocumentNumber", "2800"))
    assert value == {
        "message": "Bad Request",
        "modelState": [
            {"property": "items[0].labels[0]", "errors": ["2310"]},
            {"property": "referentDocumentNumber", "errors": ["2800"]},
        ],
    }


def test_errors_stand_in_the_order_in_which_a_cashier_can_clear_them() -> None:
    codes = [
        StatusCode.FIELD_REQUIRED,
        StatusCode.SECURE_ELEMENT_LOCKED,
        StatusCode.PIN_REQUIRED,
        StatusCode.CARD_NOT_PRESENT,
    ]
    value = errors(*(PropertyError(f"p{number}", code) for number, code in enumerate(codes)))
    assert [entry["errors"] for entry in value["modelState"]] == [["1300"], ["1500"], ["2210"], ["2800"]]


def test_several_codes_of_one_property_stand_together_once() -> None:
    value = errors(
        PropertyError("x", "2805"), PropertyError("y", "2800"), PropertyError("x", "2805"), PropertyError("x", "2801")
    )
    assert value["modelState"] == [{"property": "x", "errors": ["2805", "2801"]}, {"property": "y", "errors": ["2800"]}]
