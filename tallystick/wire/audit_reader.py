"""Reads the two halves of a package field by field: what the signature needs is demanded, all else only noted."""

from __future__ import annotations

import binascii
import re
from datetime import UTC, datetime

from tallystick.kernel.faults import Fault, FieldFault
from tallystick.kernel.fixed_point import Money, Quantity, Rate
from tallystick.kernel.identifiers import UINT32_MAX, SdcInvoiceNumber, Tin
from tallystick.kernel.invoice import (
    InvoiceItem,
    InvoiceOptions,
    InvoiceRequest,
    InvoiceResult,
    Payment,
    PaymentType,
    Seller,
    TaxCategoryType,
    TaxItem,
)
from tallystick.kernel.limits import LIMITS
from tallystick.wire.audit_fields import FORMAT, MISSING, RANGE, FieldReader
from tallystick.wire.pos_request import ITEM_KEYS, OPTION_KEYS, PAYMENT_KEYS, REQUEST_KEYS
from tallystick.wire.pos_values import (
    INVOICE_TYPES,
    PAYMENT_TYPES,
    TAX_CATEGORY_TYPES,
    TOTAL_MAX,
    TRANSACTION_TYPES,
    KeyNames,
    read_time,
)
from tallystick.wire.strict_json import JsonObject, JsonValue

_RESULT_KEYS = KeyNames(
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
)
_TAX_KEYS = KeyNames("categoryType", "label", "amount", "rate", "categoryName")
_COUNTER = re.compile(r"(\d{1,10})/(\d{1,10})(\D{0,8})", re.ASCII)


def unreadable(pointer: str, code: str = FORMAT) -> Fault:
    """The one refusal of a package, with the field that is missing for its signature."""
    return Fault("TS-1202", detail="the package cannot be read", fields=(FieldFault(pointer, code),))


