"""InvoiceRequest of the POS API: a strict reader with the tolerance that real clients need (S2-028, S2-029).

Errors come in the order of the contract's table, each with the camelCase path and the code that a POS expects.
"""

from __future__ import annotations

import re
from datetime import datetime, tzinfo
from typing import TypeVar

from tallystick.kernel.faults import Fault, PosFault, PropertyError
from tallystick.kernel.fixed_point import FixedPoint, Money, Quantity
from tallystick.kernel.invoice import (
    InvoiceItem,
    InvoiceOptions,
    InvoiceRequest,
    InvoiceType,
    Payment,
    PaymentType,
    TransactionType,
)
from tallystick.kernel.limits import LIMITS, Limits
from tallystick.kernel.status_codes import StatusCode
from tallystick.kernel.tax_rates import label_case
from tallystick.wire import strict_json
from tallystick.wire.plain_request import read_request_plainly
from tallystick.wire.pos_size import SURELY_FITS_BYTES, package_bytes
from tallystick.wire.pos_values import (
    AMOUNT_MAX,
    AMOUNT_PLACES,
    INVOICE_TYPES,
    PAYMENT_TYPES,
    QUANTITY_MAX,
    TOTAL_MAX,
    TRANSACTION_TYPES,
    EnumerationForms,
    KeyNames,
    as_number,
    read_time,
    scaled_exactly,
)
from tallystick.wire.strict_json import JsonObject, JsonValue

REQUEST_KEYS = KeyNames(
    "dateAndTimeOfIssue",
    "invoiceType",
    "transactionType",
    "payment",
    "cashier",
    "buyerId",
    "buyerCostCenterId",
    "invoiceNumber",
    "referentDocumentNumber",
    "referentDocumentDT",
    "options",
    "items",
)
ITEM_KEYS = KeyNames("gtin", "name", "quantity", "unitPrice", "labels", "totalAmount")
PAYMENT_KEYS = KeyNames("amount", "paymentType")
WRAPPER_KEYS = KeyNames("invoiceRequest")
OPTION_KEYS = KeyNames("omitQRCodeGen", "omitTextualRepresentation")
_ERRORS_MAX = 100

# Letters of older registers may be Cyrillic, their UIDs placeholders.
_REFERENT_NUMBER = re.compile("[0-9A-Za-z\u0400-\u04ff]{8}-[0-9A-Za-z\u0400-\u04ff]{8}-[1-9][0-9]*")
_YES = {"1": True, "true": True, "0": False, "false": False}

_Member = TypeVar("_Member", InvoiceType, TransactionType, PaymentType)
_Number = TypeVar("_Number", bound=FixedPoint)


def parse_invoice_request(
    body: bytes, *, zone: tzinfo, limits: Limits = LIMITS, may_be_wrapped: bool = False
) -> InvoiceRequest:
    """Read the body of POST invoices; ``zone`` is the authority's, for times without an offset.

    ``may_be_wrapped`` also takes one maker's dialect, ``{"invoiceRequest": {...}}`` (wire: 2.1).
    Raises `PosFault` with every error found (at most a hundred); a body that is no JSON object is one `2806`, one that
    is too large, or would make a package that is too large, `2808`.
    """
    if (plain := read_request_plainly(body, zone, limits)) is not None:
        return plain
    try:
        value = strict_json.parse(body, limits=limits, taxcore=True, max_bytes=limits.pos_request_bytes)
    except Fault as fault:
        too_large = fault.code in ("TS-1003", "TS-1214")
        raise PosFault.single(StatusCode.LIST_TOO_LONG if too_large else StatusCode.INVALID_FORMAT) from None
    value = _unwrapped(value) if may_be_wrapped else value
    if not isinstance(value, dict):
        raise PosFault.single(StatusCode.INVALID_FORMAT)
    request = _RequestReader(zone, limits).read(value)
    if len(body) > SURELY_FITS_BYTES and package_bytes(request) > limits.audit_payload_bytes:
        raise PosFault.single(StatusCode.LIST_TOO_LONG, "items")
    return request


def _unwrapped(value: JsonValue) -> JsonValue:
    """The request inside its wrapper; a body that has a member of a request itself is none."""
    if not isinstance(value, dict) or REQUEST_KEYS.of(value)[0]:
        return value
    inner = WRAPPER_KEYS.of(value)[0].get("invoiceRequest")
    return value if inner is None else inner


