"""The members of a national document's payload, as the validator holds them: which, how many, and of what form.

Amounts have up to four decimals, quantities three, rates eight; a member that has nothing to say is left out, unknown
ones are refused (security, 3.7).
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from tallystick.kernel.limits import LIMITS
from tallystick.kernel.shifts import PAYMENT_WORDS

VERSION = "1"
ITEMS_MAX = 1_000
PAYMENTS_MAX = 100
TAXES_MAX = 64
TEXT_MAX = 200

POSITIVE_FORM = r"^(0|[1-9][0-9]{0,13})(\.[0-9]{1,4})?\Z"
QUANTITY_FORM = r"^(0|[1-9][0-9]{0,13})(\.[0-9]{1,3})?\Z"
RATE_FORM = r"^(0|[1-9][0-9]{0,5})(\.[0-9]{1,8})?\Z"
NUMBER_FORM = r"^[1-9][0-9]{0,9}\Z"
OFFSET_FORM = r"^(0|-?[1-9][0-9]{0,2})\Z"
BUILD_FORM = r"^[0-9a-f]{64}\Z"
CURRENCY_FORM = r"^[A-Z]{3}\Z"
GTIN_FORM = r"^[0-9]{8,14}\Z"

Amount = Annotated[str, Meta(pattern=r"^-?(0|[1-9][0-9]{0,13})(\.[0-9]{1,4})?\Z")]
Positive = Annotated[str, Meta(pattern=POSITIVE_FORM)]
QuantityText = Annotated[str, Meta(pattern=QUANTITY_FORM)]
RateText = Annotated[str, Meta(pattern=RATE_FORM)]
Count = Annotated[str, Meta(pattern=r"^(0|[1-9][0-9]{0,9})\Z")]
Number = Annotated[str, Meta(pattern=NUMBER_FORM)]
Offset = Annotated[str, Meta(pattern=OFFSET_FORM)]
Build = Annotated[str, Meta(pattern=BUILD_FORM)]
Label = Annotated[str, Meta(min_length=1, max_length=8)]
Text = Annotated[str, Meta(min_length=1, max_length=TEXT_MAX)]
Name = Annotated[str, Meta(min_length=1, max_length=LIMITS.item_name_characters)]
Gtin = Annotated[str, Meta(pattern=GTIN_FORM)]
Currency = Annotated[str, Meta(pattern=CURRENCY_FORM)]
PaymentWord = Literal["other", "cash", "card", "check", "wire-transfer", "voucher", "mobile-money"]


class StrictMembers(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, kw_only=True, gc=False):
    """Members that are exactly these."""


class ItemMembers(StrictMembers):
    name: Name
    quantity: QuantityText
    price: Positive
    total: Positive
    labels: Annotated[tuple[Label, ...], Meta(min_length=1, max_length=LIMITS.item_labels)]
    gtin: Gtin = ""


class PaymentMembers(StrictMembers):
    kind: PaymentWord
    amount: Positive


class TaxMembers(StrictMembers):
    label: Label
    rate: RateText
    amount: Positive


class FormMembers(StrictMembers):
    series: Annotated[str, Meta(min_length=1, max_length=20)]
    number: Annotated[str, Meta(min_length=1, max_length=20)]


class CommonMembers(StrictMembers, tag_field="kind"):
    version: Literal["1"]
    build: Build
    utc_offset: Offset


class ReceiptMembers(CommonMembers, tag="receipt"):
    shift: Number
    operation: Literal["sale", "refund"]
    currency: Currency
    rate_group: Number
    items: Annotated[tuple[ItemMembers, ...], Meta(min_length=1, max_length=ITEMS_MAX)]
    payments: Annotated[tuple[PaymentMembers, ...], Meta(min_length=1, max_length=PAYMENTS_MAX)]
    taxes: Annotated[tuple[TaxMembers, ...], Meta(max_length=TAXES_MAX)]
    total: Positive
    cashier: Annotated[str, Meta(min_length=1, max_length=LIMITS.cashier_characters)] = ""
    buyer: Annotated[str, Meta(min_length=1, max_length=LIMITS.buyer_id_bytes)] = ""
    refers_to: Annotated[str, Meta(min_length=19, max_length=28)] = ""
    reason: Text = ""
    form: FormMembers | msgspec.UnsetType = msgspec.UNSET


class AccountableFormMembers(ReceiptMembers, tag="accountable-form"):
    pass


class CorrectionMembers(ReceiptMembers, tag="correction"):
    pass


class OpeningMembers(CommonMembers, tag="shift-opening"):
    shift: Number
    cash: Positive
    cashier: Annotated[str, Meta(min_length=1, max_length=LIMITS.cashier_characters)] = ""


class CountedMembers(StrictMembers):
    count: Count
    total: Positive


class TotalsMembers(StrictMembers):
    sales: CountedMembers
    refunds: CountedMembers
    corrections_up: CountedMembers
    corrections_down: CountedMembers
    taxes: Annotated[dict[Label, Amount], Meta(max_length=TAXES_MAX)]
    payments: Annotated[dict[PaymentWord, Amount], Meta(max_length=len(PAYMENT_WORDS))]


class ShiftReportMembers(CommonMembers, tag="settlement-status"):
    shift: Number
    first: Number
    last: Number
    totals: TotalsMembers
    cash: Amount
    turnover: Amount


class ClosingMembers(ShiftReportMembers, tag="shift-closing"):
    pass


class RegistrationMembers(CommonMembers, tag="registration"):
    maker: Text
    model: Text
    serial_number: Text
    memory_number: Text = ""
    premises: Text = ""
    reason: Text = ""


class ReRegistrationMembers(RegistrationMembers, tag="re-registration"):
    pass


class ClosureMembers(CommonMembers, tag="memory-closure"):
    documents: Number
    turnover: Amount
    reason: Text


Payload = (
    ReceiptMembers
    | AccountableFormMembers
    | CorrectionMembers
    | OpeningMembers
    | ShiftReportMembers
    | ClosingMembers
    | RegistrationMembers
    | ReRegistrationMembers
    | ClosureMembers
)
