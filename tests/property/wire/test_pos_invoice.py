"""POS invoices: round trip, the same request in any disguise that clients use, and any body at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from taxcore_values import RESULT, SALE_BODY, body, mutated, requests, results

from tallystick.kernel.faults import PosFault, PropertyError
from tallystick.kernel.invoice import InvoiceRequest, InvoiceResult
from tallystick.kernel.status_codes import StatusCode
from tallystick.wire.pos_invoice import (
    encode_json,
    error_answer,
    invoice_request_json,
    invoice_result_json,
    parse_invoice_request,
)
from tallystick.wire.pos_values import INVOICE_TYPES, PAYMENT_TYPES, TRANSACTION_TYPES, EnumerationForms

OPTIONAL = (
    "dateAndTimeOfIssue",
    "cashier",
    "buyerId",
    "buyerCostCenterId",
    "invoiceNumber",
    "referentDocumentNumber",
    "referentDocumentDT",
)
EMPTY_IS_ABSENT = ("invoiceNumber", "referentDocumentNumber", "referentDocumentDT")
CASES: tuple[Callable[[str], str], ...] = (str, str.lower, str.upper, lambda key: key[0].upper() + key[1:])


def parsed(data: bytes) -> InvoiceRequest:
    return parse_invoice_request(data, zone=UTC)


@given(requests)
def test_s2_028_round_trip(request: InvoiceRequest) -> None:
    assert parsed(encode_json(invoice_request_json(request))) == request


@st.composite
def disguises(draw: st.DrawFn) -> tuple[InvoiceRequest, bytes]:
    """A request, and JSON for it with any key case, order, enumeration form, absent form and spelling of numbers."""
    request = draw(requests)
    document = invoice_request_json(request)
    document["invoiceType"] = _form(draw, INVOICE_TYPES, request.invoice_type)
    document["transactionType"] = _form(draw, TRANSACTION_TYPES, request.transaction_type)
    for payment, sent in zip(document["payment"], request.payments, strict=True):
        payment["paymentType"] = _form(draw, PAYMENT_TYPES, sent.payment_type)
    for item in document["items"]:
        item["labels"] += [label.lower() for label in item["labels"]]
        item["gtin"] = item.get("gtin")
    for key in OPTIONAL:
        if key not in document and draw(st.booleans()):
            document[key] = "" if key in EMPTY_IS_ABSENT and draw(st.booleans()) else None
    document["options"] = _options(draw, document["options"])
    return request, encode_json(_disguised(draw, document))


def _form(draw: st.DrawFn, forms: EnumerationForms[Any], member: Any) -> Any:
    name = forms.names[member]
    return draw(st.sampled_from((int(member), str(int(member)), name, name.lower(), name.upper())))


def _options(draw: st.DrawFn, options: dict[str, str]) -> Any:
    if set(options.values()) == {"0"} and draw(st.booleans()):
        return draw(st.sampled_from((None, {}, {"omitQRCodeGen": None})))
    forms = {"1": ("1", 1, True, "true"), "0": ("0", 0, False, "False")}
    return {key: draw(st.sampled_from(forms[value])) for key, value in options.items()}


def _disguised(draw: st.DrawFn, value: Any) -> Any:
    if isinstance(value, dict):
        entries = [(draw(st.sampled_from(CASES))(key), _disguised(draw, member)) for key, member in value.items()]
        entries.append(("print", True))
        return dict(draw(st.permutations(entries)))
    if isinstance(value, list):
        return [_disguised(draw, one) for one in value]
    if isinstance(value, Decimal) and draw(st.booleans()):
        return value.quantize(Decimal("0.0000000"))
    return value


@given(disguises())
@settings(max_examples=300)
def test_the_same_request_in_any_disguise(disguised: tuple[InvoiceRequest, bytes]) -> None:
    request, data = disguised
    assert parsed(data) == request


def only_a_request_or_a_pos_fault(data: bytes) -> None:
    """The property of every fuzz test here; the refusal must also be tellable."""
    try:
        parsed(data)
    except PosFault as fault:
        told = json.loads(error_answer(fault))["modelState"]
        codes = {code for entry in told for code in entry["errors"]}
        if not codes or not codes <= set(StatusCode):
            raise


@given(mutated(SALE_BODY))
@settings(max_examples=500)
def test_any_change_of_the_document_is_read_or_refused(document: Any) -> None:
    only_a_request_or_a_pos_fault(json.dumps(document).encode("utf-8", "surrogatepass"))


@given(st.integers(0, len(body()) - 1), st.binary(max_size=4), st.integers(0, 8))
def test_any_change_of_the_bytes_is_read_or_refused(position: int, inserted: bytes, removed: int) -> None:
    data = body()
    only_a_request_or_a_pos_fault(data[:position] + inserted + data[position + removed :])


@given(st.binary())
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    only_a_request_or_a_pos_fault(data)


@given(results, st.none() | st.integers(-14 * 60, 14 * 60))
def test_s2_039_a_result_can_always_be_written(result: InvoiceResult, offset_minutes: int | None) -> None:
    members = invoice_result_json(result, offset_minutes=offset_minutes, include_qr=True, include_journal=True)
    value = json.loads(encode_json(members), parse_float=Decimal)
    assert Decimal(value["totalAmount"]) == result.total_amount.decimal
    assert [Decimal(item["amount"]) for item in value["taxItems"]] == [item.amount.decimal for item in result.tax_items]
    assert value.keys() == invoice_result_json(RESULT, offset_minutes=0, include_qr=False, include_journal=False).keys()


@given(st.lists(st.builds(PropertyError, st.text(), st.sampled_from(StatusCode)), min_size=1))
def test_every_error_is_told_once(errors: list[PropertyError]) -> None:
    state = json.loads(error_answer(PosFault(tuple(errors))))["modelState"]
    told = {(entry["property"], code) for entry in state for code in entry["errors"]}
    assert told == {(error.property.encode("utf-8", "replace").decode(), error.code) for error in errors}
