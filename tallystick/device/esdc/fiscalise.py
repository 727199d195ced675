"""The walk of one sale in twelve steps (S2-028 to S2-039), as a conversation with the card and the store.

Each step is small, and each refuses with one coded fault. The intent, with the exact bytes and the time that go to the
card, is stored before the card is asked; the package is stored before the POS is answered.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import attrs

from tallystick.device.esdc.conversation import Conversation, ask
from tallystick.device.esdc.facts import CardFacts, Facts, Position
from tallystick.device.esdc.invoice import complete
from tallystick.device.esdc.languages import choose_language
from tallystick.device.esdc.sale_needs import FindAnswer, KeepIntent, KeepPackaged, Sign, Void
from tallystick.device.esdc.settings import EsdcSettings
from tallystick.device.esdc.store import Intent
from tallystick.device.esdc.tax_record import write_taxes
from tallystick.device.secure_element import StatusWordError, status_code_for
from tallystick.kernel.faults import Fault, PosFault, PropertyError
from tallystick.kernel.hashing import sha256
from tallystick.kernel.instants import from_unix_ms, to_milliseconds, unix_ms
from tallystick.kernel.invoice import InvoiceRequest, InvoiceType, TaxItem, TransactionType
from tallystick.kernel.status_codes import StatusCode
from tallystick.kernel.tax import calculate_taxes, category_totals
from tallystick.kernel.tax_rates import TaxRateGroup, group_at, moment_for_rates
from tallystick.wire.card import SignAnswer, SignRequest
from tallystick.wire.pos_invoice import parse_invoice_request

CLOCK_NOT_SET_BEFORE = datetime(2000, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
SIGNED_HEAD_BYTES = 57
"""Offsets 0 to 56 stand alike in what the card is sent and in what it answers."""

REFUSED_BEFORE_SIGNING = frozenset(
    {
        0x6301,
        0x6304,
        0x6305,
        0x6307,
        0x6308,
        0x6310,
        0x63FF,
        0x6700,
        0x6A80,
        0x6A82,
        0x6A86,
        0x6982,
        0x6985,
        0x6D00,
        0x6E00,
    }
)
"""Status words after which the card certainly signed nothing (wire: 7.5)."""


@attrs.frozen(slots=True, kw_only=True)
class Order:
    """What a POS sent: the body as received and the headers that matter."""

    body: bytes
    request_id: str | None = None
    accept_language: str | None = None
    api_key: str | None = attrs.field(default=None, repr=False)


@attrs.frozen(slots=True, kw_only=True)
class Sold:
    """The end of a sale: the answer's bytes; `sale` and `signed` are none when the answer was given before."""

    answer: bytes
    sale: int | None = None
    signed: SignAnswer | None = None


class SignUncertain(Exception):
    """The card's answer does not say whether it signed: the intent must be judged before anything else is signed."""


def fiscalise(
    order: Order, facts: Facts, position: Position, now: datetime, settings: EsdcSettings
) -> Conversation[Sold]:
    """Turn a POS's bytes into a signed, stored invoice; gives the bytes of the answer.

    Raises `PosFault`, `LanguageNotOffered`, `SignUncertain`, and what the needs raise.
    """
    request_hash = sha256(order.body)
    answered = yield from _answered_before(order, request_hash)
    if answered is not None:
        return Sold(answer=answered)
    language = choose_language(order.accept_language, facts.setup.languages)
    zone, older = facts.setup.zone, settings.older_dialect
    request = parse_invoice_request(order.body, zone=zone, may_be_wrapped=older)  # steps 1 and 2
    settings.accreditation.check(request.invoice_number, order.api_key)
    check_reference(request, settings, now)
    check_clock(position, now, settings.clock_back_tolerance)
    moment = signing_time(position, now)
    check_validity(facts.card, moment)  # step 3
    group = choose_rate_group(request, facts, moment)  # step 4
    taxes = tax_items(request, group)  # step 5
    to_sign = sign_request(request, taxes, facts.card, moment)  # step 6
    intent = Intent(
        request_id=order.request_id,
        request_hash=request_hash,
        request=order.body,
        language=language,
        time_ms=to_sign.time_ms,
        group_id=group.group_id,
        taxes=write_taxes(taxes),
        sign_request=to_sign.encode(),
        counter_before=position.counter,
    )
    sale = yield from ask(KeepIntent(intent))
    signed = yield from _sign(sale, to_sign, intent)  # step 7
    invoice = complete(request, taxes, group.group_id, signed, language, facts)  # steps 8 to 11
    yield from ask(KeepPackaged(sale, invoice))
    return Sold(answer=invoice.answer, sale=sale, signed=signed)  # step 12


