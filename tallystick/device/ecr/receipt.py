"""The answer to a request: number, code, address and text of a document, made once and kept with it (S0-033, S0-096).

Nothing in it tells how the document reached the authority: online and offline receipts are made by the same lines.
"""

from __future__ import annotations

from typing import Any

import msgspec

from tallystick.device.ecr.journal import render
from tallystick.device.ecr.setup import RegisterSetup
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.national_document import NationalDocument
from tallystick.kernel.shifts import RegisterState
from tallystick.wire.document_jws import Sign, SignedDocument, read_signed, write_time
from tallystick.wire.national_document import read_document
from tallystick.wire.receipt_code import register_code, write_receipt_code

_encode = msgspec.json.Encoder(order="sorted").encode


def code_of(compact: bytes, sign: Sign) -> str:
    """The letters of a receipt's code, signed anew; empty for a document that is no sale."""
    signed = read_signed(compact)
    document = read_document(signed.payload)
    return "" if document.sale is None else write_receipt_code(register_code(signed, document, sign))


def write_answer(
    signed: SignedDocument,
    document: NationalDocument,
    state: RegisterState,
    change: Money,
    setup: RegisterSetup,
    code: str,
) -> bytes:
    """The answer's JSON; amounts are text. A report has no code."""
    answer: dict[str, Any] = {
        "number": signed.header.number,
        "sequence": str(signed.header.sequence),
        "kind": str(document.kind),
        "shift": str(document.shift),
        "time": write_time(signed.header.time_ms),
        "journal": render(signed, document, change, setup, setup.languages[0]),
        "cash_in_drawer": plain(state.cash, setup.currency_places),
    }
    if document.sale is not None:
        answer |= {
            "operation": document.sale.operation.name.lower(),
            "total": plain(document.sale.total, setup.currency_places),
            "currency": document.sale.currency,
            "change": plain(change, setup.currency_places),
            "code": code,
            "verification_url": setup.verification_url(code),
        }
    return _encode(answer)


def plain(amount: Money, places: int) -> str:
    """An amount as text with the currency's places."""
    return f"{amount.rounded(places):f}"
