"""The payload of a national document: strict JSON in which every number is text.

The parsed form is never signed: the exact bytes are (security, 3.3 and 3.7). Which members there are stands in
`wire.national_members`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, TypeVar

import msgspec

from tallystick.kernel.faults import Fault, FieldFault
from tallystick.kernel.fixed_point import FixedPoint, Money, Quantity, Rate
from tallystick.kernel.identifiers import SdcInvoiceNumber
from tallystick.kernel.invoice import InvoiceItem, Payment
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
from tallystick.wire.national_members import (
    AccountableFormMembers,
    ClosingMembers,
    ClosureMembers,
    CommonMembers,
    CorrectionMembers,
    CountedMembers,
    OpeningMembers,
    Payload,
    ReceiptMembers,
    RegistrationMembers,
    ReRegistrationMembers,
    ShiftReportMembers,
)
from tallystick.wire.national_writing import OPERATIONS, members_of
from tallystick.wire.strict_json import is_doubtful, parse

_PAYMENTS = {word: kind for kind, word in PAYMENT_WORDS.items()}
_KINDS = {str(kind) for kind in DocumentKind}
_KIND_OF: dict[type[CommonMembers], str] = {
    ReceiptMembers: "receipt",
    AccountableFormMembers: "accountable-form",
    CorrectionMembers: "correction",
    OpeningMembers: "shift-opening",
    ShiftReportMembers: "settlement-status",
    ClosingMembers: "shift-closing",
    RegistrationMembers: "registration",
    ReRegistrationMembers: "re-registration",
    ClosureMembers: "memory-closure",
}
_STRINGS = 21
"""In every receipt outside of its lists: the names of twelve members (version, kind, build, utc_offset, shift,
operation, currency, rate_group, items, payments, taxes, total), and the values of all but three."""
_ITEM_STRINGS, _PAYMENT_STRINGS, _TAX_STRINGS, _FORM_STRINGS = 9, 4, 6, 5
_decode_receipt = msgspec.json.Decoder(ReceiptMembers).decode
_AT = re.compile(r" - at `\$(.*)`\Z", re.DOTALL)
_MEMBER = re.compile(r"`([^`]+)`")
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")
_encode = msgspec.json.Encoder(order="sorted").encode
Fixed = TypeVar("Fixed", bound=FixedPoint)


def write_document(document: NationalDocument) -> bytes:
    """The payload of a document; raises what `read_document` would raise."""
    payload = _encode(members_of(document))
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


def _read_quickly(payload: bytes) -> ReceiptMembers | None:
    """A receipt, which most documents are, in one pass; none for all that needs a closer look.

    The decoder keeps the last of two members of one name. So the strings are counted by their quotes, of which none is
    escaped: a member that stands twice has at least one string more than the value that came out of it.
    """
    if is_doubtful(payload) or b'\\"' in payload or len(payload) > LIMITS.audit_package_bytes:
        return None
    try:
        said = _decode_receipt(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return said if payload.count(b'"') == 2 * _strings(said) else None


def _strings(said: ReceiptMembers) -> int:
    """How many strings its text has, names and values."""
    count = _STRINGS + _PAYMENT_STRINGS * len(said.payments) + _TAX_STRINGS * len(said.taxes)
    for item in said.items:
        count += _ITEM_STRINGS + len(item.labels)
        if item.gtin:
            count += 2
    if said.form is not msgspec.UNSET:
        count += _FORM_STRINGS
    return count + 2 * (bool(said.cashier) + bool(said.buyer) + bool(said.refers_to) + bool(said.reason))


def _read_exactly(payload: bytes) -> CommonMembers:
    value = parse(payload, max_bytes=LIMITS.audit_package_bytes)
    if not isinstance(value, dict):
        raise Fault("TS-1220", detail="a document is an object")
    said_kind = value.get("kind")
    if not isinstance(said_kind, str) or said_kind not in _KINDS:
        raise _fault("/kind", "5", "no such kind of document")
    try:
        said: CommonMembers = msgspec.convert(value, Payload)
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


def _sale(said: ReceiptMembers) -> Sale:
    refers_to = None
    if said.refers_to:
        try:
            refers_to = SdcInvoiceNumber.parse(said.refers_to)
        except Fault:
            raise _fault("/refers_to", "5", "not a fiscal number") from None
    return Sale(
        operation=OPERATIONS[said.operation],
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


def _report(said: ShiftReportMembers) -> ShiftReport:
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


def _counted(said: CountedMembers) -> CountAndSum:
    return CountAndSum(int(said.count), _fixed(Money, said.total))


def _amounts(said: Mapping[Any, str]) -> tuple[tuple[str, Money], ...]:
    return tuple([(key, _fixed(Money, said[key])) for key in sorted(said)])


def _opening(said: OpeningMembers) -> ShiftOpening:
    return ShiftOpening(_fixed(Money, said.cash), said.cashier)


def _register(said: RegistrationMembers) -> RegisterReport:
    return RegisterReport(
        maker=said.maker,
        model=said.model,
        serial_number=said.serial_number,
        memory_number=said.memory_number,
        premises=said.premises,
        reason=said.reason,
    )


def _closure(said: ClosureMembers) -> Closure:
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
