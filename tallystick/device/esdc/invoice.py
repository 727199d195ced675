"""From the card's signature to the finished invoice: journal, verification URL, QR code, sealed package, answer.

Steps 8 to 11 of a sale. Recovery takes the same way with a result that it read back from the card.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from tallystick.crypto.envelope import seal_package
from tallystick.device.esdc.facts import Facts
from tallystick.kernel.invoice import InvoiceRequest, InvoiceResult, TaxItem
from tallystick.wire.audit_package import SealedPackage, write_audit_data, write_sealed
from tallystick.wire.card import SignAnswer
from tallystick.wire.fiscal_invoice import Issuer, answer_bytes, invoice_result


@attrs.frozen(slots=True, kw_only=True)
class Invoice:
    """What is stored and answered for a signed sale."""

    ordinal: int
    package: bytes
    answer: bytes


def complete(
    request: InvoiceRequest,
    taxes: Sequence[TaxItem],
    group_id: int,
    signed: SignAnswer,
    language: str,
    facts: Facts,
) -> Invoice:
    """Build everything that follows from a signature; the same arguments give the same answer bytes."""
    result = invoice_result(request, taxes, group_id, signed, language, _issuer(facts))
    return Invoice(
        ordinal=signed.total_counter,
        package=_seal(request, result, facts),
        answer=answer_bytes(result, request.options),
    )


def _issuer(facts: Facts) -> Issuer:
    """At the premises the card asks and signs."""
    return Issuer(
        requested_by=facts.card.uid,
        signed_by=facts.card.uid,
        seller=facts.card.seller,
        mrc=facts.mrc,
        zone=facts.setup.zone,
        verification_prefix=facts.setup.verification_prefix,
        currency=facts.currency,
    )


def _seal(request: InvoiceRequest, result: InvoiceResult, facts: Facts) -> bytes:
    """Step 11: the invoice without its QR code, closed for the authority (S2-038, S2-075 to S2-082)."""
    plain = write_audit_data(request, result)
    return write_sealed(SealedPackage(*seal_package(plain, facts.card.tax_core_key, moment=result.sdc_time)))
