"""One invoice of a POS without a card, prepared: checks, rates, taxes, counters, and the exact text to be signed.

The same steps as on a card at the premises (S2-028 to S2-033); only the counters are those of the pair, and the TIN
under the signature is that of the taxpayer who asks.
"""

from __future__ import annotations

from datetime import datetime

import attrs

from tallystick.authority.channels.vsdc.counters import categories_needed, count
from tallystick.authority.channels.vsdc.pairs import Pair
from tallystick.authority.channels.vsdc.services import VsdcServices
from tallystick.authority.channels.vsdc.values import Act
from tallystick.authority.reference.registry.values import SecureElementEntry
from tallystick.crypto.envelope import seal_internal_data
from tallystick.kernel.fiscalisation import (
    check_clock,
    check_reference,
    check_validity,
    choose_rate_group,
    signing_time,
    tax_items,
)
from tallystick.kernel.identifiers import Uid
from tallystick.kernel.invoice import InvoiceRequest, InvoiceResult, TaxItem, counter_index
from tallystick.wire.audit_package import AuditData, write_audit_data
from tallystick.wire.card import InternalData, SignAnswer, SignRequest, signed_text
from tallystick.wire.fiscal_invoice import Issuer, invoice_result, sign_request
from tallystick.wire.tax_record import write_taxes


@attrs.frozen(slots=True, kw_only=True)
class Order:
    """What a POS sent: the body as received and the headers that matter."""

    body: bytes
    request_id: str | None = None
    accept_language: str | None = None


@attrs.frozen(slots=True, kw_only=True)
class Prepared:
    """An invoice that can be signed: the act to store, and what was read and counted for it."""

    request: InvoiceRequest
    taxes: tuple[TaxItem, ...]
    internal: InternalData
    act: Act


def prepare(
    services: VsdcServices,
    order: Order,
    request: InvoiceRequest,
    language: str,
    elements: tuple[SecureElementEntry, SecureElementEntry],
    pair: Pair,
) -> Prepared:
    """Steps 2 to 6; ``elements`` are the POS and the signing element. Raises `PosFault`; changes nothing."""
    requester, signer = elements
    now, last_ms = services.clock(), pair.internal.time_ms
    check_reference(request, now, time_required=services.pack.reference_time_required)
    check_clock(last_ms, now, services.clock_back_tolerance)
    moment = signing_time(last_ms, now)
    check_validity(min(requester.not_after, signer.not_after), moment)
    group = choose_rate_group(request, services.rates.groups, moment)
    taxes = tax_items(request, group)
    wanted = sign_request(request, taxes, requester.tin, moment)
    internal = count(pair.internal, wanted, categories_needed(services.rates.groups))
    counters = internal.encode()
    act = Act(
        request=order.body,
        language=language,
        group_id=group.group_id,
        taxes=write_taxes(taxes),
        text=_text(services, wanted, internal, counters, moment),
        internal=counters,
        mrc=services.mrc,
        verification_prefix=services.verification_prefix,
    )
    return Prepared(request=request, taxes=taxes, internal=internal, act=act)


def _text(
    services: VsdcServices, wanted: SignRequest, internal: InternalData, counters: bytes, moment: datetime
) -> bytes:
    """The 321 or 577 bytes: what was asked, two counters, and all ``counters`` sealed for the authority."""
    return signed_text(
        wanted.time_ms,
        wanted.tin,
        wanted.buyer_id,
        wanted.invoice_type,
        wanted.transaction_type,
        wanted.amount,
        internal.type_counters[counter_index(wanted.invoice_type, wanted.transaction_type)],
        internal.total_counter,
        seal_internal_data(counters, services.encryption_key, moment=moment),
    )


def finished(
    services: VsdcServices, prepared: Prepared, signature: bytes, requester: SecureElementEntry, signed_by: Uid
) -> AuditData:
    """Steps 8 to 11: what the ledger gets; the same act and signature give the same bytes."""
    act = prepared.act
    issuer = Issuer(
        requested_by=requester.uid,
        signed_by=signed_by,
        seller=requester.seller,
        mrc=act.mrc,
        zone=services.zone,
        verification_prefix=act.verification_prefix,
        currency=services.pack.currency,
    )
    signed = SignAnswer.decode(act.text + signature)
    result: InvoiceResult = invoice_result(prepared.request, prepared.taxes, act.group_id, signed, act.language, issuer)
    return AuditData(prepared.request, result, write_audit_data(prepared.request, result))