def _answered_before(order: Order, request_hash: bytes) -> Conversation[bytes | None]:
    """Same request id and same bytes: the stored answer again, and nothing is signed."""
    if order.request_id is None:
        return None
    return (yield from ask(FindAnswer(order.request_id, request_hash)))


def check_reference(request: InvoiceRequest, settings: EsdcSettings, now: datetime) -> None:
    """Step 2, by the country: copies and refunds may need the time of what they refer to (C-17).

    Nothing refers to the future: the authority would answer 74, after the buyer has the receipt.
    """
    reference = request.referent_document_dt
    if reference is not None and reference > now:
        raise PosFault.single(StatusCode.INVALID_VALUE, "referentDocumentDT")
    refers_back = request.invoice_type is InvoiceType.COPY or request.transaction_type is TransactionType.REFUND
    if settings.reference_time_required and refers_back and reference is None:
        raise PosFault.single(StatusCode.FIELD_REQUIRED, "referentDocumentDT")


def check_validity(card: CardFacts, moment: datetime) -> None:
    """Step 3: stop from the very moment of expiry on (S2-027, S2-030, K-25)."""
    if moment >= card.not_after:
        raise PosFault.single(StatusCode.SECURE_ELEMENT_EXPIRED)


def check_clock(position: Position, moment: datetime, tolerance: timedelta) -> None:
    """A clock before 2000, or clearly behind the last signed invoice, is not set: refuse with 1999."""
    if moment < CLOCK_NOT_SET_BEFORE or moment + tolerance < from_unix_ms(position.last_signed_ms):
        raise PosFault.single(StatusCode.UNDEFINED_WARNING)


def signing_time(position: Position, now: datetime) -> datetime:
    """Whole milliseconds (S2-059), later than the last invoice: none is older than the one before, no two are alike.

    A card answers the same bytes with its old result, so equal baskets of one millisecond must differ in their time.
    """
    after_last = from_unix_ms(position.last_signed_ms) + _MILLISECOND
    return max(to_milliseconds(now), after_last)


def choose_rate_group(request: InvoiceRequest, facts: Facts, moment: datetime) -> TaxRateGroup:
    """Step 4: the rates in force now, or at the reference's time (S2-031, S2-042 to S2-044)."""
    reference = moment_for_rates(request, moment)
    group = group_at(facts.setup.rate_groups, reference)
    if group is None and reference is not moment:
        raise PosFault.single(StatusCode.INVALID_VALUE, "referentDocumentDT")
    if group is None:
        raise PosFault.single(StatusCode.NOT_CONFIGURED)
    return group


def tax_items(request: InvoiceRequest, group: TaxRateGroup) -> tuple[TaxItem, ...]:
    """Step 5: taxes by label; every unknown label is named (S2-032)."""
    try:
        return calculate_taxes(request.items, group)
    except Fault as fault:
        if fault.code != "TS-2001":
            raise
        wrong = tuple(PropertyError(field.pointer, StatusCode.INVALID_TAX_LABELS) for field in fault.fields)
        raise PosFault(wrong) from fault


_CARD_FIELD_FAULTS = {
    "TS-2005": PropertyError("items", StatusCode.OUT_OF_RANGE),
    "TS-2007": PropertyError("buyerId", StatusCode.VALUE_TOO_LONG),
}


def sign_request(request: InvoiceRequest, taxes: tuple[TaxItem, ...], card: CardFacts, moment: datetime) -> SignRequest:
    """Step 6: the exact values for the card, by its clock and ours (S2-033); what does not fit is refused here."""
    made = SignRequest(
        time_ms=unix_ms(moment),
        tin=card.seller.tin,
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


def _sign(sale: int, to_sign: SignRequest, intent: Intent) -> Conversation[SignAnswer]:
    """Step 7: a refusal voids the intent; an answer that is not for this request leaves it to be judged."""
    try:
        signed = yield from ask(Sign(to_sign))
    except StatusWordError as error:
        if error.status_word not in REFUSED_BEFORE_SIGNING:
            raise SignUncertain(str(error)) from error
        yield from ask(Void(sale))
        raise PosFault.single(status_code_for(error.status_word, error.instruction)) from error
    if not answers(signed, intent):
        raise SignUncertain("the card answered for another invoice")
    return signed


def answers(signed: SignAnswer, intent: Intent) -> bool:
    """Whether a result of the card is the one that an intent asked for."""
    same = signed.raw[:SIGNED_HEAD_BYTES] == intent.sign_request[:SIGNED_HEAD_BYTES]
    return same and signed.total_counter > intent.counter_before
