"""The verification answers for programs: the public JSON of one invoice, and its item list."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from tallystick.authority.projections.verification.check import State, Verdict
from tallystick.authority.projections.verification.page import Proof
from tallystick.kernel.faults import Fault
from tallystick.kernel.fixed_point import Money, Rate, round_half_up
from tallystick.kernel.instants import from_unix_ms
from tallystick.kernel.invoice import InvoiceRequest, InvoiceResult, TaxCategoryType
from tallystick.wire.audit_package import read_audit_data

_ENCODER = msgspec.json.Encoder(decimal_format="number")


def opened_document(verdict: Verdict) -> tuple[InvoiceRequest, InvoiceResult] | None:
    """Request and result of our own record; nothing when it is not here or was kept although it cannot be read."""
    if verdict.document is None or verdict.state is State.MISMATCH:
        return None
    try:
        data = read_audit_data(verdict.document.body)
    except Fault:
        return None
    return data.request, data.result


def verification_json(
    verdict: Verdict, opened: tuple[InvoiceRequest, InvoiceResult] | None, proof: Proof | None
) -> bytes:
    """The JSON of the wire's verification service; cashier and buyer stay null for the public.

    ``status`` and ``proof`` are ours and may be ignored. Only *valid*, *pending* and *not-fiscal* are ``isValid``.
    """
    data, signer = verdict.data, verdict.signer
    assert data is not None
    assert signer is not None
    request, result = opened if opened is not None else (None, None)
    seller = result.seller if result is not None else signer.seller
    payments = [] if request is None else request.payments
    answer = {
        "invoiceRequest": {
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
            "payments": [{"paymentType": int(p.payment_type), "amount": p.amount.decimal} for p in payments],
        },
        "invoiceResult": {
            "totalAmount": data.amount.rounded(2),
            "transactionTypeCounter": data.type_counter,
            "totalCounter": data.total_counter,
            "invoiceCounterExtension": result.counter_extension if result is not None else "",
            "invoiceNumber": f"{data.requested_by}-{data.signed_by}-{data.total_counter}",
            "signedBy": data.signed_by,
            "sdcTime": from_unix_ms(data.time_ms).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        },
        "journal": (result.journal or "") if result is not None else "",
        "isValid": verdict.state in (State.VALID, State.PENDING, State.NOT_FISCAL),
        "status": str(verdict.state),
        "proof": None
        if proof is None
        else {"index": proof.index, "size": proof.size, "url": f"/proof/document/{proof.index}"},
    }
    return _ENCODER.encode(answer)


def _proof_pointer(proof: Proof) -> Mapping[str, object]:
    return {"index": proof.index, "size": proof.size, "url": f"/proof/document/{proof.index}"}


def item_rows(request: InvoiceRequest, result: InvoiceResult) -> tuple[Mapping[str, object], ...]:
    """The lines of an invoice with base and tax of each, as the item list of the page shows them."""
    rates = {item.label: (item.category_type, item.rate) for item in result.tax_items}
    rows = []
    for item in request.items:
        tax = _tax_share(
            item.total_amount, [rates[label] for label in item.labels if label in rates], item.quantity.scaled
        )
        per_cent = [rates[label][1].decimal for label in item.labels if label in rates]
        rows.append(
            {
                "gtin": item.gtin or "",
                "name": item.name,
                "quantity": item.quantity.decimal.normalize().__format__("f"),
                "unitPrice": item.unit_price.rounded(2),
                "total": item.total_amount.rounded(2),
                "label": ", ".join(item.labels),
                "labelRate": sum(per_cent, Decimal(0)).quantize(Decimal("0.01")),
                "taxBaseAmount": (item.total_amount - tax).rounded(2),
                "vatAmount": tax.rounded(2),
            }
        )
    return tuple(rows)


def _tax_share(total: Money, rates: list[tuple[TaxCategoryType, Rate]], quantity_thousandths: int) -> Money:
    """The tax in one line, all labels together (S2-046 to S2-049): fixed amounts first, then on total, then on net."""
    scale = 100 * 10**Rate.places
    fixed = sum(rate.scaled for kind, rate in rates if kind is TaxCategoryType.AMOUNT_PER_QUANTITY)
    on_total = sum(rate.scaled for kind, rate in rates if kind is TaxCategoryType.TAX_ON_TOTAL)
    on_net = sum(rate.scaled for kind, rate in rates if kind is TaxCategoryType.TAX_ON_NET)
    per_quantity = round_half_up(fixed * quantity_thousandths, 10**7)
    rest = total.scaled - per_quantity
    net = round_half_up(rest * scale * scale, (scale + on_total) * (scale + on_net))
    return Money(total.scaled - net)


def specifications_json(rows: tuple[Mapping[str, object], ...] | None) -> bytes:
    """The item list, or ``success`` false when the token was not good."""
    return _ENCODER.encode({"success": rows is not None, "items": list(rows or ())})
