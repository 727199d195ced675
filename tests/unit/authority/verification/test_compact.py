"""The compact code at the public listener: checked from the ledger, silent about what it does not confirm (S0-018)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import attrs
import psycopg
import pytest
from public_bench import BROWSER, PROGRAM, PublicBench, Reply

from benchmarks.package_maker import basket, sale
from tallystick.authority.ledger.entry import LeafFlag
from tallystick.authority.projections.verification import compact_check
from tallystick.authority.projections.verification.unknown_codes import UnknownCodes
from tallystick.authority.projections.verification.words import PAGE_LANGUAGES
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.identifiers import SdcInvoiceNumber, Uid
from tallystick.kernel.invoice import InvoiceResult, InvoiceType, TransactionType
from tallystick.kit.address_budget import client_address, source_of
from tallystick.wire.compact_proof import CompactProof, compact_link, compact_proof, write_code
from tallystick.wire.verification_url import from_url


def proof_of(result: InvoiceResult) -> CompactProof:
    return compact_proof(from_url(result.verification_url))


def ask(bench: PublicBench, proof: CompactProof | InvoiceResult, accept: str = PROGRAM) -> Reply:
    made = proof_of(proof) if isinstance(proof, InvoiceResult) else proof
    return bench.get(f"/C/{write_code(made)}", accept)


def told(bench: PublicBench, proof: CompactProof | InvoiceResult) -> tuple[int, str, bool]:
    reply = ask(bench, proof)
    return reply.status, reply.json["status"], reply.json["isValid"]


def test_k_10_a_booked_invoice_is_valid_as_by_the_long_code(bench: PublicBench) -> None:
    result = bench.book(sale(buyer_id="10:998877665"))
    long, short = bench.verify(result.verification_url).json, ask(bench, result).json
    assert short == long | {"checkedFrom": "ledger"}
    assert long["checkedFrom"] == "signature"
    assert short["proof"] is not None


@pytest.mark.parametrize("spelling", ["/C/{}", "/c/{}", "/C/{}/", "/v/?c={}", "/V?c={}"])
def test_every_spelling_of_the_address_leads_to_the_answer(bench: PublicBench, spelling: str) -> None:
    code = write_code(proof_of(bench.book()))
    for written in (code, code.lower()):
        assert bench.get(spelling.format(written), PROGRAM).json["status"] == "valid"


def test_the_printed_link_leads_to_the_answer(bench: PublicBench) -> None:
    link = compact_link(bench.book().verification_url)
    assert bench.get("/" + link.split("/", 3)[3], PROGRAM).json["status"] == "valid"


@pytest.mark.parametrize("tag", PAGE_LANGUAGES)
def test_the_page_says_that_it_was_checked_from_the_register(bench: PublicBench, tag: str) -> None:
    result, words = bench.book(), PAGE_LANGUAGES[tag]
    long = bench.verify(result.verification_url, BROWSER, cookie=f"localization={tag}")
    code = write_code(proof_of(result))
    page = bench.get(f"/C/{code}", BROWSER, cookie=f"localization={tag}")
    assert page.ids["source"] == words.compact_note
    assert "source" not in long.ids
    for field in ("invoiceNumberLabel", "totalAmountLabel", "sdcDateTimeLabel", "tinLabel"):
        assert page.ids[field] == long.ids[field]
    assert page.text.count(f"%3Fc%3D{code}") == len(PAGE_LANGUAGES) - 1  # the other languages ask for the same code


def test_s0_097_what_is_not_here_yet_is_unconfirmed_and_nothing_is_claimed(bench: PublicBench) -> None:
    """Without the package there is no signature to check, so the code's own figures are not repeated."""
    result = bench.sell()
    assert told(bench, result) == (200, "unconfirmed", False)
    assert ask(bench, result).json["invoiceResult"] is None
    page = ask(bench, result, BROWSER)
    assert page.ids["invoiceStatusLabel"] == "Invoice is not confirmed"
    assert str(result.number) not in page.text
    assert bench.verify(result.verification_url).json["status"] == "pending"


def test_a_document_before_the_gate_is_unconfirmed(bench: PublicBench) -> None:
    assert told(bench, bench.book(acked=False)) == (200, "unconfirmed", False)