class PackageReader(FieldReader):
    """The two halves of a package, field by field."""

    def request(self, value: JsonObject) -> InvoiceRequest:
        """The request; raises `TS-1202` without the types and the buyer that are signed."""
        members = self.members(value, REQUEST_KEYS)
        invoice_type = INVOICE_TYPES.read(members.get("invoiceType"))
        transaction_type = TRANSACTION_TYPES.read(members.get("transactionType"))
        if invoice_type is None or transaction_type is None:
            raise unreadable("/request/invoiceType" if invoice_type is None else "/request/transactionType")
        at = "/request/"
        return InvoiceRequest(
            invoice_type=invoice_type,
            transaction_type=transaction_type,
            payments=self._payments(members.get("payment")),
            items=self._items(members.get("items")),
            date_and_time_of_issue=self.time(members, "dateAndTimeOfIssue", at),
            cashier=self.text_or_number(members, "cashier", at),
            buyer_id=self._buyer_id(members),
            buyer_cost_center_id=self.text_or_number(members, "buyerCostCenterId", at) or None,
            invoice_number=self.text_or_number(members, "invoiceNumber", at) or None,
            referent_document_number=self.text_or_number(members, "referentDocumentNumber", at) or None,
            referent_document_dt=self.time(members, "referentDocumentDT", at),
            options=self._options(members.get("options")),
        )

    def result(self, value: JsonObject, sum_of_items: Money) -> InvoiceResult:
        """The result; raises `TS-1202` without number, time, counters, amount, internal data and signature."""
        members = self.members(value, _RESULT_KEYS)
        at = "/result/"
        number = self._invoice_number(members)
        type_counter, extension = self._counters(members)
        return InvoiceResult(
            number=number,
            sdc_time=self._sdc_time(members),
            type_counter=type_counter,
            counter_extension=extension,
            tax_items=self._tax_items(members.get("taxItems")),
            tax_group_revision=self._revision(members),
            total_amount=self._total(members, sum_of_items),
            verification_url=self.text(members, "verificationUrl", at),
            verification_qr_code=None,
            journal=self.text(members, "journal", at) or None,
            encrypted_internal_data=self._signed_bytes(members, "encryptedInternalData", (256, 512)),
            signature=self._signed_bytes(members, "signature", (256,)),
            seller=Seller(
                tin=Tin(self.text(members, "tin", at)),
                business_name=self.text(members, "businessName", at),
                location_name=self.text(members, "locationName", at),
                address=self.text(members, "address", at),
                district=self.text(members, "district", at),
            ),
            mrc=self.text(members, "mrc", at),
            messages=self.text(members, "messages", at),
        )

    def _payments(self, value: JsonValue) -> tuple[Payment, ...]:
        payments = []
        for number, one in enumerate(self.list(value, "/request/payment")):
            at = f"/request/payment/{number}/"
            members = self.members(one, PAYMENT_KEYS) if isinstance(one, dict) else {}
            payment_type = PAYMENT_TYPES.read(members.get("paymentType"))
            if payment_type is None:
                self.note(f"{at}paymentType", FORMAT)
                payment_type = PaymentType.OTHER
            payments.append(Payment(self.number(members, "amount", at, Money), payment_type))
        return tuple(payments)

    def _items(self, value: JsonValue) -> tuple[InvoiceItem, ...]:
        items = self.list(value, "/request/items")
        if not items:
            self.note("/request/items", MISSING)
        return tuple(self._item(one, f"/request/items/{number}/") for number, one in enumerate(items))

    def _item(self, value: JsonValue, at: str) -> InvoiceItem:
        members = self.members(value, ITEM_KEYS) if isinstance(value, dict) else {}
        if members.get("name") is None:
            self.note(f"{at}name", MISSING)
        return InvoiceItem(
            self.text(members, "name", at),
            self.number(members, "quantity", at, Quantity),
            self.number(members, "unitPrice", at, Money),
            self._labels(members.get("labels"), at),
            self.number(members, "totalAmount", at, Money),
            self.text_or_number(members, "gtin", at) or None,
        )

    def _labels(self, value: JsonValue, at: str) -> tuple[str, ...]:
        labels = dict.fromkeys(label for label in self.list(value, f"{at}labels") if isinstance(label, str))
        if isinstance(value, list) and not all(isinstance(label, str) for label in value):
            self.note(f"{at}labels", FORMAT)
        return tuple(labels)

    def _buyer_id(self, members: JsonObject) -> str | None:
        """Under the signature: it must fit the card's 20 bytes."""
        value = members.get("buyerId")
        buyer_id = str(value) if type(value) is int else value
        if buyer_id is None or buyer_id == "":
            return None
        if not isinstance(buyer_id, str) or len(buyer_id.encode()) > LIMITS.buyer_id_bytes:
            raise unreadable("/request/buyerId")
        return buyer_id

    def _options(self, value: JsonValue) -> InvoiceOptions:
        members = self.members(value, OPTION_KEYS) if isinstance(value, dict) else {}
        yes = {key for key, member in members.items() if str(member).lower() in ("1", "true")}
        return InvoiceOptions("omitQRCodeGen" in yes, "omitTextualRepresentation" in yes)

    def _invoice_number(self, members: JsonObject) -> SdcInvoiceNumber:
        """From its text; the parts stand beside it again, and must agree."""
        text = members.get("invoiceNumber")
        try:
            number = SdcInvoiceNumber.parse(text if isinstance(text, str) else "")
        except Fault:
            raise unreadable("/result/invoiceNumber") from None
        for key, expected in (
            ("requestedBy", number.requested_by),
            ("signedBy", number.signed_by),
            ("totalCounter", number.ordinal),
        ):
            if members.get(key) is not None and members[key] != expected:
                self.note(f"/result/{key}", RANGE)
        return number

    def _counters(self, members: JsonObject) -> tuple[int, str]:
        """Type counter and extension, from their own members or else from the invoice counter's text."""
        text = members.get("invoiceCounter")
        found = _COUNTER.fullmatch(text) if isinstance(text, str) else None
        counter = members.get("transactionTypeCounter")
        if counter is None and found is not None:
            counter = int(found[1])
        if type(counter) is not int or not 0 <= counter <= UINT32_MAX:
            raise unreadable("/result/transactionTypeCounter")
        extension = self.text(members, "invoiceCounterExtension", "/result/")
        return counter, extension or ("" if found is None else found[3])

    def _sdc_time(self, members: JsonObject) -> datetime:
        value = members.get("sdcDateTime")
        moment = read_time(value, UTC) if isinstance(value, str) else None
        if moment is None:
            raise unreadable("/result/sdcDateTime")
        return moment

    def _total(self, members: JsonObject, sum_of_items: Money) -> Money:
        """Under the signature; the contract lets a device leave it out, then it is the sum of the items."""
        if members.get("totalAmount") is None:
            self.flags.add("total-missing")
            total = sum_of_items
        else:
            faults = len(self.faults)
            total = self.number(members, "totalAmount", "/result/", Money)
            if len(self.faults) > faults:
                raise unreadable("/result/totalAmount")
        if not 0 <= total.scaled <= TOTAL_MAX:
            raise unreadable("/result/totalAmount", RANGE)
        return total

    def _signed_bytes(self, members: JsonObject, key: str, sizes: tuple[int, ...]) -> bytes:
        text = members.get(key)
        try:
            data = binascii.a2b_base64(text if isinstance(text, str) else "", strict_mode=True)
        except ValueError:
            data = b""
        if len(data) not in sizes:
            raise unreadable(f"/result/{key}")
        return data

    def _revision(self, members: JsonObject) -> int:
        value = members.get("taxGroupRevision")
        if type(value) is int and 0 <= value <= UINT32_MAX:
            return value
        self.note("/result/taxGroupRevision", MISSING if value is None else FORMAT)
        return 0

    def _tax_items(self, value: JsonValue) -> tuple[TaxItem, ...]:
        """The category's order id is not on the wire, it stays 0."""
        items = self.list(value, "/result/taxItems")
        return tuple(self._tax_item(one, f"/result/taxItems/{number}/") for number, one in enumerate(items))

    def _tax_item(self, value: JsonValue, at: str) -> TaxItem:
        members = self.members(value, _TAX_KEYS) if isinstance(value, dict) else {}
        category_type = TAX_CATEGORY_TYPES.read(members.get("categoryType"))
        if category_type is None:
            self.note(f"{at}categoryType", FORMAT)
            category_type = TaxCategoryType.TAX_ON_NET
        label = self.text(members, "label", at)
        if not label:
            self.note(f"{at}label", MISSING)
        return TaxItem(
            label,
            self.text(members, "categoryName", at),
            category_type,
            0,
            self.number(members, "rate", at, Rate),
            self.number(members, "amount", at, Money),
        )
