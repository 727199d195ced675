"""The answer about a national receipt for programs. Amounts and numbers are text, as in all national channels.

Nothing in it tells who bought or who stood at the till.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from tallystick.authority.projections.verification.answers import proof_members
from tallystick.authority.projections.verification.check import State
from tallystick.authority.projections.verification.claims import Claims
from tallystick.authority.projections.verification.ledger_view import Proof
from tallystick.authority.projections.verification.national_check import NationalVerdict, Register
from tallystick.authority.projections.verification.number_check import NumberVerdict
from tallystick.kernel.national_document import Sale
from tallystick.kernel.shifts import PAYMENT_WORDS
from tallystick.wire.document_jws import write_time
from tallystick.wire.receipt_code import ReceiptCode

_ENCODER = msgspec.json.Encoder(order="deterministic")


def national_json(verdict: NationalVerdict, claims: Claims, proof: Proof | None, checkpoint: str = "") -> bytes:
    """``isValid`` is true only for what is booked and shown as it was booked; ``differs`` names what is not.

    ``code`` is what the code says, ``document`` what the ledger holds of it, null where it holds nothing or only
    another act. ``isHere`` tells whether the authority has it, booked or not. ``checkpoint`` is the newest signed head
    of the ledger, whatever the verdict is.
    """
    document, said = verdict.document, verdict.said
    answer = {
        "status": str(verdict.state),
        "isValid": verdict.state is State.VALID and document is not None,
        "differs": list(verdict.differs),
        "anotherReceiptHasThisNumber": verdict.other,
        "isHere": verdict.is_here or verdict.document is not None or verdict.state is State.QUARANTINED,
        "code": None if verdict.code is None else _code(verdict.code),
        "seller": None if verdict.register is None else _seller(verdict.register),
        "document": None if said is None or said.sale is None else _sale(said.sale),
        "givenBack": str(claims.given_back) if document is not None else None,
        "corrected": str(claims.corrected) if document is not None else None,
        "proof": None if proof is None else proof_members(proof),
        "checkpoint": checkpoint or None,
    }
    return _ENCODER.encode(answer)


def _code(code: ReceiptCode) -> Mapping[str, str]:
    return {
        "number": code.number,
        "type": str(code.document_type),
        "total": str(code.total),
        "time": write_time(code.time_ms),
        "actHash": code.act_hash.hex(),
    }


def _seller(register: Register) -> Mapping[str, str]:
    seller = register.seller
    return {
        "taxId": seller.tin,
        "businessName": seller.business_name,
        "locationName": seller.location_name,
        "address": seller.address,
        "city": seller.city,
        "administrativeUnit": seller.district,
    }


def _sale(sale: Sale) -> Mapping[str, object]:
    return {
        "operation": sale.operation.name.lower(),
        "total": str(sale.total),
        "currency": sale.currency,
        "items": [
            {
                "name": item.name,
                "gtin": item.gtin or None,
                "quantity": str(item.quantity),
                "price": str(item.unit_price),
                "total": str(item.total_amount),
                "labels": list(item.labels),
            }
            for item in sale.items
        ],
        "taxes": [{"label": one.label, "rate": str(one.rate), "amount": str(one.amount)} for one in sale.taxes],
        "payments": [{"kind": PAYMENT_WORDS[one.payment_type], "amount": str(one.amount)} for one in sale.payments],
        "refersTo": str(sale.refers_to) if sale.refers_to is not None else None,
        "reason": sale.reason or None,
    }


def number_json(verdict: NumberVerdict, proof: Proof | None, checkpoint: str = "") -> bytes:
    """The answer to a number and an amount: whether the ledger holds such a receipt, and nothing else about it."""
    answer = {
        "status": str(verdict.state),
        "isValid": verdict.state is State.VALID,
        "proof": None if proof is None else proof_members(proof),
        "checkpoint": checkpoint or None,
    }
    return _ENCODER.encode(answer)