@pytest.mark.parametrize("bit", [0, 1, 64, 127])
def test_a_wrong_authenticator_looks_like_a_number_that_nobody_sold(bench: PublicBench, bit: int) -> None:
    proof = proof_of(bench.book())
    wrong = (int.from_bytes(proof.authenticator, "big") ^ 1 << bit).to_bytes(16, "big")
    forged = attrs.evolve(proof, authenticator=wrong)
    nobody = attrs.evolve(proof, number=SdcInvoiceNumber(Uid("NOBODY00"), Uid("NOBODY00"), 1))
    unsold = attrs.evolve(proof, number=attrs.evolve(proof.number, ordinal=999))
    replies = [ask(bench, one) for one in (forged, nobody, unsold)]
    assert {reply.body for reply in replies} == {replies[0].body}
    assert {reply.status for reply in replies} == {200}
    assert replies[0].json["status"] == "unconfirmed"
    assert len({str(sorted(reply.headers.items())) for reply in replies}) == 1


def test_switched_off_comparison_tells_a_stranger_what_was_sold(
    bench: PublicBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    forged = attrs.evolve(proof_of(bench.book()), authenticator=bytes(16))
    assert told(bench, forged)[1] == "unconfirmed"
    monkeypatch.setattr(compact_check, "same_bytes", lambda *_: True)
    reply = ask(bench, forged)
    assert reply.json["status"] == "mismatch"
    assert reply.json["invoiceResult"]["totalAmount"] > 0


def test_another_document_under_the_number_is_unconfirmed(bench: PublicBench) -> None:
    first = bench.book()
    bench.card.total_counter = 0
    second = bench.sell(sale(basket(3)))
    assert second.number == first.number
    assert told(bench, second) == (200, "unconfirmed", False)
    assert told(bench, first) == (200, "valid", True)


@pytest.mark.parametrize(
    "change",
    [
        {"amount": Money(1_0000)},
        {"time_ms": 1},
        {"invoice_type": InvoiceType.ADVANCE},
        {"transaction_type": TransactionType.REFUND},
    ],
)
def test_changed_figures_beside_a_right_authenticator_are_a_mismatch(
    bench: PublicBench, change: dict[str, Any]
) -> None:
    result = bench.book()
    altered: CompactProof = attrs.evolve(proof_of(result), **change)
    assert told(bench, altered) == (200, "mismatch", False)
    assert ask(bench, altered).json["invoiceResult"]["totalAmount"] == float(result.total_amount.decimal)
    page = ask(bench, altered, BROWSER).text
    assert PAGE_LANGUAGES["en-US"].compact_mismatch in page
    assert "Product" not in page


def test_kinds_and_flags_are_judged_as_by_the_long_code(bench: PublicBench) -> None:
    training = bench.book(sale(invoice_type=InvoiceType.TRAINING))
    invalid = bench.book(flags=LeafFlag.INVALID_SECURE_ELEMENT)
    assert told(bench, training) == (200, "not-fiscal", True)
    assert told(bench, invalid) == (200, "invalid", False)


def test_a_record_whose_url_cannot_be_read_is_checked_by_its_fields(bench: PublicBench) -> None:
    request, result = bench.card.invoice(sale())
    bench.put(request, result)
    kept = bench.ledger.documents[result.number]
    url = result.verification_url.encode()
    bench.ledger.documents[result.number] = attrs.evolve(kept, body=kept.body.replace(url, b"https://x/?vl=AAAA"))
    assert told(bench, result) == (200, "valid", True)


@pytest.mark.parametrize("body", [b"", b"{}"])
def test_an_erased_or_unreadable_record_confirms_nothing(bench: PublicBench, body: bytes) -> None:
    result = bench.book()
    kept = bench.ledger.documents[result.number]
    bench.ledger.documents[result.number] = attrs.evolve(kept, body=body)
    assert told(bench, result) == (200, "unconfirmed", False)


def test_a_record_that_is_not_the_signed_act_confirms_nothing(bench: PublicBench) -> None:
    result = bench.book()
    kept = bench.ledger.documents[result.number]
    bench.ledger.documents[result.number] = attrs.evolve(kept, act_hash=bytes(32))
    assert told(bench, result) == (200, "unconfirmed", False)


@pytest.mark.parametrize("code", ["A", "A" * 80, "A" * 81, "%3Cscript%3E", "a/b"])
def test_what_is_no_code_cannot_be_verified(bench: PublicBench, code: str) -> None:
    program, person = bench.get(f"/C/{code}", PROGRAM), bench.get(f"/C/{code}", BROWSER)
    assert (program.status, program.body) == (400, b"")
    assert person.status == 400
    assert person.ids["invoiceStatusLabel"] == "This code cannot be verified"
    assert "<script>" not in person.text.replace('<script type="text/plain">', "")
    assert ("%3Fc%3D" in person.text) is (len(code) == 80)  # what has not even the form is not repeated


def test_unknown_codes_of_one_address_come_to_an_end(bench: PublicBench) -> None:
    """TS-4009 after 60 in a minute; the long code goes on, and a minute later all is well."""
    known, unknown = bench.book(), bench.sell()
    for _ in range(60):
        assert told(bench, unknown)[0] == 200
    refused = ask(bench, unknown)
    assert (refused.status, refused.json["code"]) == (429, "TS-4009")
    assert refused.headers["retry-after"] == "61"
    assert ask(bench, known).status == 429  # asked before it is looked up: a guess must not be answered
    page = ask(bench, known, BROWSER)
    assert (page.status, "TS-4009" in page.text) == (429, True)
    assert "Too many unknown codes" in page.text
    assert bench.verify(known.verification_url).status == 200
    bench.now += timedelta(seconds=60)
    assert told(bench, known) == (200, "valid", True)


def test_switched_off_limit_answers_on(bench: PublicBench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(UnknownCodes, "spend", lambda *_: None)
    unknown = bench.sell()
    assert {told(bench, unknown)[0] for _ in range(70)} == {200}


def test_confirmed_codes_cost_nothing(bench: PublicBench) -> None:
    known = bench.book()
    assert {told(bench, known) for _ in range(130)} == {(200, "valid", True)}


def test_a_ledger_that_is_away_costs_nothing(bench: PublicBench) -> None:
    result = bench.book()
    bench.ledger.away = psycopg.OperationalError("gone")
    for _ in range(70):
        assert ask(bench, result).status == 503
    bench.ledger.away = None
    assert told(bench, result) == (200, "valid", True)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8:0:0:ffff::2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("", "192.0.2.1", False),
    ],
)
def test_what_counts_as_one_address(one: str, other: str, *, same: bool) -> None:
    assert (source_of(one) == source_of(other)) is same


