"""InvoiceRequest: every row of the wire's tolerance table, and the fields that go together."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from pos_refusals import REFERENCE, ZONE, errors, parsed
from taxcore_values import SALE, SALE_BODY, body, item_body

from tallystick.kernel.faults import PosFault
from tallystick.kernel.fixed_point import Money, Quantity
from tallystick.kernel.invoice import InvoiceRequest, InvoiceType, PaymentType, TransactionType
from tallystick.wire.pos_request import parse_invoice_request


def test_s2_028_a_full_request() -> None:
    assert parsed(body()) == SALE


def test_only_what_is_required() -> None:
    optional = ("dateAndTimeOfIssue", "cashier", "buyerId", "buyerCostCenterId", "invoiceNumber", "options")
    least = parsed(body(**dict.fromkeys((*optional, "referentDocumentNumber", "referentDocumentDT"), ...)))
    assert least == InvoiceRequest(
        invoice_type=InvoiceType.NORMAL,
        transaction_type=TransactionType.SALE,
        payments=SALE.payments,
        items=SALE.items,
    )


# The tolerance table (wire: 2.3.1), row by row.


def test_tolerance_pascal_case_keys_and_camel_case_error_paths() -> None:
    def pascal(value: Any) -> Any:
        if isinstance(value, dict):
            return {key[0].upper() + key[1:]: pascal(member) for key, member in value.items()}
        return [pascal(member) for member in value] if isinstance(value, list) else value

    document = pascal(SALE_BODY)
    document["Options"] = {"OmitQRCodeGen": "1"}
    document["Items"][0]["GTIN"] = document["Items"][0].pop("Gtin")
    assert parsed(json.dumps(document).encode()) == SALE
    document["Items"][1]["TOTALAMOUNT"] = "x"
    del document["Items"][1]["TotalAmount"]
    assert errors(json.dumps(document).encode()) == [("items[1].totalAmount", "2805")]


def test_tolerance_a_key_in_two_spellings_is_refused() -> None:
    assert errors(body(INVOICETYPE=0)) == [("invoiceType", "2806")]


@pytest.mark.parametrize("form", [4, "4", "Advance", "advance", "ADVANCE"])
def test_tolerance_invoice_type_in_every_form(form: Any) -> None:
    assert parsed(body(invoiceType=form)).invoice_type is InvoiceType.ADVANCE


@pytest.mark.parametrize("form", ["ProForma", "Proforma", "proforma", 1, "1"])
def test_tolerance_both_spellings_of_proforma(form: Any) -> None:
    assert parsed(body(invoiceType=form)).invoice_type is InvoiceType.PROFORMA


@pytest.mark.parametrize("form", [1, "1", "Refund", "REFUND"])
def test_tolerance_transaction_type_in_every_form(form: Any) -> None:
    assert parsed(body(transactionType=form)).transaction_type is TransactionType.REFUND


@pytest.mark.parametrize("kind", PaymentType)
def test_tolerance_payment_type_in_every_form(kind: PaymentType) -> None:
    name = {4: "WireTransfer", 6: "MobileMoney"}.get(int(kind), kind.name.capitalize())
    for form in (int(kind), str(int(kind)), name, name.lower(), name.upper()):
        assert parsed(body(payment=[{"amount": 1, "paymentType": form}])).payments[0].payment_type is kind


@pytest.mark.parametrize("form", ["MobilMoney", 7, "7", -1, True, False, 1.0, [], "", "00", " 1"])
def test_tolerance_ends_at_values_that_no_client_means(form: Any) -> None:
    assert errors(body(payment=[{"amount": 1, "paymentType": form}])) == [("payment[0].paymentType", "2805")]
    assert errors(body(invoiceType="MobilMoney")) == [("invoiceType", "2805")]


def test_tolerance_null_is_absent() -> None:
    optional = ("dateAndTimeOfIssue", "cashier", "buyerId", "buyerCostCenterId", "invoiceNumber", "options")
    keys = (*optional, "referentDocumentNumber", "referentDocumentDT")
    assert parsed(body(**dict.fromkeys(keys))) == parsed(body(**dict.fromkeys(keys, ...)))
    assert parsed(item_body(gtin=None)).items[0].gtin is None
    assert errors(body(invoiceType=None)) == [("invoiceType", "2800")]
    assert parsed(body(options={"omitQRCodeGen": None})).options.omit_qr_code is False


def test_tolerance_empty_strings_c_04() -> None:
    request = parsed(body(referentDocumentNumber="", referentDocumentDT="", invoiceNumber=""))
    assert request.referent_document_number is None
    assert request.referent_document_dt is None
    assert request.invoice_number is None
    assert errors(body(buyerId="")) == [("buyerId", "2803")]
    assert errors(body(cashier="")) == [("cashier", "2803")]
    assert errors(body(transactionType="Refund", referentDocumentNumber="", referentDocumentDT="")) == [
        ("referentDocumentNumber", "2800")
    ]


def test_tolerance_numbers_as_strings_are_refused() -> None:
    assert errors(item_body(quantity="2", unitPrice="30.1", totalAmount="60.2")) == [
        ("items[0].quantity", "2805"),
        ("items[0].unitPrice", "2805"),
        ("items[0].totalAmount", "2805"),
    ]


def test_tolerance_more_decimals_than_allowed() -> None:
    assert errors(item_body(quantity=1.0001, unitPrice=1.001, totalAmount=1.005)) == [
        ("items[0].quantity", "2804"),
        ("items[0].unitPrice", "2804"),
        ("items[0].totalAmount", "2804"),
    ]
    assert errors(body(payment=[{"amount": 0.001, "paymentType": 1}])) == [("payment[0].amount", "2804")]


def test_tolerance_zeros_after_the_allowed_decimals_are_no_decimals() -> None:
    raw = item_body(quantity="Q", unitPrice="U").replace(b'"Q"', b"2.000000").replace(b'"U"', b"301000e-4")
    item = parsed(raw).items[0]
    assert (item.quantity, item.unit_price) == (Quantity(2000), Money(301_000))


def test_tolerance_lower_case_labels_and_both_alphabets() -> None:
    assert parsed(item_body(labels=["a", "ж"])).items[0].labels == ("A", "Ж")
    latin, cyrillic = parsed(item_body(labels=["A", "А"])).items[0].labels
    assert latin != cyrillic


def test_tolerance_duplicate_labels_are_one() -> None:
    assert parsed(item_body(labels=["A", "P", "A", "a"])).items[0].labels == ("A", "P")


def test_tolerance_time_without_offset_is_local_time_of_the_authority() -> None:
    request = parsed(body(dateAndTimeOfIssue="2026-07-02T10:15:00", referentDocumentDT="2026-01-02 10:15"))
    assert request.date_and_time_of_issue == datetime(2026, 7, 2, 8, 15, tzinfo=UTC)
    assert request.referent_document_dt == datetime(2026, 1, 2, 9, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-02T10:15:30+0100",
        "2026-03-02T10:15:30+01:00",
        "2026-03-02t09:15:30z",
        "2026-03-02T10:15:30.0000000+01:00",
        "2026-03-02 09:15:30.0Z",
        "2026-03-02T10:15:30",
    ],
)
def test_tolerance_times_as_clients_write_them(text: str) -> None:
    moment = parsed(body(dateAndTimeOfIssue=text)).date_and_time_of_issue
    assert moment == datetime(2026, 3, 2, 9, 15, 30, tzinfo=UTC)


def test_seven_fraction_digits_are_read_to_the_microsecond() -> None:
    moment = parsed(body(dateAndTimeOfIssue="2021-07-15T15:57:49.7423334+02:00")).date_and_time_of_issue
    assert moment == datetime(2021, 7, 15, 13, 57, 49, 742333, tzinfo=UTC)


def test_tolerance_byte_order_mark() -> None:
    assert parsed(b"\xef\xbb\xbf" + body()) == SALE


def test_tolerance_unknown_keys_are_ignored() -> None:
    item = {**SALE_BODY["items"][0], "discount": 0, "discountAmount": None}
    request = parsed(body(hash="0" * 32, paymentType="", print=True, email="x", items=[item]))
    assert request.items == SALE.items[:1]


@pytest.mark.parametrize(("value", "omitted"), [("1", True), (1, True), (True, True), ("true", True), ("0", False)])
def test_options_in_every_form(value: Any, omitted: bool) -> None:
    options = parsed(body(options={"omitQRCodeGen": value, "omitTextualRepresentation": value})).options
    assert (options.omit_qr_code, options.omit_journal) == (omitted, omitted)


@pytest.mark.parametrize("coding", ["utf-16", "utf-16-le", "utf-32", "cp1251"])
def test_tolerance_ends_at_other_codings_than_utf_8(coding: str) -> None:
    """Whatever charset a client names, JSON is UTF-8; a Cyrillic name in another coding is no clean text."""
    text = json.dumps({**SALE_BODY, "cashier": "Ана"}, ensure_ascii=False)
    assert errors(text.encode(coding)) == [("", "2806")]


@pytest.mark.parametrize("key", ["invoiceRequest", "InvoiceRequest", "INVOICEREQUEST"])
def test_a_wrapped_request_is_read_only_where_the_dialect_is_spoken(key: str) -> None:
    """One maker's dialect in Republika Srpska; other members beside the wrapper are ignored (wire: 2.1)."""
    wrapped = json.dumps({"print": True, key: SALE_BODY}).encode()
    assert parse_invoice_request(wrapped, zone=ZONE, may_be_wrapped=True) == SALE
    assert ("invoiceType", "2800") in errors(wrapped)


