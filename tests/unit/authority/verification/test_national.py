"""National receipts at the public listener: each answer, in each language, and nothing that a code may claim (K-19)."""

from __future__ import annotations

import copy
import re
from datetime import timedelta

import attrs
import pytest
from national_page import AT, SELLER, NationalPage, altered
from public_bench import BROWSER, PROGRAM

from benchmarks.national_documents import Made, Register
from tallystick.authority.ledger.entry import LeafFlag
from tallystick.authority.projections.verification.api import build_app
from tallystick.authority.projections.verification.check import State
from tallystick.authority.projections.verification.claims import Claim
from tallystick.authority.projections.verification.unknown_codes import UnknownCodes
from tallystick.authority.projections.verification.words import PAGE_LANGUAGES
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.identifiers import SdcInvoiceNumber, Uid
from tallystick.kernel.national_document import DocumentType


def number_of(made: Made) -> SdcInvoiceNumber:
    return SdcInvoiceNumber.parse(made.number)


def test_s0_018_a_booked_receipt_is_valid_with_seller_items_taxes_and_proof(page: NationalPage) -> None:
    made = page.till.sell("10.90", buyer_id="10:998877665")
    page.put(made)
    answer = page.ask(made).json
    assert (answer["status"], answer["isValid"], answer["differs"]) == ("valid", True, [])
    assert answer["seller"]["businessName"] == SELLER.business_name
    assert answer["document"]["items"][0] | {"gtin": None} == {
        "name": "Bread", "gtin": None, "quantity": "1.000", "price": "10.9000", "total": "10.9000", "labels": ["A"],
    }  # fmt: skip
    assert answer["document"]["taxes"] == [{"label": "A", "rate": "9.00000000", "amount": "0.9000"}]
    assert answer["proof"]["index"] == 1
    shown = page.ask(made, BROWSER)
    assert shown.ids["invoiceNumberLabel"] == made.number
    assert shown.ids["shopFullNameLabel"] == SELLER.location_name
    assert "998877665" not in shown.text + page.ask(made).text, "who bought is nobody's business"
    assert "Ana" not in shown.text
    assert "proof" in shown.ids
    assert not page.noted


@pytest.mark.parametrize("spelling", ["/r/{}", "/R/{}", "/r/{}/", "/v/?r={}", "/V?r={}"])
def test_every_spelling_of_the_address_leads_to_the_answer(page: NationalPage, spelling: str) -> None:
    made = page.till.sell()
    page.put(made)
    assert page.bench.get(spelling.format(made.letters), PROGRAM).json["status"] == "valid"


def test_nothing_is_valid_before_the_gate(page: NationalPage) -> None:
    made = page.till.sell()
    page.put(made, acked=False)
    assert page.told(made) == ("pending", False)
    hours = PAGE_LANGUAGES["en-US"].national["pendingNote"].format(hours=72)
    assert hours not in page.ask(made, BROWSER).text, "it is no matter of hours"
    page.bench.now += timedelta(days=30)
    assert page.told(made) == ("pending", False)
    assert not page.noted, "a buyer who looks at once accuses nobody"


@pytest.mark.parametrize(
    ("changes", "differs"),
    [
        ({"total": Money.of("1.09")}, ["total"]),
        ({"time_ms": 1}, ["time"]),
        ({"document_type": int(DocumentType.CORRECTION)}, ["type"]),
        ({"total": Money.of("1.09"), "time_ms": 1}, ["total", "time"]),
    ],
)
def test_k_19_what_the_code_says_otherwise_does_not_match(
    page: NationalPage, changes: dict[str, object], differs: list[str]
) -> None:
    """The taxpayer prints one amount and reports another: the page shows what was reported, and somebody is told."""
    made = page.till.sell("10.90")
    page.put(made)
    answer = page.ask(altered(made, page.till, **changes)).json
    assert (answer["status"], answer["isValid"], answer["differs"]) == ("mismatch", False, differs)
    assert answer["document"]["total"] == "10.9000"
    assert [(one.state, list(one.differs)) for one in page.noted] == [(State.MISMATCH, differs)]
    shown = page.ask(altered(made, page.till, **changes), BROWSER)
    assert shown.ids["totalAmountLabel"] == "10.90"
    assert PAGE_LANGUAGES["en-US"].national[differs[0]] in shown.text


def test_another_receipt_under_the_number_does_not_match_and_is_not_shown(page: NationalPage) -> None:
    twin = Register(copy.copy(page.till.device), page.till.at, state=page.till.state)
    made, second = page.till.sell("10.90"), twin.sell("99.00")
    assert second.number == made.number
    page.put(second)
    answer = page.ask(made).json
    assert (answer["status"], answer["anotherReceiptHasThisNumber"]) == ("mismatch", True)
    assert answer["document"] is None
    assert "99.00" not in page.ask(made, BROWSER).text
    assert page.noted[0].other


