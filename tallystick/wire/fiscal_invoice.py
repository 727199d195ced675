"""From a request to the values that are signed, and from a signature to the finished invoice (S2-033 to S2-037).

Whoever signs, a card at the premises or the hosted signer: the same values give the same journal, URL, QR code and
answer, byte for byte.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo

import attrs

from tallystick.kernel.faults import Fault, PosFault, PropertyError
from tallystick.kernel.identifiers import SdcInvoiceNumber, Uid
from tallystick.kernel.instants import from_unix_ms, unix_ms, utc_offset_minutes
from tallystick.kernel.invoice import InvoiceOptions, InvoiceRequest, InvoiceResult, Seller, TaxItem
from tallystick.kernel.status_codes import StatusCode
from tallystick.kernel.tax import category_totals
from tallystick.wire.card import SignAnswer, SignRequest
from tallystick.wire.journal import LANGUAGES, JournalFacts, counter_extension, render_journal
from tallystick.wire.pos_invoice import encode_json, invoice_result_json
from tallystick.wire.qr import qr_gif
from tallystick.wire.verification_url import VerificationData, to_url

_CARD_FIELD_FAULTS = {
    "TS-2005": PropertyError("items", StatusCode.OUT_OF_RANGE),
    "TS-2007": PropertyError("buyerId", StatusCode.VALUE_TOO_LONG),
}


@attrs.frozen(slots=True, kw_only=True)
class Issuer:
    """Who issues an invoice and what its paper looks like: the seller, the pair of UIDs, the country's habits."""

    requested_by: Uid
    signed_by: Uid
    seller: Seller
    mrc: str
    zone: tzinfo
    verification_prefix: str
    currency: str | None = None
    """What follows a rate that is an amount in the journal; none for the language's own sign."""


def sign_request(request: InvoiceRequest, taxes: tuple[TaxItem, ...], tin: str, moment: datetime) -> SignRequest:
    """Step 6: the exact values to sign, by our clock (S2-033); raises `PosFault` for what does not fit the fields."""
    made = SignRequest(
        time_ms=unix_ms(moment),
        tin=tin,
        buyer_id=(request.buyer_id or "").encode(),
        invoice_type=request.invoice_type,
        transaction_type=request.transaction_type,
        amount=request.total_amount,
        categories=category_totals(taxes),
    )
    try:
        made.encode()
    except Fault as fault:
        if fault.code not in _CARD_FIELD_FAULTS:
            raise
        raise PosFault((_CARD_FIELD_FAULTS[fault.code],)) from fault
    return made


def invoice_result(
    request: InvoiceRequest,
    taxes: Sequence[TaxItem],
    group_id: int,
    signed: SignAnswer,
    language: str,
    issuer: Issuer,
) -> InvoiceResult:
    """Steps 8 to 10: journal, verification URL, QR code; the same arguments give the same result."""
    number = SdcInvoiceNumber(issuer.requested_by, issuer.signed_by, signed.total_counter)
    texts = LANGUAGES[language]
    extension = counter_extension(request.invoice_type, request.transaction_type, texts)
    url = _verification_url(signed, issuer)
    facts = JournalFacts(
        seller=issuer.seller,
        tax_items=tuple(taxes),
        total=request.total_amount,
        sdc_time=from_unix_ms(signed.time_ms),
        number=number,
        type_counter=signed.type_counter,
        counter_extension=extension,
        currency=issuer.currency,
    )
    return InvoiceResult(
        number=number,
        sdc_time=from_unix_ms(signed.time_ms).astimezone(issuer.zone),
        type_counter=signed.type_counter,
        counter_extension=extension,
        tax_items=tuple(taxes),
        tax_group_revision=group_id,
        total_amount=request.total_amount,
        verification_url=url,
        verification_qr_code=None if request.options.omit_qr_code else qr_gif(url),
        journal=render_journal(request, facts, texts, issuer.zone),
        encrypted_internal_data=signed.encrypted_internal_data,
        signature=signed.signature,
        seller=issuer.seller,
        mrc=issuer.mrc,
    )


def answer_bytes(result: InvoiceResult, options: InvoiceOptions) -> bytes:
    """Step 12: the answer to the POS, without what it did not want (S2-037, S2-039)."""
    answer = invoice_result_json(
        result,
        offset_minutes=utc_offset_minutes(result.sdc_time),
        include_qr=result.verification_qr_code is not None,
        include_journal=not options.omit_journal,
    )
    return encode_json(answer)


def _verification_url(signed: SignAnswer, issuer: Issuer) -> str:
    """Step 9: the signed bytes as a link."""
    data = VerificationData(
        requested_by=issuer.requested_by,
        signed_by=issuer.signed_by,
        total_counter=signed.total_counter,
        type_counter=signed.type_counter,
        amount=signed.amount,
        time_ms=signed.time_ms,
        invoice_type=signed.invoice_type,
        transaction_type=signed.transaction_type,
        buyer_id=signed.buyer_id,
        encrypted_internal_data=signed.encrypted_internal_data,
        signature=signed.signature,
    )
    return to_url(issuer.verification_prefix, data)
