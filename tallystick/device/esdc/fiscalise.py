"""The walk of one sale in twelve steps (S2-028 to S2-039), as a conversation with the card and the store.

Each step is small, and each refuses with one coded fault. The intent, with the exact bytes and the time that go to the
card, is stored before the card is asked; the package is stored before the POS is answered.
"""

from __future__ import annotations

from datetime import datetime

import attrs

from tallystick.device.esdc.conversation import Conversation, ask
from tallystick.device.esdc.facts import Facts, Position
from tallystick.device.esdc.invoice import complete
from tallystick.device.esdc.sale_needs import FindAnswer, KeepIntent, KeepPackaged, Sign, Void
from tallystick.device.esdc.settings import EsdcSettings
from tallystick.device.esdc.store import Intent
from tallystick.device.secure_element import StatusWordError, status_code_for
from tallystick.kernel.faults import PosFault
from tallystick.kernel.fiscalisation import (
    check_clock,
    check_reference,
    check_validity,
    choose_rate_group,
    signing_time,
    tax_items,
)
from tallystick.kernel.hashing import sha256
from tallystick.wire.card import SignAnswer, SignRequest
from tallystick.wire.fiscal_invoice import sign_request
from tallystick.wire.pos_invoice import parse_invoice_request
from tallystick.wire.pos_languages import choose_language
from tallystick.wire.tax_record import write_taxes

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
    check_reference(request, now, time_required=settings.reference_time_required)
    check_clock(position.last_signed_ms, now, settings.clock_back_tolerance)
    moment = signing_time(position.last_signed_ms, now)
    check_validity(facts.card.not_after, moment)  # step 3
    group = choose_rate_group(request, facts.setup.rate_groups, moment)  # step 4
    taxes = tax_items(request, group)  # step 5
    to_sign = sign_request(request, taxes, facts.card.seller.tin, moment)  # step 6
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
