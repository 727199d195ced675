"""The payload of a national document: strict JSON in which every number is text.

Amounts have up to four decimals, quantities three, rates eight; members that have nothing to say are left out, unknown
ones are refused. The parsed form is never signed: the exact bytes are (security, 3.3 and 3.7).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, NoReturn, TypeVar

import msgspec
from msgspec import Meta

from tallystick.kernel.faults import Fault, FieldFault
from tallystick.kernel.fixed_point import FixedPoint, Money, Quantity, Rate
from tallystick.kernel.identifiers import SdcInvoiceNumber
from tallystick.kernel.invoice import InvoiceItem, Payment, TransactionType
from tallystick.kernel.limits import LIMITS
from tallystick.kernel.national_document import (
    Closure,
    Content,
    CountAndSum,
    DocumentKind,
    FormNumber,
    NationalDocument,
    RegisterReport,
    Sale,
    ShiftOpening,
    ShiftReport,
    ShiftTotals,
    StatedTax,
)
from tallystick.kernel.shifts import PAYMENT_WORDS
from tallystick.wire.strict_json import is_doubtful, parse

VERSION = "1"
ITEMS_MAX = 1_000
PAYMENTS_MAX = 100
TAXES_MAX = 64
TEXT_MAX = 200

Amount = Annotated[str, Meta(pattern=r"^-?(0|[1-9][0-9]{0,13})(\.[0-9]{1,4})?\Z")]
Positive = Annotated[str, Meta(pattern=r"^(0|[1-9][0-9]{0,13})(\.[0-9]{1,4})?\Z")]
QuantityText = Annotated[str, Meta(pattern=r"^(0|[1-9][0-9]{0,13})(\.[0-9]{1,3})?\Z")]
RateText = Annotated[str, Meta(pattern=r"^(0|[1-9][0-9]{0,5})(\.[0-9]{1,8})?\Z")]
Count = Annotated[str, Meta(pattern=r"^(0|[1-9][0-9]{0,9})\Z")]
Number = Annotated[str, Meta(pattern=r"^[1-9][0-9]{0,9}\Z")]
Offset = Annotated[str, Meta(pattern=r"^(0|-?[1-9][0-9]{0,2})\Z")]
Build = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
Label = Annotated[str, Meta(min_length=1, max_length=8)]
Text = Annotated[str, Meta(min_length=1, max_length=TEXT_MAX)]
Name = Annotated[str, Meta(min_length=1, max_length=LIMITS.item_name_characters)]
Gtin = Annotated[str, Meta(pattern=r"^[0-9]{8,14}\Z")]
Currency = Annotated[str, Meta(pattern=r"^[A-Z]{3}\Z")]
PaymentWord = Literal["other", "cash", "card", "check", "wire-transfer", "voucher", "mobile-money"]

_PAYMENTS = {word: kind for kind, word in PAYMENT_WORDS.items()}
_OPERATIONS = {"sale": TransactionType.SALE, "refund": TransactionType.REFUND}
_OPERATION_WORDS = {kind: word for word, kind in _OPERATIONS.items()}


class _Strict(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, kw_only=True, gc=False):
    """Members that are exactly these."""


class _Item(_Strict):
    name: Name
    quantity: QuantityText
    price: Positive
    total: Positive
    labels: Annotated[tuple[Label, ...], Meta(min_length=1, max_length=LIMITS.item_labels)]
    gtin: Gtin = ""


class _Payment(_Strict):
    kind: PaymentWord
    amount: Positive


class _Tax(_Strict):
    label: Label
    rate: RateText
    amount: Positive


class _Form(_Strict):
    series: Annotated[str, Meta(min_length=1, max_length=20)]
    number: Annotated[str, Meta(min_length=1, max_length=20)]


class _Common(_Strict, tag_field="kind"):
    version: Literal["1"]
    build: Build
    utc_offset: Offset


class _Receipt(_Common, tag="receipt"):
    shift: Number
    operation: Literal["sale", "refund"]
    currency: Currency
    rate_group: Number
    items: Annotated[tuple[_Item, ...], Meta(min_length=1, max_length=ITEMS_MAX)]
    payments: Annotated[tuple[_Payment, ...], Meta(min_length=1, max_length=PAYMENTS_MAX)]
    taxes: Annotated[tuple[_Tax, ...], Meta(max_length=TAXES_MAX)]
    total: Positive
    cashier: Annotated[str, Meta(min_length=1, max_length=LIMITS.cashier_characters)] = ""
    buyer: Annotated[str, Meta(min_length=1, max_length=LIMITS.buyer_id_bytes)] = ""
    refers_to: Annotated[str, Meta(min_length=19, max_length=28)] = ""
    reason: Text = ""
    form: _Form | msgspec.UnsetType = msgspec.UNSET


class _AccountableForm(_Receipt, tag="accountable-form"):
    pass


class _Correction(_Receipt, tag="correction"):
    pass


class _Opening(_Common, tag="shift-opening"):
    shift: Number
    cash: Positive
    cashier: Annotated[str, Meta(min_length=1, max_length=LIMITS.cashier_characters)] = ""


class _Counted(_Strict):
    count: Count
    total: Positive


class _Totals(_Strict):
    sales: _Counted
    refunds: _Counted
    corrections_up: _Counted
    corrections_down: _Counted
    taxes: Annotated[dict[Label, Amount], Meta(max_length=TAXES_MAX)]
    payments: Annotated[dict[PaymentWord, Amount], Meta(max_length=len(PAYMENT_WORDS))]


class _ShiftReport(_Common, tag="settlement-status"):
    shift: Number
    first: Number
    last: Number
    totals: _Totals
    cash: Amount
    turnover: Amount


class _Closing(_ShiftReport, tag="shift-closing"):
    pass


class _Registration(_Common, tag="registration"):
    maker: Text
    model: Text
    serial_number: Text
    memory_number: Text = ""
    premises: Text = ""
    reason: Text = ""


class _ReRegistration(_Registration, tag="re-registration"):
    pass


class _Closure(_Common, tag="memory-closure"):
    documents: Number
    turnover: Amount
    reason: Text


_Payload = (
    _Receipt | _AccountableForm | _Correction | _Opening | _ShiftReport | _Closing | _Registration | _ReRegistration
    | _Closure
)  # fmt: skip
_KINDS = {str(kind) for kind in DocumentKind}
_KIND_OF: dict[type[_Common], str] = {
    _Receipt: "receipt",
    _AccountableForm: "accountable-form",
    _Correction: "correction",
    _Opening: "shift-opening",
    _ShiftReport: "settlement-status",
    _Closing: "shift-closing",
    _Registration: "registration",
    _ReRegistration: "re-registration",
    _Closure: "memory-closure",
}
_ITEM_ALWAYS = ("labels", "name", "price", "quantity", "total")
_ALWAYS = 12
"""Members that every receipt has: version, kind, build, utc_offset, shift, operation, currency, rate_group, items,
payments, taxes, total."""
_decode_receipt = msgspec.json.Decoder(_Receipt).decode
_AT = re.compile(r" - at `\$(.*)`\Z", re.DOTALL)
_MEMBER = re.compile(r"`([^`]+)`")
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")
_encode = msgspec.json.Encoder(order="sorted").encode
Fixed = TypeVar("Fixed", bound=FixedPoint)


def write_document(document: NationalDocument) -> bytes:
    """The payload of a document; raises what `read_document` would raise."""
    payload = _encode(_PAYLOADS[type(document.content)](document))
    read_document(payload)
    return payload


def read_document(payload: bytes) -> NationalDocument:
    """Read a payload; raises the faults of `strict_json.parse` and ``TS-1220`` with the pointer of the field."""
    said = _read_quickly(payload) or _read_exactly(payload)
    kind = DocumentKind(_KIND_OF[type(said)])
    return NationalDocument(
        kind=kind,
        build=said.build,
        utc_offset_minutes=int(said.utc_offset),
        shift=int(getattr(said, "shift", "0")),
        content=_CONTENTS[kind](said),
    )


def _read_quickly(payload: bytes) -> _Receipt | None:
    """A receipt, which most documents are, in one pass; none for all that needs a closer look.

    The decoder keeps the last of two members of one name, so the names are counted: outside of strings a quote before
    a colon ends a name, inside of them it would be escaped.
    """
    if is_doubtful(payload) or b'\\"' in payload or len(payload) > LIMITS.audit_package_bytes:
        return None
    try:
        said = _decode_receipt(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return said if payload.count(b'":') == _members(said) else None


def _members(said: _Receipt) -> int:
    """How many members its objects have."""
    count = _ALWAYS + len(_ITEM_ALWAYS) * len(said.items) + 2 * len(said.payments) + 3 * len(said.taxes)
    for item in said.items:
        if item.gtin:
            count += 1
    if said.form is not msgspec.UNSET:
        count += 3
    return count + bool(said.cashier) + bool(said.buyer) + bool(said.refers_to) + bool(said.reason)


def _read_exactly(payload: bytes) -> _Common:
    value = parse(payload, max_bytes=LIMITS.audit_package_bytes)
    if not isinstance(value, dict):
        raise Fault("TS-1220", detail="a document is an object")
    if value.get("kind") not in _KINDS:
        raise _fault("/kind", "5", "no such kind of document")
    try:
        said: _Common = msgspec.convert(value, _Payload)
    except msgspec.ValidationError as error:
        _refuse(str(error))
    return said


def _refuse(message: str) -> NoReturn:
    """The validator's sentence as a fault: where, and in which of the five ways (1 missing ... 5 form)."""
    at = _AT.search(message)
    pointer = "".join(f"/{name or index}" for name, index in _STEP.findall(at[1])) if at else ""
    member = _MEMBER.search(message)
    if "missing required field" in message and member is not None:
        raise _fault(f"{pointer}/{member[1]}", "1", "a member is missing") from None
    if "unknown field" in message and member is not None:
        raise Fault("TS-1215", detail="an unknown member", fields=(FieldFault(pointer or "/", "5"),)) from None
    code = "2" if "length <=" in message else "3" if "length >=" in message else "5"
    raise _fault(pointer or "/", code, "a member is not as the schema says") from None


