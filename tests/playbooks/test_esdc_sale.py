"""The twelve steps as a conversation: expect this need, answer that; each refusal at its step, and nothing after it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import attrs
import pytest
from cards import rsa_key, seller
from esdc_bench import PREFIX, START, UID, body, calm_country, pack, setup_commands

from tallystick.device.esdc.conversation import Conversation
from tallystick.device.esdc.facts import CardFacts, Facts, Position
from tallystick.device.esdc.fiscalise import Order, SignUncertain, Sold, fiscalise
from tallystick.device.esdc.sale_needs import FindAnswer, KeepIntent, KeepPackaged, Sign, Void
from tallystick.device.esdc.settings import EsdcSettings
from tallystick.device.esdc.setup import build_setup
from tallystick.device.secure_element import CardUnavailable, StatusWordError
from tallystick.kernel.faults import PosFault
from tallystick.kernel.hashing import sha256
from tallystick.kernel.identifiers import Uid
from tallystick.kernel.instants import from_unix_ms, unix_ms
from tallystick.wire.card import SignAnswer, SignRequest
from tallystick.wire.journal import LANGUAGES
from tallystick.wire.pos_languages import LanguageNotOffered
from tallystick.wire.verification_url import from_url

SETTINGS = EsdcSettings()
FRESH = Position(counter=0, last_signed_ms=0)


def facts(**card: Any) -> Facts:
    inserted = CardFacts(
        uid=Uid(UID),
        seller=seller(),
        environment="1.9",
        api_url="https://localhost/",
        not_before=START - timedelta(days=1),
        not_after=START + timedelta(days=365),
        version=(3, 2, 8),
        tax_core_key=calm_country().pki.public_key("package"),
        signing_key=rsa_key(0).public,
    )
    setup = build_setup({command.type: command.payload for command in setup_commands()}, LANGUAGES, "UTC")
    return Facts(card=attrs.evolve(inserted, **card), setup=setup, mrc="99-0100-" + UID)


def begin(
    order: Order | None = None,
    *,
    position: Position = FRESH,
    now: datetime = START,
    known: Facts | None = None,
    settings: EsdcSettings = SETTINGS,
) -> Conversation[Sold]:
    return fiscalise(order or Order(body=body()), known or facts(), position, now, settings)


def signed(request: SignRequest, *, total: int = 1, type_counter: int = 1) -> SignAnswer:
    return SignAnswer(
        time_ms=request.time_ms,
        tin=request.tin,
        buyer_id=request.buyer_id,
        invoice_type=request.invoice_type,
        transaction_type=request.transaction_type,
        amount=request.amount,
        type_counter=type_counter,
        total_counter=total,
        encrypted_internal_data=bytes(range(256)),
        signature=bytes(256),
    )


def end_of(conversation: Conversation[Sold], answer: Any) -> Sold:
    with pytest.raises(StopIteration) as end:
        conversation.send(answer)
    sold = end.value.value
    assert isinstance(sold, Sold)
    return sold


def test_s2_028_to_039_the_walk_of_a_sale() -> None:
    sale = begin(Order(body=body(), request_id="r1"))
    assert next(sale) == FindAnswer("r1", sha256(body()))
    intent = sale.send(None)
    assert isinstance(intent, KeepIntent)
    assert intent.intent.request == body()
    assert intent.intent.time_ms == unix_ms(START)
    assert intent.intent.counter_before == 0
    asked = sale.send(17)
    assert isinstance(asked, Sign)
    assert asked.request.encode() == intent.intent.sign_request, "the intent holds the very bytes for the card"
    package = sale.send(signed(asked.request))
    assert isinstance(package, KeepPackaged)
    assert package.sale == 17
    assert package.invoice.ordinal == 1
    sold = end_of(sale, None)
    assert sold.answer == package.invoice.answer
    assert sold.sale == 17


def test_the_same_request_gets_the_stored_answer_and_the_card_is_not_asked() -> None:
    sale = begin(Order(body=body(), request_id="r1"))
    next(sale)
    sold = end_of(sale, b"as before")
    assert (sold.answer, sold.sale, sold.signed) == (b"as before", None, None)


def to_sign(sale: Conversation[Sold]) -> SignRequest:
    assert isinstance(next(sale), KeepIntent)
    asked = sale.send(1)
    assert isinstance(asked, Sign)
    return asked.request


def packaged(sale: Conversation[Sold], answer: SignAnswer) -> KeepPackaged:
    package = sale.send(answer)
    assert isinstance(package, KeepPackaged)
    return package


def test_s2_059_card_url_and_answer_say_the_same_instant() -> None:
    sale = begin(now=START + timedelta(microseconds=456))
    request = to_sign(sale)
    answer = json.loads(packaged(sale, signed(request)).invoice.answer)
    assert request.time_ms == unix_ms(START)
    assert from_url(answer["verificationUrl"]).time_ms == request.time_ms
    assert datetime.fromisoformat(answer["sdcDateTime"][:26] + answer["sdcDateTime"][27:]) == START
    assert answer["verificationUrl"].startswith(PREFIX)


@pytest.mark.parametrize(
    ("changes", "errors"),
    [
        ({"items": []}, [("items", "2807")]),
        ({"invoiceType": "Nonsense"}, [("invoiceType", "2805")]),
        ({"transactionType": "Refund"}, [("referentDocumentNumber", "2800")]),
        (
            {"items": [{"name": "x", "quantity": 1, "unitPrice": 1, "labels": ["A", "Q"], "totalAmount": 1}]},
            [("items[0].labels[1]", "2310")],
        ),
        ({"buyerId": "Б" * 11}, [("buyerId", "2801")]),
    ],
)
def test_s2_029_a_bad_request_is_refused_before_anything_is_stored(
    changes: dict[str, Any], errors: list[tuple[str, str]]
) -> None:
    with pytest.raises(PosFault) as refusal:
        next(begin(Order(body=body(**changes))))
    assert [(error.property, str(error.code)) for error in refusal.value.errors] == errors


def expiring(at: datetime) -> Facts:
    return facts(not_after=at)


def test_k_25_from_the_moment_of_expiry_on_nothing_is_signed() -> None:
    """S2-027, S2-030: 2809 and no APDU 13."""
    expiry = START + timedelta(seconds=10)
    with pytest.raises(PosFault, match="2809"):
        next(begin(known=expiring(expiry), now=expiry))
    assert isinstance(next(begin(known=expiring(expiry), now=expiry - timedelta(milliseconds=1))), KeepIntent)


def at(moment: datetime, counter: int = 5) -> Position:
    return Position(counter=counter, last_signed_ms=unix_ms(moment))


def test_a_clock_that_went_back_refuses() -> None:
    tolerance = SETTINGS.clock_back_tolerance
    with pytest.raises(PosFault, match="1999"):
        next(begin(position=at(START), now=START - tolerance - timedelta(milliseconds=1)))
    with pytest.raises(PosFault, match="1999"):
        next(begin(now=datetime(1999, 12, 31, tzinfo=START.tzinfo)))
    assert isinstance(next(begin(position=at(START), now=START - tolerance)), KeepIntent)


def test_no_invoice_is_older_than_the_last_one_and_no_two_have_one_time() -> None:
    """Within the tolerance the clock may step back; the signed time does not."""
    for now in (START, START - timedelta(minutes=1)):
        assert to_sign(begin(position=at(START), now=now)).time_ms == unix_ms(START) + 1


def choose(reference: str | None, kind: str = "Refund") -> int:
    changes: dict[str, Any] = {"transactionType": kind, "referentDocumentNumber": f"{UID}-{UID}-1"}
    if reference:
        changes["referentDocumentDT"] = reference
    keep = next(begin(Order(body=body(**changes))))
    assert isinstance(keep, KeepIntent)
    return keep.intent.group_id


def test_s2_031_the_rate_group_of_a_refund_is_that_of_its_reference() -> None:
    old, new = pack().tax_groups
    assert choose(None) == new.group_id
    assert choose("2020-05-01T10:00:00Z") == old.group_id
    assert choose("2026-05-01T10:00:00Z") == new.group_id
    assert choose("2020-05-01T10:00:00Z", "Sale") == new.group_id
    with pytest.raises(PosFault, match="referentDocumentDT:2805"):
        choose("2001-01-01T00:00:00Z")


def test_c_17_a_country_may_want_the_time_of_the_reference() -> None:
    strict = EsdcSettings(reference_time_required=True)
    refund = Order(body=body(transactionType="Refund", referentDocumentNumber=f"{UID}-{UID}-1"))
    with pytest.raises(PosFault, match="referentDocumentDT:2800"):
        next(begin(refund, settings=strict))
    assert isinstance(next(begin(refund)), KeepIntent)


def test_nothing_refers_to_the_future() -> None:
    """The authority would answer 74 after the buyer has the receipt: refused before the card is asked."""
    number = f"{UID}-{UID}-1"
    ahead = body(transactionType="Refund", referentDocumentNumber=number, referentDocumentDT="2036-05-01T10:00:00Z")
    with pytest.raises(PosFault, match="referentDocumentDT:2805"):
        next(begin(Order(body=ahead)))


REFUSALS = {
    0x6301: "1500",
    0x6305: "2210",
    0x6307: "2210",
    0x6308: "2809",
    0x6310: "2110",
    0x6A80: "2310",
    0x6304: "2220",
    0x63FF: "2220",
    0x6700: "2220",
}


@pytest.mark.parametrize(("status_word", "code"), REFUSALS.items())
def test_a_refusal_of_the_card_voids_the_intent(status_word: int, code: str) -> None:
    sale = begin()
    to_sign(sale)
    assert sale.throw(StatusWordError(0x13, status_word)) == Void(1)
    with pytest.raises(PosFault, match=code):
        sale.send(None)


@pytest.mark.parametrize("status_word", [0x6F00, 0x6581, 0x1234])
def test_a_word_that_does_not_exclude_a_signature_leaves_the_intent_open(status_word: int) -> None:
    sale = begin()
    to_sign(sale)
    with pytest.raises(SignUncertain):
        sale.throw(StatusWordError(0x13, status_word))


def test_a_card_that_is_lost_while_it_signs_leaves_the_intent_open() -> None:
    sale = begin()
    to_sign(sale)
    with pytest.raises(CardUnavailable):
        sale.throw(CardUnavailable("taken out"))


def wrong_answers(request: SignRequest) -> Iterator[SignAnswer]:
    yield signed(attrs.evolve(request, time_ms=request.time_ms - 1), total=6)
    yield signed(attrs.evolve(request, tin="1"), total=6)
    yield signed(request, total=5)


def test_an_answer_for_another_invoice_is_never_given_to_the_pos() -> None:
    for number in range(3):
        sale = begin(position=at(START - timedelta(hours=1)))
        wrong = list(wrong_answers(to_sign(sale)))[number]
        with pytest.raises(SignUncertain):
            sale.send(wrong)


def invoice(order: Order) -> dict[str, Any]:
    sale = begin(order)
    answer = json.loads(packaged(sale, signed(to_sign(sale), total=16, type_counter=6)).invoice.answer)
    assert isinstance(answer, dict)
    return answer


def test_s2_035_the_journal_is_in_the_language_of_the_pos() -> None:
    assert invoice(Order(body=body(), accept_language="fr-FR;en-US"))["invoiceCounter"] == "6/16NS"
    serbian = invoice(Order(body=body(), accept_language="sr-Cyrl-RS"))
    assert serbian["invoiceCounterExtension"] == "ПП"
    assert "ФИСКАЛНИ РАЧУН" in serbian["journal"]
    assert "Helmet/kom" in serbian["journal"], "S2-071: names are never translated"
    with pytest.raises(LanguageNotOffered):
        next(begin(Order(body=body(), accept_language="fr-FR")))


def test_s2_037_and_039_qr_code_and_journal_only_when_wanted() -> None:
    omitted = invoice(Order(body=body(options={"omitQRCodeGen": "1", "omitTextualRepresentation": "1"})))
    assert omitted["verificationQRCode"] is None
    assert omitted["journal"] is None
    wanted = invoice(Order(body=body(options=None)))
    assert wanted["verificationQRCode"].startswith("R0lGOD")
    assert wanted["journal"]


def test_s2_074_the_seller_comes_from_the_card() -> None:
    answer = invoice(Order(body=body()))
    assert answer["tin"] == seller().tin
    assert answer["businessName"] == seller().business_name
    assert answer["locationName"] == seller().location_name
    assert answer["mrc"] == "99-0100-" + UID


def test_step_six_gives_the_card_the_taxes_of_each_category() -> None:
    items = [
        {"name": "a", "quantity": 1, "unitPrice": 10, "labels": ["A"], "totalAmount": 10},
        {"name": "p", "quantity": 2, "unitPrice": 1, "labels": ["P"], "totalAmount": 2},
    ]
    request = to_sign(begin(Order(body=body(items=items))))
    assert [(order_id, str(amount)) for order_id, amount in request.categories] == [(1, "0.8257"), (4, "1.0000")]
    assert str(request.amount) == "12.0000"
    assert from_unix_ms(request.time_ms) == START
