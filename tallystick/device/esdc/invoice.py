"""From the card's signature to the finished invoice: journal, verification URL, QR code, sealed package, answer.

Steps 8 to 11 of a sale. Recovery takes the same way with a result that it read back from the card.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from tallystick.crypto.envelope import seal_package
from tallystick.device.esdc.facts import Facts
from tallystick.kernel.identifiers import SdcInvoiceNumber
from tallystick.kernel.instants import from_unix_ms, utc_offset_minutes
from tallystick.kernel.invoice import InvoiceRequest, InvoiceResult, TaxItem
from tallystick.wire.audit_package import SealedPackage, write_audit_data, write_sealed
from tallystick.wire.card import SignAnswer
from tallystick.wire.journal import LANGUAGES, JournalFacts, counter_extension, render_journal
from tallystick.wire.pos_invoice import encode_json, invoice_result_json
from tallystick.wire.qr import qr_gif
from tallystick.wire.verification_url import VerificationData, to_url


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
    journal = _journal(request, taxes, signed, language, facts)
    url = _verification_url(signed, facts)
    qr_code = None if request.options.omit_qr_code else qr_gif(url)
    number = _number(signed, facts)
    local_time = from_unix_ms(signed.time_ms).astimezone(facts.setup.zone)
    result = InvoiceResult(
        number=number,
        sdc_time=local_time,
        type_counter=signed.type_counter,
        counter_extension=counter_extension(request.invoice_type, request.transaction_type, LANGUAGES[language]),
        tax_items=tuple(taxes),
        tax_group_revision=group_id,
        total_amount=request.total_amount,
        verification_url=url,
        verification_qr_code=qr_code,
        journal=journal,
        encrypted_internal_data=signed.encrypted_internal_data,
        signature=signed.signature,
        seller=facts.card.seller,
        mrc=facts.mrc,
    )
    answer = invoice_result_json(
        result,
        offset_minutes=utc_offset_minutes(local_time),
        include_qr=qr_code is not None,
        include_journal=not request.options.omit_journal,
    )
    return Invoice(ordinal=number.ordinal, package=_seal(request, result, facts), answer=encode_json(answer))


def _number(signed: SignAnswer, facts: Facts) -> SdcInvoiceNumber:
    return SdcInvoiceNumber(facts.card.uid, facts.card.uid, signed.total_counter)


def _journal(request: InvoiceRequest, taxes: Sequence[TaxItem], signed: SignAnswer, language: str, facts: Facts) -> str:
    """Step 8: the textual representation, always made because the package carries it (S2-065)."""
    texts = LANGUAGES[language]
    return render_journal(
        request,
        JournalFacts(
            seller=facts.card.seller,
            tax_items=tuple(taxes),
            total=request.total_amount,
            sdc_time=from_unix_ms(signed.time_ms),
            number=_number(signed, facts),
            type_counter=signed.type_counter,
            counter_extension=counter_extension(request.invoice_type, request.transaction_type, texts),
            currency=facts.currency,
        ),
        texts,
        facts.setup.zone,
    )


def _verification_url(signed: SignAnswer, facts: Facts) -> str:
    """Step 9: the signed bytes as a link."""
    return to_url(
        facts.setup.verification_prefix,
        VerificationData(
            requested_by=facts.card.uid,
            signed_by=facts.card.uid,
            total_counter=signed.total_counter,
            type_counter=signed.type_counter,
            amount=signed.amount,
            time_ms=signed.time_ms,
            invoice_type=signed.invoice_type,
            transaction_type=signed.transaction_type,
            buyer_id=signed.buyer_id,
            encrypted_internal_data=signed.encrypted_internal_data,
            signature=signed.signature,
        ),
    )


def _seal(request: InvoiceRequest, result: InvoiceResult, facts: Facts) -> bytes:
    """Step 11: the invoice without its QR code, closed for the authority (S2-038, S2-075 to S2-082)."""
    plain = write_audit_data(request, result)
    return write_sealed(SealedPackage(*seal_package(plain, facts.card.tax_core_key, moment=result.sdc_time)))