def _fault(pointer: str, code: str, detail: str) -> Fault:
    return Fault("TS-1220", detail=detail, fields=(FieldFault(pointer, code),))


def _fixed(kind: type[Fixed], text: str) -> Fixed:
    """The value of a text whose form was checked, without a decimal in between."""
    whole, _, rest = text.partition(".")
    return kind(int(whole + rest.ljust(kind.places, "0")))


def _plain(value: FixedPoint) -> str:
    """The shortest text of a value."""
    text = str(value)
    return text.rstrip("0").rstrip(".") if "." in text else text


def _sale(said: _Receipt) -> Sale:
    refers_to = None
    if said.refers_to:
        try:
            refers_to = SdcInvoiceNumber.parse(said.refers_to)
        except Fault:
            raise _fault("/refers_to", "5", "not a fiscal number") from None
    return Sale(
        operation=_OPERATIONS[said.operation],
        items=tuple(
            [
                InvoiceItem(
                    item.name,
                    _fixed(Quantity, item.quantity),
                    _fixed(Money, item.price),
                    item.labels,
                    _fixed(Money, item.total),
                    item.gtin or None,
                )
                for item in said.items
            ]
        ),
        payments=tuple([Payment(_fixed(Money, one.amount), _PAYMENTS[one.kind]) for one in said.payments]),
        taxes=tuple([StatedTax(one.label, _fixed(Rate, one.rate), _fixed(Money, one.amount)) for one in said.taxes]),
        total=_fixed(Money, said.total),
        rate_group=int(said.rate_group),
        currency=said.currency,
        cashier=said.cashier,
        buyer_id=said.buyer,
        refers_to=refers_to,
        reason=said.reason,
        form=None if said.form is msgspec.UNSET else FormNumber(said.form.series, said.form.number),
    )