def test_s0_097_an_offline_receipt_is_pending_and_overdue_after_the_limit(offline: NationalPage) -> None:
    made = offline.till.sell()
    assert offline.told(made) == ("pending", False)
    assert "72" in offline.ask(made, BROWSER).text
    offline.bench.now = offline.till.at + timedelta(hours=72)
    assert offline.told(made) == ("pending", False)
    offline.bench.now += timedelta(seconds=1)
    assert offline.told(made) == ("overdue", False)
    offline.put(made)
    assert offline.told(made) == ("valid", True)


def test_s0_097_a_later_time_in_the_code_wins_nothing(offline: NationalPage) -> None:
    """The time is the code's own word until the document has come; when it was shown first is ours."""
    letters = altered(offline.till.sell(), offline.till, time_ms=int((AT + timedelta(days=300)).timestamp() * 1000))
    assert offline.told(letters) == ("pending", False)
    offline.first_shown = offline.bench.now - timedelta(hours=73)
    assert offline.told(letters) == ("overdue", False)


def test_s0_097_what_has_come_with_a_part_is_pending_and_never_overdue(offline: NationalPage) -> None:
    """The shop has sent it; that its batch is not closed, or not booked, is no fault of this receipt."""
    made = offline.till.sell()
    assert offline.ask(made).json["isHere"] is False
    offline.here.add(made.signed.act_hash)
    offline.bench.now += timedelta(hours=200)
    answer = offline.ask(made).json
    assert (answer["status"], answer["isValid"], answer["isHere"]) == ("pending", False, True)
    shown = offline.ask(made, BROWSER).text
    words = PAGE_LANGUAGES["en-US"].national
    assert words["arrivedNote"] in shown
    assert words["pendingNote"].format(hours=72) not in shown
    offline.here.clear()
    assert offline.told(made) == ("overdue", False)


def test_s0_097_the_silence_of_its_device_makes_a_receipt_overdue(offline: NationalPage) -> None:
    """Whatever time the code names: a device that was not heard of for so long should have sent what it holds."""
    made = offline.till.sell()
    offline.heard_at = offline.bench.now - timedelta(hours=72)
    assert offline.told(made) == ("pending", False)
    offline.bench.now += timedelta(seconds=1)
    assert offline.told(made) == ("overdue", False)


def test_what_lies_apart_is_under_examination_while_its_batch_is_on_its_way(offline: NationalPage) -> None:
    made = offline.till.sell()
    offline.here.add(made.signed.act_hash)
    offline.apart.add(made.signed.act_hash)
    answer = offline.ask(made).json
    assert (answer["status"], answer["isHere"]) == ("quarantined", True)


def test_a_receipt_of_an_online_device_that_is_not_here_is_an_alarm(page: NationalPage) -> None:
    made = page.till.sell()
    assert page.told(made) == ("not-found", False)
    assert [one.state for one in page.noted] == [State.NOT_FOUND]


def test_a_signature_of_another_device_is_forged_and_nobody_is_told(page: NationalPage) -> None:
    other = Register.of("REGISTR1", SELLER.tin, "fdo.example/test", AT)
    other.device.link = bytes(32)
    other.register()
    other.open()
    assert page.told(other.sell()) == ("forged", False)
    made = page.till.sell()
    page.put(made)
    assert page.told(altered(made, act_hash=bytes(32))) == ("forged", False)
    assert not page.noted


def test_a_device_that_nobody_registered_cannot_be_verified(page: NationalPage) -> None:
    made = page.till.sell()
    assert page.told(altered(made, device=Uid("NOBODY01"))) == ("not-verifiable", False)
    assert page.told(altered(made, time_ms=2**48 - 1)) == ("not-verifiable", False)


def test_what_lies_apart_is_being_examined(page: NationalPage) -> None:
    made = page.till.sell()
    page.apart.add(made.signed.act_hash)
    assert page.told(made) == ("quarantined", False)
    assert not page.noted


def test_a_certificate_that_did_not_hold_then_makes_no_receipt(offline: NationalPage) -> None:
    made = offline.till.sell()
    good = offline.certificate
    for wrong in (
        attrs.evolve(good, not_after=AT),
        attrs.evolve(good, not_before=AT + timedelta(days=1)),
        attrs.evolve(good, revoked_at=AT, revocation_reason=4),
        attrs.evolve(good, revoked_at=AT + timedelta(days=2), revocation_reason=1),
    ):
        offline.certificate = wrong
        assert offline.told(made) == ("invalid", False)
    offline.certificate = attrs.evolve(good, revoked_at=AT + timedelta(days=2), revocation_reason=4)
    assert offline.told(made) == ("pending", False)
    offline.put(made, flags=LeafFlag.INVALID_SECURE_ELEMENT)
    assert offline.told(made) == ("invalid", False)


@pytest.mark.parametrize(
    ("back", "words"), [("10.90", "All of it was given back"), ("4.50", "4.50 of it was given back")]
)
def test_k_21_what_was_given_back_is_said(page: NationalPage, back: str, words: str) -> None:
    made = page.till.sell("10.90")
    page.put(made)
    page.bench.ledger.claimed[number_of(made)] = [
        Claim(int(DocumentType.RECEIPT_REFUND), Money.of(back)),
        Claim(int(DocumentType.CORRECTION_REFUND), Money.of("1.00")),
    ]
    answer = page.ask(made).json
    assert (answer["status"], answer["givenBack"], answer["corrected"]) == ("valid", f"{back}00", "-1.0000")
    text = page.ask(made, BROWSER).text
    assert words in text
    assert "corrected later, by -1.00" in text