class _RequestReader:
    """One pass over one request. Each method reads one thing, and notes an error instead of raising it."""

    def __init__(self, zone: tzinfo, limits: Limits) -> None:
        self._zone = zone
        self._limits = limits
        self._errors: list[PropertyError] = []

    def read(self, value: JsonObject) -> InvoiceRequest:
        limits = self._limits
        members = self._members(value, REQUEST_KEYS, "")
        issued = self._issued(members.get("dateAndTimeOfIssue"))
        invoice_type = self._enumeration(members, "invoiceType", INVOICE_TYPES)
        transaction_type = self._enumeration(members, "transactionType", TRANSACTION_TYPES)
        payments = self._payments(members.get("payment"))
        cashier = self._cashier(members.get("cashier"))
        buyer_id = self._buyer_id(members)
        cost_center = self._text(members, "buyerCostCenterId", limits.buyer_cost_center_characters)
        invoice_number = self._text(members, "invoiceNumber", limits.invoice_number_characters, may_be_empty=True)
        needs_reference = invoice_type is InvoiceType.COPY or transaction_type is TransactionType.REFUND
        number = self._referent_number(members.get("referentDocumentNumber"), needs_reference)
        referent_time = self._referent_time(members)
        options = self._options(members.get("options"))
        items = self._items(members.get("items"))
        if self._errors:
            raise PosFault(tuple(self._errors[:_ERRORS_MAX]))
        assert invoice_type is not None
        assert transaction_type is not None
        return InvoiceRequest(
            invoice_type=invoice_type,
            transaction_type=transaction_type,
            payments=payments,
            items=items,
            date_and_time_of_issue=issued,
            cashier=cashier,
            buyer_id=buyer_id,
            buyer_cost_center_id=cost_center,
            invoice_number=invoice_number,
            referent_document_number=number,
            referent_document_dt=referent_time,
            options=options,
        )

    def _fail(self, path: str, code: StatusCode) -> None:
        self._errors.append(PropertyError(path, code))

    def _members(self, value: JsonObject, keys: KeyNames, path: str) -> JsonObject:
        members, twice = keys.of(value)
        for name in twice:
            self._fail(path + name, StatusCode.INVALID_FORMAT)
        return members

    def _enumeration(
        self, members: JsonObject, key: str, forms: EnumerationForms[_Member], path: str = ""
    ) -> _Member | None:
        value = members.get(key)
        if value is None:
            self._fail(path + key, StatusCode.FIELD_REQUIRED)
            return None
        member = forms.read(value)
        if member is None:
            self._fail(path + key, StatusCode.INVALID_VALUE)
        return member

    def _text(self, members: JsonObject, key: str, longest: int, *, may_be_empty: bool = False) -> str | None:
        """An optional text; an empty one is absent where the wire knows that habit, else a wrong length."""
        value = members.get(key)
        if value is None or (may_be_empty and value == ""):
            return None
        if not isinstance(value, str):
            self._fail(key, StatusCode.INVALID_VALUE)
        elif not value:
            self._fail(key, StatusCode.INVALID_LENGTH)
        elif len(value) > longest:
            self._fail(key, StatusCode.VALUE_TOO_LONG)
        else:
            return value
        return None

    def _cashier(self, value: JsonValue) -> str | None:
        if type(value) is int:  # some POS send a number
            value = str(value)
        return self._text({"cashier": value}, "cashier", self._limits.cashier_characters)

    def _buyer_id(self, members: JsonObject) -> str | None:
        """At most 20 characters, and at most 20 bytes on the card: Cyrillic fits half of that."""
        if members.get("buyerId") is None:
            if members.get("buyerCostCenterId"):
                self._fail("buyerId", StatusCode.INVALID_VALUE)
            return None
        buyer_id = self._text(members, "buyerId", self._limits.buyer_id_bytes)
        if buyer_id is not None and len(buyer_id.encode()) > self._limits.buyer_id_bytes:
            self._fail("buyerId", StatusCode.VALUE_TOO_LONG)
        return buyer_id

    def _issued(self, value: JsonValue) -> datetime | None:
        if value is None:
            return None
        if not isinstance(value, str):
            self._fail("dateAndTimeOfIssue", StatusCode.INVALID_VALUE)
            return None
        moment = read_time(value, self._zone)
        if moment is None:
            self._fail("dateAndTimeOfIssue", StatusCode.INVALID_FORMAT)
        return moment

    def _referent_number(self, value: JsonValue, needed: bool) -> str | None:
        path = "referentDocumentNumber"
        if value is None or value == "":
            if needed:
                self._fail(path, StatusCode.FIELD_REQUIRED)
            return None
        if isinstance(value, str) and len(value) > self._limits.referent_number_characters:
            self._fail(path, StatusCode.OUT_OF_RANGE)
            return None
        if not isinstance(value, str) or _REFERENT_NUMBER.fullmatch(value) is None:
            self._fail(path, StatusCode.INVALID_FORMAT)
            return None
        return value

    def _referent_time(self, members: JsonObject) -> datetime | None:
        value = members.get("referentDocumentDT")
        if value is None or value == "":
            return None
        moment = read_time(value, self._zone) if isinstance(value, str) else None
        if moment is None or not members.get("referentDocumentNumber"):
            self._fail("referentDocumentDT", StatusCode.INVALID_VALUE)
        return moment

    def _options(self, value: JsonValue) -> InvoiceOptions:
        if value is None:
            return InvoiceOptions()
        if not isinstance(value, dict):
            self._fail("options", StatusCode.INVALID_VALUE)
            return InvoiceOptions()
        members = self._members(value, OPTION_KEYS, "options.")
        return InvoiceOptions(
            self._yes_or_no(members, "omitQRCodeGen"), self._yes_or_no(members, "omitTextualRepresentation")
        )

    def _yes_or_no(self, members: JsonObject, key: str) -> bool:
        value = members.get(key)
        if value is None or isinstance(value, bool):
            return bool(value)
        answer = _YES.get(str(value).lower()) if isinstance(value, str) or type(value) is int else None
        if answer is None:
            self._fail(f"options.{key}", StatusCode.INVALID_VALUE)
        return bool(answer)

    def _list(self, value: JsonValue, path: str, longest: int) -> list[JsonValue]:
        """The elements of a required list; empty when something is wrong with the list itself."""
        if value is None:
            self._fail(path, StatusCode.FIELD_REQUIRED)
        elif not isinstance(value, list):
            self._fail(path, StatusCode.INVALID_VALUE)
        elif not value:
            self._fail(path, StatusCode.LIST_TOO_SHORT)
        elif len(value) > longest:
            self._fail(path, StatusCode.LIST_TOO_LONG)
        else:
            return value
        return []

    def _number(
        self, members: JsonObject, key: str, path: str, kind: type[_Number], places: int, least: int, most: int
    ) -> _Number:
        """A required number with at most ``places`` decimals; ``least`` and ``most`` count in units of the last one."""
        value = members.get(key)
        number = as_number(value)
        if number is None:
            self._fail(path + key, StatusCode.FIELD_REQUIRED if value is None else StatusCode.INVALID_VALUE)
            return kind(0)
        scaled = scaled_exactly(number, places)
        if scaled is None or not least <= scaled <= most:
            self._fail(path + key, StatusCode.OUT_OF_RANGE)
            return kind(0)
        return kind(scaled * 10 ** (kind.places - places))

    def _payments(self, value: JsonValue) -> tuple[Payment, ...]:
        payments = []
        for number, one in enumerate(self._list(value, "payment", self._limits.pos_payments)):
            path = f"payment[{number}]"
            if not isinstance(one, dict):
                self._fail(path, StatusCode.INVALID_VALUE)
                continue
            path += "."
            members = self._members(one, PAYMENT_KEYS, path)
            amount = self._number(members, "amount", path, Money, AMOUNT_PLACES, 0, AMOUNT_MAX)
            payment_type = self._enumeration(members, "paymentType", PAYMENT_TYPES, path)
            if payment_type is not None:
                payments.append(Payment(amount, payment_type))
        return tuple(payments)

    def _items(self, value: JsonValue) -> tuple[InvoiceItem, ...]:
        items = []
        for number, one in enumerate(self._list(value, "items", self._limits.pos_items)):
            if isinstance(one, dict):
                items.append(self._item(one, f"items[{number}]."))
            else:
                self._fail(f"items[{number}]", StatusCode.INVALID_VALUE)
        if sum(item.total_amount.scaled for item in items) > TOTAL_MAX:
            self._fail("items", StatusCode.OUT_OF_RANGE)
        return tuple(items)

    def _item(self, value: JsonObject, path: str) -> InvoiceItem:
        members = self._members(value, ITEM_KEYS, path)
        gtin = self._gtin(members.get("gtin"), path)
        name = self._name(members.get("name"), path)
        quantity = self._number(members, "quantity", path, Quantity, 3, 1, QUANTITY_MAX)
        unit_price = self._number(members, "unitPrice", path, Money, AMOUNT_PLACES, 0, AMOUNT_MAX)
        labels = self._labels(members.get("labels"), f"{path}labels")
        total = self._number(members, "totalAmount", path, Money, AMOUNT_PLACES, 0, AMOUNT_MAX)
        return InvoiceItem(name, quantity, unit_price, labels, total, gtin)

    def _gtin(self, value: JsonValue, path: str) -> str | None:
        if value is None:
            return None
        if not isinstance(value, str):
            self._fail(f"{path}gtin", StatusCode.INVALID_VALUE)
            return None
        if not self._limits.gtin_characters_min <= len(value) <= self._limits.gtin_characters_max:
            self._fail(f"{path}gtin", StatusCode.INVALID_LENGTH)
        return value

    def _name(self, value: JsonValue, path: str) -> str:
        if value is None:
            self._fail(f"{path}name", StatusCode.FIELD_REQUIRED)
        elif not isinstance(value, str):
            self._fail(f"{path}name", StatusCode.INVALID_VALUE)
        elif not 1 <= len(value) <= self._limits.item_name_characters:
            self._fail(f"{path}name", StatusCode.INVALID_LENGTH)
        else:
            return value
        return ""

    def _labels(self, value: JsonValue, path: str) -> tuple[str, ...]:
        """Distinct labels in upper case, in the order sent; whether a group knows them is not decided here."""
        labels: dict[str, None] = {}
        for number, one in enumerate(self._list(value, path, self._limits.item_labels)):
            if isinstance(one, str) and one:
                labels[label_case(one)] = None
            else:
                not_a_label = StatusCode.INVALID_TAX_LABELS if one == "" else StatusCode.INVALID_VALUE
                self._fail(f"{path}[{number}]", not_a_label)
        return tuple(labels)