def _report(said: _ShiftReport) -> ShiftReport:
    totals = said.totals
    return ShiftReport(
        first=int(said.first),
        last=int(said.last),
        totals=ShiftTotals(
            sales=_counted(totals.sales),
            refunds=_counted(totals.refunds),
            corrections_up=_counted(totals.corrections_up),
            corrections_down=_counted(totals.corrections_down),
            taxes=_amounts(totals.taxes),
            payments=_amounts(totals.payments),
        ),
        cash=_fixed(Money, said.cash),
        turnover=_fixed(Money, said.turnover),
    )


def _counted(said: _Counted) -> CountAndSum:
    return CountAndSum(int(said.count), _fixed(Money, said.total))


def _amounts(said: Mapping[Any, str]) -> tuple[tuple[str, Money], ...]:
    return tuple([(key, _fixed(Money, said[key])) for key in sorted(said)])


def _opening(said: _Opening) -> ShiftOpening:
    return ShiftOpening(_fixed(Money, said.cash), said.cashier)


def _register(said: _Registration) -> RegisterReport:
    return RegisterReport(
        maker=said.maker,
        model=said.model,
        serial_number=said.serial_number,
        memory_number=said.memory_number,
        premises=said.premises,
        reason=said.reason,
    )


def _closure(said: _Closure) -> Closure:
    return Closure(documents=int(said.documents), turnover=_fixed(Money, said.turnover), reason=said.reason)