def test_the_addresses_remembered_are_bounded(bench: PublicBench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tallystick.kit.address_budget._SOURCES_KEPT", 3)
    codes = UnknownCodes(1)
    for last in range(5):
        codes.spend(f"192.0.2.{last}", bench.now)
    codes.spend("192.0.2.0", bench.now)  # long forgotten


def test_behind_our_own_proxy_the_visitor_counts_and_nobody_else_can_pretend(bench: PublicBench) -> None:
    def scope(client: str, *forwarded: str) -> Any:
        headers = [(b"x-forwarded-for", one.encode()) for one in forwarded]
        return {"client": (client, 1), "headers": headers}

    ours = frozenset({"10.0.0.1", "10.0.0.2"})
    assert client_address(scope("10.0.0.1", "192.0.2.7"), ours) == "192.0.2.7"
    assert client_address(scope("10.0.0.1", "203.0.113.9, 192.0.2.7, 10.0.0.2"), ours) == "192.0.2.7"
    assert client_address(scope("10.0.0.1", "203.0.113.9", "192.0.2.7"), ours) == "192.0.2.7"
    assert client_address(scope("10.0.0.1"), ours) == "10.0.0.1"
    assert client_address(scope("192.0.2.7", "203.0.113.9"), ours) == "192.0.2.7"  # a stranger's claim
    assert client_address(scope("192.0.2.7", "203.0.113.9"), frozenset()) == "192.0.2.7"


@pytest.mark.parametrize("length", [0, 255, 300])
def test_a_record_that_no_long_code_could_hold_confirms_nothing(
    bench: PublicBench, monkeypatch: pytest.MonkeyPatch, length: int
) -> None:
    result = bench.book()
    strange = attrs.evolve(from_url(result.verification_url), encrypted_internal_data=bytes(length))
    monkeypatch.setattr(compact_check, "_candidates", lambda _: [strange])
    monkeypatch.setattr(compact_check, "open_data", lambda *_: None)
    assert told(bench, result) == (200, "unconfirmed", False)
