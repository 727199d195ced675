"""Schemas of the POS API: requests in the form that we recommend (the reader takes more), answers exactly."""

from __future__ import annotations

from collections.abc import Mapping

from tallystick.kernel.limits import LIMITS
from tallystick.kernel.status_codes import MEANINGS, RESERVED
from tallystick.wire.openapi import Schema, array, code_lines, enumeration, named, or_null, record, shared_schemas, text
from tallystick.wire.pos_values import (
    AMOUNT_MAX,
    AMOUNT_PLACES,
    INVOICE_TYPES,
    PAYMENT_TYPES,
    QUANTITY_MAX,
    TRANSACTION_TYPES,
)

_TIME = text(format="date-time")
_MONEY: Schema = {
    "type": "number",
    "minimum": 0,
    "maximum": AMOUNT_MAX / 10**AMOUNT_PLACES,
    "description": "At most two decimals; never as text.",
}
_SWITCH: Schema = {"enum": ["0", "1", 0, 1, True, False, "true", "false", None]}
_COUNTER: Schema = {"type": "integer", "minimum": 1}
_BASE64 = text(contentEncoding="base64")


def pos_schemas(own_codes: Mapping[str, str]) -> dict[str, Schema]:
    """All schemas; `own_codes` are the maker's with their meanings."""
    return {
        "Uid": text(8, 8, pattern="^[0-9A-Z]{8}$"),
        "InvoiceRequest": _request(),
        "Payment": record(
            {"amount": _MONEY, "paymentType": named("PaymentType")}, open=True, description="A type may occur again."
        ),
        "Item": _item(),
        "InvoiceType": enumeration(INVOICE_TYPES),
        "TransactionType": enumeration(TRANSACTION_TYPES),
        "PaymentType": enumeration(PAYMENT_TYPES),
        "InvoiceResult": _result(),
        "TaxItem": _tax_item(),
        "Status": _status(),
        "Error": _error(),
        "Code": _code(own_codes),
        **shared_schemas(),
    }


def _request() -> Schema:
    members = {
        "dateAndTimeOfIssue": or_null(_TIME),
        "invoiceType": named("InvoiceType"),
        "transactionType": named("TransactionType"),
        "payment": array(named("Payment"), 1, LIMITS.pos_payments),
        "cashier": or_null(text(1, LIMITS.cashier_characters)),
        "buyerId": or_null(text(1, LIMITS.buyer_id_bytes, description="At most 20 bytes in UTF-8.")),
        "buyerCostCenterId": or_null(text(1, LIMITS.buyer_cost_center_characters)),
        "invoiceNumber": or_null(text(0, LIMITS.invoice_number_characters)),
        "referentDocumentNumber": or_null(text(0, LIMITS.referent_number_characters)),
        "referentDocumentDT": or_null(text()),
        "options": or_null(
            record(
                {"omitQRCodeGen": _SWITCH, "omitTextualRepresentation": _SWITCH},
                optional=("omitQRCodeGen", "omitTextualRepresentation"),
                open=True,
            )
        ),
        "items": array(named("Item"), 1, LIMITS.pos_items),
    }
    required = ("invoiceType", "transactionType", "payment", "items")
    optional = [name for name in members if name not in required]
    return record(
        members,
        optional=optional,
        open=True,
        description="Copies and refunds need `referentDocumentNumber`. Null is absent. Keys are read in any letter "
        "case, unknown ones are ignored.",
    )


def _item() -> Schema:
    members = {
        "gtin": or_null(text(LIMITS.gtin_characters_min, LIMITS.gtin_characters_max)),
        "name": text(1, LIMITS.item_name_characters),
        "quantity": {
            "type": "number",
            "minimum": 0.001,
            "maximum": QUANTITY_MAX / 1000,
            "description": "At most three decimals.",
        },
        "unitPrice": _MONEY,
        "labels": array(text(1), 1, LIMITS.item_labels),
        "totalAmount": _MONEY,
    }
    return record(members, optional=("gtin",), open=True, description="`totalAmount` includes tax and discounts.")


def _result() -> Schema:
    members = {
        "requestedBy": named("Uid"),
        "sdcDateTime": _TIME,
        "invoiceCounter": text(pattern=r"^[1-9][0-9]*/[1-9][0-9]*.{2}$"),
        "invoiceCounterExtension": text(2, 2),
        "invoiceNumber": text(pattern="^[0-9A-Z]{8}-[0-9A-Z]{8}-[1-9][0-9]*$"),
        "taxItems": array(named("TaxItem")),
        "verificationUrl": text(1),
        "verificationQRCode": or_null(_BASE64 | {"description": "A GIF image."}),
        "journal": or_null(text(1, description="Forty columns, CRLF between lines.")),
        "messages": text(),
        "signedBy": named("Uid"),
        "encryptedInternalData": _BASE64,
        "signature": _BASE64,
        "totalCounter": _COUNTER,
        "transactionTypeCounter": _COUNTER,
        "totalAmount": {"type": "number", "minimum": 0},
        "taxGroupRevision": {"type": "integer"},
        **{name: text() for name in ("businessName", "tin", "locationName", "address", "district", "mrc")},
    }
    return record(members)


def _tax_item() -> Schema:
    return record(
        {
            "categoryType": {"type": "integer", "enum": [0, 1, 2]},
            "label": text(1),
            "amount": {"type": "number"},
            "rate": {"type": "number"},
            "categoryName": text(),
        }
    )


def _status() -> Schema:
    names = (
        "lastInvoiceNumber", "protocolVersion", "secureElementVersion", "hardwareVersion", "softwareVersion",
        "deviceSerialNumber", "make", "model",
    )  # fmt: skip
    members = {
        "isPinRequired": {"type": "boolean"},
        "auditRequired": {"type": "boolean"},
        "sdcDateTime": _TIME,
        **{name: text() for name in names},
        "mssc": array(named("Code")),
        "gsc": array(named("Code")),
        "supportedLanguages": array(text()),
        "uid": text(0, 8),
        "taxCoreApi": text(),
        "currentTaxRates": or_null(named("TaxRateGroup")),
        "allTaxRates": array(named("TaxRateGroup")),
    }
    return record(members)


def _error() -> Schema:
    entry = record(
        {"property": text(description="camelCase path, empty for the whole"), "errors": array(named("Code"), 1)}
    )
    return record({"message": text(), "modelState": array(entry, 1)})


def _code(own_codes: Mapping[str, str]) -> Schema:
    sheet = {str(code): meaning for code, meaning in MEANINGS.items() if code not in RESERVED}
    kept = {str(code): f"{meaning} (never sent)" for code, meaning in MEANINGS.items() if code in RESERVED}
    return {
        "type": "string",
        "enum": [*sheet, *own_codes],
        "description": f"{code_lines(sheet | kept)}\n\nOur own:\n\n{code_lines(own_codes)}",
    }