def test_where_the_dialect_is_spoken_a_plain_request_means_what_it_meant() -> None:
    both = body(invoiceRequest={"invoiceType": 4})
    assert parse_invoice_request(both, zone=ZONE, may_be_wrapped=True) == parsed(both) == SALE
    for broken in (b'{"invoiceRequest":[]}', b'{"invoiceRequest":"x"}', b"[]"):
        with pytest.raises(PosFault, match="2806"):
            parse_invoice_request(broken, zone=ZONE, may_be_wrapped=True)
    with pytest.raises(PosFault, match="invoiceType:2800"):
        parse_invoice_request(b'{"invoiceRequest":null}', zone=ZONE, may_be_wrapped=True)


# Fields that go together (wire: 2.3.3).


@pytest.mark.parametrize(
    "types", [{"transactionType": 1}, {"invoiceType": 2}, {"invoiceType": "Training", "transactionType": "Refund"}]
)
def test_refunds_and_copies_need_a_reference(types: dict[str, Any]) -> None:
    assert errors(body(**types, referentDocumentNumber=..., referentDocumentDT=...)) == [
        ("referentDocumentNumber", "2800")
    ]
    assert parsed(body(**types, referentDocumentDT=...)).referent_document_number == REFERENCE


def test_a_sale_may_refer_to_an_advance_refund() -> None:
    assert parsed(body()).referent_document_number == REFERENCE


def test_a_copy_of_a_refund_and_a_sale_after_an_advance_may_refer() -> None:
    """What the reference refers to is the POS's business: its number is all that the device sees."""
    for types in ({"invoiceType": "Copy", "transactionType": "Refund"}, {"invoiceType": "Normal"}):
        assert parsed(body(**types)).referent_document_number == REFERENCE


def test_a_reference_time_needs_a_number() -> None:
    assert errors(body(referentDocumentNumber=...)) == [("referentDocumentDT", "2805")]


def test_a_cost_centre_needs_a_buyer() -> None:
    assert errors(body(buyerId=...)) == [("buyerId", "2805")]
