"""The verification answers for programs: the public JSON of one invoice, and its item list."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence

import msgspec

from tallystick.authority.projections.verification.check import SignedFacts, Source, State, Verdict
from tallystick.authority.projections.verification.items import ItemRow, OpenedInvoice
from tallystick.authority.projections.verification.ledger_view import Proof
from tallystick.kernel.fixed_point import Quantity
from tallystick.kernel.instants import from_unix_ms

_ENCODER = msgspec.json.Encoder(decimal_format="number")


def verification_json(
    verdict: Verdict, opened: OpenedInvoice | None, proof: Proof | None, checkpoint: str = ""
) -> bytes:
    """The JSON of the wire's verification service; cashier and buyer stay null for the public.

    ``isValid`` is true only for what is booked: *pending* is not yet, *mismatch* and *invalid* never. ``status``,
    ``checkedFrom``, ``proof`` and ``checkpoint`` are ours and may be ignored. ``checkpoint`` is the newest signed head
    of the ledger, whatever the verdict is: who keeps it can show later that it was shown.
    """
    facts = verdict.facts
    assert facts is not None, "an answer is made for what could be verified"
    booked = verdict.document is not None
    answer = {
        "invoiceRequest": _request(facts, opened),
        "invoiceResult": _result(facts, opened),
        "journal": (opened.result.journal or "").removesuffix("\r\n") if opened is not None else "",
        "isValid": booked and verdict.state in (State.VALID, State.NOT_FISCAL),
        "status": str(verdict.state),
        "checkedFrom": str(verdict.source),
        "proof": None if proof is None else proof_members(proof),
        "checkpoint": checkpoint or None,
    }
    return _ENCODER.encode(answer)


def unconfirmed_json(checkpoint: str = "") -> bytes:
    """The answer to a compact code that the ledger does not confirm: it says nothing about any document."""
    answer = {
        "invoiceRequest": None,
        "invoiceResult": None,
        "journal": "",
        "isValid": False,
        "status": str(State.UNCONFIRMED),
        "checkedFrom": str(Source.LEDGER),
        "proof": None,
        "checkpoint": checkpoint or None,
    }
    return _ENCODER.encode(answer)


def _request(facts: SignedFacts, opened: OpenedInvoice | None) -> Mapping[str, object]:
    data, seller = facts.data, facts.requester.seller
    request = opened.request if opened is not None else None
    return {
        "posTime": None,
        "taxId": seller.tin,
        "businessName": seller.business_name,
        "locationName": seller.location_name,
        "address": seller.address,
        "city": seller.city,
        "administrativeUnit": seller.district,
        "buyer": None,
        "buyerCostCenter": None,
        "cashier": None,
        "requestedBy": data.requested_by,
        "referentDocumentNumber": request.referent_document_number if request is not None else None,
        "invoiceType": int(data.invoice_type),
        "transactionType": int(data.transaction_type),
        "payments": [
            {"paymentType": int(payment.payment_type), "amount": payment.amount.decimal}
            for payment in (request.payments if request is not None else ())
        ],
    }


def _result(facts: SignedFacts, opened: OpenedInvoice | None) -> Mapping[str, object]:
    data = facts.data
    return {
        "totalAmount": data.amount.rounded(2),
        "transactionTypeCounter": data.type_counter,
        "totalCounter": data.total_counter,
        "invoiceCounterExtension": opened.result.counter_extension if opened is not None else "",
        "invoiceNumber": str(data.number),
        "signedBy": data.signed_by,
        "sdcTime": from_unix_ms(data.time_ms).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }


def proof_members(proof: Proof) -> Mapping[str, object]:
    """Where a document stands in the log."""
    return {
        "index": proof.index,
        "size": proof.size,
        "leafHash": base64.b64encode(proof.leaf_hash).decode("ascii"),
        "path": [base64.b64encode(node).decode("ascii") for node in proof.path],
        "checkpoint": proof.checkpoint,
        "url": f"/proof/document/{proof.index}",
    }


def specifications_json(rows: Sequence[ItemRow] | None) -> bytes:
    """The item list; ``success`` is false, and the list empty, when the token was not good."""
    items = [
        {
            "gtin": row.gtin,
            "name": row.name,
            "quantity": _plain(row.quantity),
            "unitPrice": row.unit_price.rounded(2),
            "total": row.total.rounded(2),
            "label": ", ".join(row.labels),
            "labelRate": row.rate,
            "taxBaseAmount": row.base.rounded(2),
            "vatAmount": row.tax.rounded(2),
        }
        for row in rows or ()
    ]
    return _ENCODER.encode({"success": rows is not None, "items": items})


def _plain(quantity: Quantity) -> object:
    """Without needless zeros: 2, not 2.000."""
    whole, rest = divmod(quantity.scaled, 10**Quantity.places)
    return quantity.decimal.normalize() if rest else whole
