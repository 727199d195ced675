"""What an SDC answers to a POS: InvoiceResult and errors as JSON, and the request as it stands in a package (S2-039).

Key order is the vendor's. Decimals are JSON numbers with every digit they have.
"""

from __future__ import annotations

from base64 import b64encode
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from tallystick.kernel.faults import PosFault, PropertyError
from tallystick.kernel.fixed_point import Quantity
from tallystick.kernel.instants import utc_offset_minutes
from tallystick.kernel.invoice import InvoiceItem, InvoiceRequest, InvoiceResult, TaxItem
from tallystick.kernel.status_codes import PRIORITY
from tallystick.wire.pos_values import (
    INVOICE_TYPES,
    PAYMENT_TYPES,
    TRANSACTION_TYPES,
    encode_json,
    shortest,
    write_time,
)

_MINUTE = timedelta(minutes=1)
_RANK = {str(code): rank for rank, code in enumerate(PRIORITY)}


def invoice_request_json(request: InvoiceRequest) -> dict[str, Any]:
    """The request as JSON members; absent fields are left out, times keep their offset."""
    members: dict[str, Any] = {
        "dateAndTimeOfIssue": _time(request.date_and_time_of_issue),
        "invoiceType": INVOICE_TYPES.names[request.invoice_type],
        "transactionType": TRANSACTION_TYPES.names[request.transaction_type],
        "payment": [
            {"amount": shortest(payment.amount, 2), "paymentType": PAYMENT_TYPES.names[payment.payment_type]}
            for payment in request.payments
        ],
        "cashier": request.cashier,
        "buyerId": request.buyer_id,
        "buyerCostCenterId": request.buyer_cost_center_id,
        "invoiceNumber": request.invoice_number,
        "referentDocumentNumber": request.referent_document_number,
        "referentDocumentDT": _time(request.referent_document_dt),
        "options": {
            "omitQRCodeGen": "1" if request.options.omit_qr_code else "0",
            "omitTextualRepresentation": "1" if request.options.omit_journal else "0",
        },
        "items": [_item_json(item) for item in request.items],
    }
    return {key: member for key, member in members.items() if member is not None}


def invoice_result_json(
    result: InvoiceResult, *, offset_minutes: int | None, include_qr: bool, include_journal: bool
) -> dict[str, Any]:
    """The result as JSON members; ``sdcDateTime`` at an offset, or with None in UTC as packages need it (S2-075)."""
    qr_code = result.verification_qr_code if include_qr else None
    seller = result.seller
    return {
        "requestedBy": result.requested_by,
        "sdcDateTime": write_time(result.sdc_time, offset_minutes),
        "invoiceCounter": result.invoice_counter,
        "invoiceCounterExtension": result.counter_extension,
        "invoiceNumber": str(result.number),
        "taxItems": [_tax_item_json(item) for item in result.tax_items],
        "verificationUrl": result.verification_url,
        "verificationQRCode": None if qr_code is None else b64encode(qr_code).decode(),
        "journal": result.journal if include_journal else None,
        "messages": result.messages,
        "signedBy": result.signed_by,
        "encryptedInternalData": b64encode(result.encrypted_internal_data).decode(),
        "signature": b64encode(result.signature).decode(),
        "totalCounter": result.total_counter,
        "transactionTypeCounter": result.type_counter,
        "totalAmount": shortest(result.total_amount, 2),
        "taxGroupRevision": result.tax_group_revision,
        "businessName": seller.business_name,
        "tin": seller.tin,
        "locationName": seller.location_name,
        "address": seller.address,
        "district": seller.district,
        "mrc": result.mrc,
    }


def error_answer(fault: PosFault) -> bytes:
    """The body of a 400: what a cashier can clear first stands first, request errors keep their order."""
    by_property: dict[str, list[str]] = {}
    for error in sorted(fault.errors, key=_rank):
        codes = by_property.setdefault(error.property, [])
        if error.code not in codes:
            codes.append(str(error.code))
    state = [{"property": path, "errors": codes} for path, codes in by_property.items()]
    return encode_json({"message": "Bad Request", "modelState": state})


def _rank(error: PropertyError) -> int:
    return _RANK.get(str(error.code), len(_RANK))


def _item_json(item: InvoiceItem) -> dict[str, Any]:
    members: dict[str, Any] = {} if item.gtin is None else {"gtin": item.gtin}
    members["name"] = item.name
    members["quantity"] = _quantity(item.quantity)
    members["unitPrice"] = shortest(item.unit_price, 2)
    members["labels"] = list(item.labels)
    members["totalAmount"] = shortest(item.total_amount, 2)
    return members


def _quantity(quantity: Quantity) -> int | Decimal:
    return quantity.scaled // 1000 if quantity.scaled % 1000 == 0 else quantity.decimal


def _tax_item_json(item: TaxItem) -> dict[str, Any]:
    return {
        "categoryType": int(item.category_type),
        "label": item.label,
        "amount": item.amount.decimal,
        "rate": shortest(item.rate, 2),
        "categoryName": item.category_name,
    }


def _time(moment: datetime | None) -> str | None:
    """At its own offset; zones whose offset has seconds (before they were standardised) are written in UTC."""
    if moment is None:
        return None
    offset = moment.utcoffset()
    whole = offset is not None and not offset % _MINUTE
    return write_time(moment, utc_offset_minutes(moment) if whole else None)