def test_an_erased_receipt_is_still_compared(page: NationalPage) -> None:
    """The record outlives the body: the total is known, the items are not."""
    made = page.till.sell("10.90")
    page.put(made, erased=True)
    assert page.told(made) == ("valid", True)
    assert page.ask(made).json["document"] is None
    assert "not kept any more" in page.ask(made, BROWSER).text
    assert page.told(altered(made, page.till, total=Money.of("1.00"))) == ("mismatch", False)


@pytest.mark.parametrize("letters", ["A" * 163, "x", "=" * 163, "é" * 163])
def test_ts_1220_what_is_no_code_is_refused(page: NationalPage, letters: str) -> None:
    reply = page.ask(letters)
    assert (reply.status, reply.json["code"]) == (422, "TS-1220")
    shown = page.ask(letters, BROWSER)
    assert shown.status == 400
    assert shown.ids["invoiceStatusLabel"] == PAGE_LANGUAGES["en-US"].states["not-verifiable"]


def test_codes_that_nobody_signed_cost_their_address(page: NationalPage) -> None:
    page.bench.services = attrs.evolve(page.bench.services, unknown_codes=UnknownCodes(per_minute=2))
    page.bench.app = build_app(page.bench.services)
    made = page.till.sell()
    page.put(made)
    for _ in range(5):
        assert page.told(made) == ("valid", True)
    forged = altered(made, act_hash=bytes(32))
    assert [page.ask(forged).status for _ in range(3)] == [200, 200, 429]
    assert page.ask(made).status == 429, "the address waits, whatever it asks"


@pytest.mark.parametrize("tag", PAGE_LANGUAGES)
def test_each_answer_in_each_language(page: NationalPage, tag: str) -> None:
    words, cookie = PAGE_LANGUAGES[tag], f"localization={tag}"
    booked, missing = page.till.sell("10.90"), page.till.sell()
    page.put(booked)
    cases = {
        booked.letters: "valid",
        missing.letters: "not-found",
        altered(booked, page.till, total=Money.of("1.00")): "mismatch",
        altered(booked, act_hash=bytes(32)): "forged",
    }
    for letters, state in cases.items():
        shown = page.ask(letters, BROWSER, cookie=cookie)
        assert shown.ids["invoiceStatusLabel"] == words.states[state]
        assert f'lang="{tag}"' in shown.text
        assert shown.text.count(f"%3Fr%3D{letters}") == len(PAGE_LANGUAGES) - 1
        assert "<script" not in shown.text
        assert not re.search(r"{\w+}", shown.text), "a place for a value was left open"


@pytest.mark.parametrize("tag", PAGE_LANGUAGES)
def test_going_on_in_another_language_asks_for_the_same_code(page: NationalPage, tag: str) -> None:
    made = page.till.sell()
    page.put(made)
    reply = page.bench.get(f"/Home/ChangeLanguage/{tag}?returnUrl=%2Fv%2F%3Fr%3D{made.letters}", BROWSER)
    assert reply.status == 302
    assert page.bench.get(reply.headers["location"], PROGRAM).json["status"] == "valid"


def ask_number(page: NationalPage, number: str, amount: str) -> tuple[int, str]:
    reply = page.bench.get(f"/v/?n={number}&a={amount}", PROGRAM)
    return reply.status, reply.json["status"]


def test_s0_018_a_number_with_its_amount_is_confirmed_and_tells_nothing_else(page: NationalPage) -> None:
    made = page.till.sell("10.90")
    page.put(made)
    invoice = page.bench.book()
    for amount in ("10.90", "10,9", "10.9000"):
        assert ask_number(page, made.number, amount) == (200, "valid")
    assert ask_number(page, made.number.lower(), "10.90") == (200, "valid")
    reply = page.bench.get(f"/v/?n={made.number}&a=10.90", PROGRAM).json
    assert set(reply) == {"status", "isValid", "proof", "checkpoint"}
    shown = page.bench.get(f"/v/?n={made.number}&a=10.90", BROWSER)
    assert shown.ids["invoiceStatusLabel"] == PAGE_LANGUAGES["en-US"].states["valid"]
    assert "Bread" not in shown.text
    assert ask_number(page, str(invoice.number), "1.00") == (200, "unconfirmed"), "it has no record here"


def test_a_number_without_its_amount_is_like_one_that_nobody_sold(page: NationalPage) -> None:
    made = page.till.sell("10.90")
    page.put(made)
    closed = page.till.close()
    page.put(closed)
    nobody = page.bench.get("/v/?n=REGISTR1-REGISTR1-999&a=10.90", PROGRAM).body
    for number, amount in (
        (made.number, "10.91"), (made.number, ""), (made.number, "1e1"), (made.number, "-10.90"), ("x", "10.90"),
        (closed.number, "0"), (closed.number, "0.00"),
    ):  # fmt: skip
        assert page.bench.get(f"/v/?n={number}&a={amount}", PROGRAM).body == nobody
