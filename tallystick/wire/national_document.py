"""The payload of a national document: strict JSON in which every number is text.

The parsed form is never signed: the exact bytes are (security, 3.3 and 3.7). Which members there are stands in
`wire.national_members`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import msgspec

from tallystick.kernel.faults import Fault, FieldFault
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.limits import LIMITS
from tallystick.kernel.national_document import (
    Closure,
    Content,
    CountAndSum,
    DocumentKind,
    NationalDocument,
    RegisterReport,
    Sale,
    ShiftOpening,
    ShiftReport,
    ShiftTotals,
)
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
from tallystick.wire.national_writing import members_of
from tallystick.wire.quick_receipt import fixed, read_quickly, sale_of
from tallystick.wire.strict_json import parse

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
_AT = re.compile(r" - at `\$(.*)`\Z", re.DOTALL)
_MEMBER = re.compile(r"`([^`]+)`")
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")
_encode = msgspec.json.Encoder(order="sorted").encode
_read_quickly = read_quickly


def write_document(document: NationalDocument) -> bytes:
    """The payload of a document; raises what `read_document` would raise."""
    payload = _encode(members_of(document))
    read_document(payload)
    return payload


def read_document(payload: bytes) -> NationalDocument:
    """Read a payload; raises the faults of `strict_json.parse` and ``TS-1220`` with the pointer of the field."""
    return _read_quickly(payload) or _read_exactly(payload)


def _read_exactly(payload: bytes) -> NationalDocument:
    said = _members_said(payload)
    kind = DocumentKind(_KIND_OF[type(said)])
    return NationalDocument(
        kind=kind,
        build=said.build,
        utc_offset_minutes=int(said.utc_offset),
        shift=int(getattr(said, "shift", "0")),
        content=_CONTENTS[kind](said),
    )


def _members_said(payload: bytes) -> CommonMembers:
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


def _sale(said: ReceiptMembers) -> Sale:
    try:
        return sale_of(said)
    except Fault:
        raise _fault("/refers_to", "5", "not a fiscal number") from None


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
        cash=fixed(Money, said.cash),
        turnover=fixed(Money, said.turnover),
    )


def _counted(said: CountedMembers) -> CountAndSum:
    return CountAndSum(int(said.count), fixed(Money, said.total))


def _amounts(said: Mapping[Any, str]) -> tuple[tuple[str, Money], ...]:
    return tuple([(key, fixed(Money, said[key])) for key in sorted(said)])


def _opening(said: OpeningMembers) -> ShiftOpening:
    return ShiftOpening(fixed(Money, said.cash), said.cashier)


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
    return Closure(documents=int(said.documents), turnover=fixed(Money, said.turnover), reason=said.reason)


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
