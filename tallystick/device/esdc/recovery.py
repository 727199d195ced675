"""After any stop: compare what was intended with what the card says, and finish or void it. Nothing is signed twice.

`judge` is the table of the recovery rules; `recover` walks it for each open intent. A card that another device used
meanwhile, or that went back in time, stops the device until service has looked at it.
"""

from __future__ import annotations

import logging
from datetime import datetime
from enum import Enum, auto

import attrs
import msgspec

from tallystick.device.esdc.conversation import Conversation, Means, Need, ask
from tallystick.device.esdc.facts import Facts, Position
from tallystick.device.esdc.fiscalise import answers
from tallystick.device.esdc.invoice import Invoice, complete
from tallystick.device.esdc.sale_needs import KeepPackaged, Void
from tallystick.device.esdc.store import Intent, Newest, OpenIntent, SaleState
from tallystick.device.secure_element import CardPort, CardUnavailable, SecureElement
from tallystick.device.secure_element.exchange import exchange
from tallystick.device.secure_element.session import CLA, LAST_SIGNED_INVOICE
from tallystick.kernel.instants import unix_ms
from tallystick.wire.apdu import EXTENDED_BYTES, CommandApdu, StatusWord
from tallystick.wire.card import SignAnswer
from tallystick.wire.pos_invoice import parse_invoice_request
from tallystick.wire.tax_record import read_taxes

log = logging.getLogger(__name__)


class CardDisagrees(Exception):
    """The card stands where neither this device nor its last intent put it: signing stops until service looks."""


class NotConfigured(Exception):
    """An interrupted sale waits for the authority's configuration before it can be finished."""


class Verdict(Enum):
    """What became of an intent."""

    NOT_SIGNED = auto()
    TAKE_ON = auto()
    SIGNED_WITHOUT_RESULT = auto()
    USED_ELSEWHERE = auto()


@attrs.frozen(slots=True)
class CardPosition:
    """The card's total counter, and its last result where that could be read."""

    counter: int
    last: SignAnswer | None


def judge(intent: Intent, card: CardPosition) -> Verdict:
    """The table: counter as before, one further with our bytes, one further without a result, anything else."""
    if card.counter == intent.counter_before:
        return Verdict.NOT_SIGNED
    if card.counter != intent.counter_before + 1:
        return Verdict.USED_ELSEWHERE
    if card.last is None:
        return Verdict.SIGNED_WITHOUT_RESULT
    return Verdict.TAKE_ON if answers(card.last, intent) else Verdict.USED_ELSEWHERE


_COUNTER_AT = slice(61, 65)


def read_position(card: SecureElement, port: CardPort) -> CardPosition:
    """The last result, or at least the total counter in its head where the rest cannot be read."""
    try:
        last = card.last_signed_invoice()
    except CardUnavailable:
        answer = exchange(port, CommandApdu(CLA, LAST_SIGNED_INVOICE, 0x04, 0x00, le=EXTENDED_BYTES))
        head = answer.data[: _COUNTER_AT.stop]
        if answer.status_word != StatusWord.OK or len(head) != _COUNTER_AT.stop:
            raise
        return CardPosition(int.from_bytes(head[_COUNTER_AT], "big"), None)
    return CardPosition(0 if last is None else last.total_counter, last)


@attrs.frozen(slots=True)
class ReadPosition(Need[CardPosition]):
    """APDU 15."""

    def perform(self, means: Means) -> CardPosition:
        """Ask the card; raises `StatusWordError` or `CardUnavailable`."""
        return read_position(means.card, means.port)


@attrs.frozen(slots=True)
class FindOpenIntents(Need[list[OpenIntent]]):
    """What a stop interrupted."""

    def perform(self, means: Means) -> list[OpenIntent]:
        """Read it from the store."""
        return means.store.open_intents()


@attrs.frozen(slots=True)
class FindNewest(Need[Newest]):
    """The highest ordinal that the store knows."""

    def perform(self, means: Means) -> Newest:
        """Read it from the store."""
        return means.store.newest()


@attrs.frozen(slots=True)
class KeepSigned(Need[None]):
    """The result was read back from the card."""

    sale: int
    sign_answer: bytes

    def perform(self, means: Means) -> None:
        """Store it durably."""
        means.store.keep_signed(self.sale, self.sign_answer)


@attrs.frozen(slots=True)
class KeepGap(Need[None]):
    """An ordinal was used, its result is lost."""

    sale: int
    ordinal: int
    document: bytes
    found_ms: int

    def perform(self, means: Means) -> None:
        """Store what is known."""
        means.store.keep_gap(self.sale, self.ordinal, self.document, self.found_ms)


def recover(facts: Facts | None, now: datetime) -> Conversation[Position]:
    """Settle every open intent and give the position to go on from.

    Raises `CardDisagrees`, `NotConfigured` (only with an open intent), and what the needs raise.
    """
    card = yield from ask(ReadPosition())
    for found in (yield from ask(FindOpenIntents())):
        yield from _settle(found, card, facts, now)
    newest = yield from ask(FindNewest())
    if card.counter < newest.ordinal:
        raise CardDisagrees(f"the card counts {card.counter}, invoice {newest.ordinal} was signed before")
    if newest.ordinal and card.counter > newest.ordinal:
        log.warning("ordinals %d to %d were signed elsewhere", newest.ordinal + 1, card.counter)
    signed_ms = card.last.time_ms if card.last is not None else 0
    return Position(counter=card.counter, last_signed_ms=max(signed_ms, newest.time_ms))


def _settle(found: OpenIntent, card: CardPosition, facts: Facts | None, now: datetime) -> Conversation[None]:
    if found.state is SaleState.SIGNED:
        assert found.sign_answer is not None
        yield from _package(found, SignAnswer.decode(found.sign_answer), facts)
        return
    verdict = judge(found.intent, card)
    if verdict is Verdict.NOT_SIGNED:
        yield from ask(Void(found.sale))
    elif verdict is Verdict.TAKE_ON:
        assert card.last is not None
        yield from ask(KeepSigned(found.sale, card.last.raw))
        yield from _package(found, card.last, facts)
    elif verdict is Verdict.SIGNED_WITHOUT_RESULT:
        yield from ask(KeepGap(found.sale, card.counter, gap_document(found.intent, card.counter), unix_ms(now)))
    else:
        raise CardDisagrees(f"the card counts {card.counter}, the intent {found.intent.counter_before} before it")


def _package(found: OpenIntent, signed: SignAnswer, facts: Facts | None) -> Conversation[None]:
    if facts is None:
        raise NotConfigured
    invoice = finish(found.intent, signed, facts)
    yield from ask(KeepPackaged(found.sale, invoice))


def finish(intent: Intent, signed: SignAnswer, facts: Facts) -> Invoice:
    """Journal, URL and package of an interrupted sale, from the same request, taxes and result."""
    request = parse_invoice_request(intent.request, zone=facts.setup.zone, may_be_wrapped=True)
    return complete(request, read_taxes(intent.taxes), intent.group_id, signed, intent.language, facts)


def gap_document(intent: Intent, ordinal: int) -> bytes:
    """All that is known of an ordinal whose result is lost: everything but internal data and signature."""
    return msgspec.json.encode(
        {
            "ordinal": ordinal,
            "requestId": intent.request_id,
            "request": intent.request.decode("utf-8", "replace"),
            "taxGroupRevision": intent.group_id,
            "taxes": [
                {"label": tax.label, "category": tax.category_name, "amount": str(tax.amount)}
                for tax in read_taxes(intent.taxes)
            ],
            "sentToCard": intent.sign_request.hex(),
        }
    )
