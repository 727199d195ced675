"""Orders as JSON, for integrators and the command line: strict, every number as text (see docs/guides/register.md)."""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta

from tallystick.device.ecr.orders import (
    CloseMemory,
    CloseShift,
    Correct,
    Line,
    OpenShift,
    Order,
    Refund,
    Register,
    ReportX,
    Reregister,
    Sell,
)
from tallystick.kernel.faults import Fault, FieldFault
from tallystick.kernel.fixed_point import FixedPoint, Money, Quantity
from tallystick.kernel.identifiers import SdcInvoiceNumber
from tallystick.kernel.invoice import Payment, TransactionType
from tallystick.kernel.limits import LIMITS
from tallystick.kernel.national_document import FormNumber
from tallystick.kernel.shifts import PAYMENT_WORDS
from tallystick.wire.national_members import ITEMS_MAX, PAYMENTS_MAX
from tallystick.wire.strict_json import parse

BYTES_MOST = 256 * 1024
_PAYMENTS = {word: kind for kind, word in PAYMENT_WORDS.items()}

Amount = Annotated[str, Meta(pattern=r"^(0|[1-9][0-9]{0,12})(\.[0-9]{1,4})?\Z")]
QuantityText = Annotated[str, Meta(pattern=r"^(0|[1-9][0-9]{0,9})(\.[0-9]{1,3})?\Z")]
Name = Annotated[str, Meta(min_length=1, max_length=LIMITS.item_name_characters)]
Person = Annotated[str, Meta(max_length=LIMITS.cashier_characters)]
Reason = Annotated[str, Meta(min_length=1, max_length=200)]
Number = Annotated[str, Meta(min_length=19, max_length=28)]
Word = Literal["other", "cash", "card", "check", "wire-transfer", "voucher", "mobile-money"]


Fixed = TypeVar("Fixed", bound=FixedPoint)


class _Strict(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    pass


class _Line(_Strict, kw_only=True):
    name: Name
    quantity: QuantityText = "1"
    price: Amount
    labels: Annotated[tuple[Annotated[str, Meta(min_length=1, max_length=8)], ...], Meta(min_length=1, max_length=8)]
    gtin: Annotated[str, Meta(pattern=r"^[0-9]{8,14}\Z")] | None = None


class _Payment(_Strict, kw_only=True):
    kind: Word
    amount: Amount


class _Form(_Strict, kw_only=True):
    series: Annotated[str, Meta(min_length=1, max_length=20)]
    number: Annotated[str, Meta(min_length=1, max_length=20)]


Lines = Annotated[tuple[_Line, ...], Meta(min_length=1, max_length=ITEMS_MAX)]
Payments = Annotated[tuple[_Payment, ...], Meta(min_length=1, max_length=PAYMENTS_MAX)]


class _Sell(_Strict, kw_only=True, tag_field="order", tag="sell"):
    lines: Lines
    payments: Payments
    cashier: Person = ""
    buyer: Annotated[str, Meta(max_length=LIMITS.buyer_id_bytes)] = ""
    form: _Form | None = None


class _Refund(_Strict, kw_only=True, tag_field="order", tag="refund"):
    original: Number
    payments: Payments
    lines: Annotated[tuple[_Line, ...], Meta(max_length=ITEMS_MAX)] = ()
    cashier: Person = ""


class _Correct(_Strict, kw_only=True, tag_field="order", tag="correct"):
    original: Number
    direction: Literal["up", "down"]
    lines: Lines
    payments: Payments
    reason: Reason
    cashier: Person = ""


class _OpenShift(_Strict, kw_only=True, tag_field="order", tag="open-shift"):
    cash: Amount = "0"
    cashier: Person = ""


class _ReportX(_Strict, kw_only=True, tag_field="order", tag="x-report"):
    pass


class _CloseShift(_Strict, kw_only=True, tag_field="order", tag="close-shift"):
    pass


class _Register(_Strict, kw_only=True, tag_field="order", tag="register"):
    pass


class _Reregister(_Strict, kw_only=True, tag_field="order", tag="re-register"):
    reason: Reason


class _CloseMemory(_Strict, kw_only=True, tag_field="order", tag="close-memory"):
    reason: Reason


_Said = (
    _Sell | _Refund | _Correct | _OpenShift | _ReportX | _CloseShift | _Register | _Reregister | _CloseMemory
)  # fmt: skip


def read_order(body: bytes) -> Order:
    """An order; raises the faults of strict JSON and ``TS-1220``."""
    value = parse(body, max_bytes=BYTES_MOST)
    try:
        said: _Said = msgspec.convert(value, _Said)
    except msgspec.ValidationError as error:
        raise Fault("TS-1220", detail=str(error), fields=(FieldFault("/", "5"),)) from None
    match said:
        case _Sell():
            form = None if said.form is None else FormNumber(said.form.series, said.form.number)
            return Sell(
                lines=_lines(said.lines),
                payments=_payments(said.payments),
                cashier=said.cashier,
                buyer_id=said.buyer,
                form=form,
            )
        case _Refund():
            return Refund(
                original=SdcInvoiceNumber.parse(said.original),
                payments=_payments(said.payments),
                lines=_lines(said.lines),
                cashier=said.cashier,
            )
        case _Correct():
            return Correct(
                original=SdcInvoiceNumber.parse(said.original),
                direction=TransactionType.SALE if said.direction == "up" else TransactionType.REFUND,
                lines=_lines(said.lines),
                payments=_payments(said.payments),
                reason=said.reason,
                cashier=said.cashier,
            )
        case _OpenShift():
            return OpenShift(cash=_exact(Money, said.cash), cashier=said.cashier)
        case _Reregister():
            return Reregister(reason=said.reason)
        case _CloseMemory():
            return CloseMemory(reason=said.reason)
        case _ReportX():
            return ReportX()
        case _CloseShift():
            return CloseShift()
        case _:
            return Register()


def _lines(said: tuple[_Line, ...]) -> tuple[Line, ...]:
    return tuple(
        [
            Line(
                name=one.name,
                quantity=_exact(Quantity, one.quantity),
                price=_exact(Money, one.price),
                labels=one.labels,
                gtin=one.gtin,
            )
            for one in said
        ]
    )


def _payments(said: tuple[_Payment, ...]) -> tuple[Payment, ...]:
    return tuple([Payment(_exact(Money, one.amount), _PAYMENTS[one.kind]) for one in said])


def _exact(kind: type[Fixed], text: str) -> Fixed:
    return kind.of(text)
