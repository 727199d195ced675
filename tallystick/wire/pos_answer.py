"""Reads what an SDC answered to a POS, as far as a receipt needs it: journal, number and verification URL (S2-039)."""

from __future__ import annotations

import attrs

from tallystick.kernel.faults import Fault, FieldFault
from tallystick.kernel.identifiers import SdcInvoiceNumber
from tallystick.kernel.limits import LIMITS
from tallystick.wire.strict_json import JsonObject, parse
from tallystick.wire.verification_url import from_url


@attrs.frozen(slots=True, kw_only=True)
class PrintedAnswer:
    """The parts of an answer that stand on paper. ``journal`` is the text as the SDC made it, lines ended by CRLF."""

    number: SdcInvoiceNumber
    journal: str
    verification_url: str


def read_pos_answer(data: bytes) -> PrintedAnswer:
    """Read an InvoiceResult; keys count in any letter case.

    Raises the faults of `strict_json.parse`, ``TS-1220`` for members that are missing or wrong and for a URL of another
    invoice, and ``TS-4020`` for an answer without journal.
    """
    answer = parse(data, taxcore=True, max_bytes=LIMITS.pos_answer_bytes)
    if not isinstance(answer, dict):
        raise _fault("/", "an answer is a JSON object")
    members = {key.lower(): value for key, value in answer.items()}
    if members.get("journal") is None and "verificationurl" in members:
        raise Fault("TS-4020", detail="the answer has no journal: do not ask for omitTextualRepresentation")
    number = _number(_text(members, "invoiceNumber"))
    url = _text(members, "verificationUrl")
    if from_url(url).number != number:
        raise _fault("/verificationUrl", "the URL is that of another invoice")
    return PrintedAnswer(number=number, journal=_text(members, "journal"), verification_url=url)


def _number(text: str) -> SdcInvoiceNumber:
    try:
        return SdcInvoiceNumber.parse(text)
    except Fault as fault:
        raise _fault("/invoiceNumber", fault.detail) from None


def _text(members: JsonObject, name: str) -> str:
    value = members.get(name.lower())
    if not isinstance(value, str) or not value:
        raise _fault(f"/{name}", f"{name} is missing")
    return value


def _fault(pointer: str, detail: str) -> Fault:
    return Fault("TS-1220", detail=detail, fields=(FieldFault(pointer, "5"),))