_CONTENTS: dict[DocumentKind, Callable[[Any], Content]] = {
    DocumentKind.RECEIPT: _sale,
    DocumentKind.ACCOUNTABLE_FORM: _sale,
    DocumentKind.CORRECTION: _sale,
    DocumentKind.SHIFT_OPENING: _opening,
    DocumentKind.SHIFT_CLOSING: _report,
    DocumentKind.STATUS: _report,
    DocumentKind.REGISTRATION: _register,
    DocumentKind.RE_REGISTRATION: _register,
    DocumentKind.CLOSURE: _closure,
}


def _written(document: NationalDocument, **members: Any) -> dict[str, Any]:
    said = {
        "version": VERSION,
        "kind": str(document.kind),
        "build": document.build,
        "utc_offset": str(document.utc_offset_minutes),
    }
    if document.shift:
        said["shift"] = str(document.shift)
    return said | {name: value for name, value in members.items() if value not in ("", None)}


def _write_sale(document: NationalDocument) -> dict[str, Any]:
    sale = document.content
    assert isinstance(sale, Sale)
    items = [
        {
            "name": item.name,
            "quantity": _plain(item.quantity),
            "price": _plain(item.unit_price),
            "total": _plain(item.total_amount),
            "labels": item.labels,
        }
        | ({"gtin": item.gtin} if item.gtin else {})
        for item in sale.items
    ]
    return _written(
        document,
        operation=_OPERATION_WORDS[sale.operation],
        currency=sale.currency,
        rate_group=str(sale.rate_group),
        items=items,
        payments=[{"kind": PAYMENT_WORDS[one.payment_type], "amount": _plain(one.amount)} for one in sale.payments],
        taxes=[{"label": one.label, "rate": _plain(one.rate), "amount": _plain(one.amount)} for one in sale.taxes],
        total=_plain(sale.total),
        cashier=sale.cashier,
        buyer=sale.buyer_id,
        refers_to=str(sale.refers_to or ""),
        reason=sale.reason,
        form=None if sale.form is None else {"series": sale.form.series, "number": sale.form.number},
    )


def _write_opening(document: NationalDocument) -> dict[str, Any]:
    opening = document.content
    assert isinstance(opening, ShiftOpening)
    return _written(document, cash=_plain(opening.cash), cashier=opening.cashier)


def _write_report(document: NationalDocument) -> dict[str, Any]:
    report = document.content
    assert isinstance(report, ShiftReport)
    totals = report.totals
    counted = {
        name: {"count": str(one.count), "total": _plain(one.total)}
        for name, one in (
            ("sales", totals.sales),
            ("refunds", totals.refunds),
            ("corrections_up", totals.corrections_up),
            ("corrections_down", totals.corrections_down),
        )
    }
    amounts = {
        name: {key: _plain(amount) for key, amount in pairs}
        for name, pairs in (("taxes", totals.taxes), ("payments", totals.payments))
    }
    return _written(
        document,
        first=str(report.first),
        last=str(report.last),
        totals=counted | amounts,
        cash=_plain(report.cash),
        turnover=_plain(report.turnover),
    )


def _write_register(document: NationalDocument) -> dict[str, Any]:
    report = document.content
    assert isinstance(report, RegisterReport)
    return _written(
        document,
        maker=report.maker,
        model=report.model,
        serial_number=report.serial_number,
        memory_number=report.memory_number,
        premises=report.premises,
        reason=report.reason,
    )


def _write_closure(document: NationalDocument) -> dict[str, Any]:
    closure = document.content
    assert isinstance(closure, Closure)
    return _written(
        document, documents=str(closure.documents), turnover=_plain(closure.turnover), reason=closure.reason
    )


_PAYLOADS: dict[type[Content], Callable[[NationalDocument], dict[str, Any]]] = {
    Sale: _write_sale,
    ShiftOpening: _write_opening,
    ShiftReport: _write_report,
    RegisterReport: _write_register,
    Closure: _write_closure,
}
