"""The five answers, as conversations: what is signed, what is booked, what the visitor is told (S0-018, S0-097)."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from public_bench import BROWSER, PROGRAM, PublicBench

from benchmarks.package_maker import basket, sale
from tallystick.authority.ledger.entry import LeafFlag
from tallystick.authority.projections.verification import check
from tallystick.authority.projections.verification.check import State
from tallystick.authority.projections.verification.words import PAGE_LANGUAGES
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.identifiers import Tin
from tallystick.kernel.invoice import InvoiceType, TransactionType
from tallystick.wire import verification_url


def told(bench: PublicBench, url: str) -> tuple[int, str, bool]:
    """Status, state and ``isValid`` of the JSON answer."""
    reply = bench.verify(url)
    return reply.status, reply.json["status"], reply.json["isValid"]


def test_a_booked_invoice_is_valid(bench: PublicBench) -> None:
    assert told(bench, bench.book().verification_url) == (200, "valid", True)


def test_s0_097_a_signed_invoice_that_is_not_here_yet_is_pending(bench: PublicBench) -> None:
    result = bench.sell()
    assert told(bench, result.verification_url) == (200, "pending", False)
    assert bench.verify(result.verification_url).json["journal"] == ""


def test_a_document_before_the_gate_is_pending(bench: PublicBench) -> None:
    """Committed, but not yet mirrored and signed: nobody outside may be told that it is booked."""
    result = bench.book(acked=False)
    assert told(bench, result.verification_url) == (200, "pending", False)
    page = bench.verify(result.verification_url, BROWSER).text
    assert "Product" not in page
    assert bench.get(f"/proof/document/{result.number}").status == 404


def test_another_document_under_the_number_is_a_mismatch_and_stays_unseen(bench: PublicBench) -> None:
    first = bench.book()
    bench.card.total_counter = 0
    second = bench.sell(sale(basket(3)))
    assert second.number == first.number
    assert told(bench, second.verification_url) == (200, "mismatch", False)
    reply = bench.verify(second.verification_url)
    assert reply.json["journal"] == ""
    assert reply.json["proof"] is None
    page = bench.verify(second.verification_url, BROWSER).text
    assert "Product" not in page
    assert first.journal is not None
    assert first.journal.splitlines()[4] not in page


@pytest.mark.parametrize("kind", [InvoiceType.TRAINING, InvoiceType.PROFORMA, InvoiceType.COPY])
@pytest.mark.parametrize("direction", list(TransactionType))
def test_k_26_training_proforma_and_copy_are_no_fiscal_receipts(
    bench: PublicBench, kind: InvoiceType, direction: TransactionType
) -> None:
    request = sale(invoice_type=kind, transaction_type=direction)
    assert told(bench, bench.book(request).verification_url) == (200, "not-fiscal", True)
    assert told(bench, bench.sell(request).verification_url) == (200, "not-fiscal", False)


@pytest.mark.parametrize("kind", [InvoiceType.NORMAL, InvoiceType.ADVANCE])
@pytest.mark.parametrize("direction", list(TransactionType))
def test_s2_057_normal_and_advance_invoices_are_fiscal(
    bench: PublicBench, kind: InvoiceType, direction: TransactionType
) -> None:
    request = sale(invoice_type=kind, transaction_type=direction)
    assert told(bench, bench.book(request).verification_url) == (200, "valid", True)


def test_an_invoice_of_an_expired_element_is_invalid(bench: PublicBench) -> None:
    result = bench.book(flags=LeafFlag.INVALID_SECURE_ELEMENT)
    assert told(bench, result.verification_url) == (200, "invalid", False)


def test_other_flags_are_no_matter_of_the_buyer(bench: PublicBench) -> None:
    result = bench.book(flags=LeafFlag.ARITHMETIC_DOUBT | LeafFlag.LATE)
    assert told(bench, result.verification_url) == (200, "valid", True)


def test_an_erased_body_leaves_the_document_valid(bench: PublicBench) -> None:
    result = bench.book()
    document = bench.ledger.documents[result.number]
    bench.ledger.documents[result.number] = attrs.evolve(document, body=b"", record=b"", salt=b"")
    reply = bench.verify(result.verification_url)
    assert (reply.status, reply.json["status"], reply.json["journal"]) == (200, "valid", "")


def test_a_buyer_id_is_under_the_signature(bench: PublicBench) -> None:
    result = bench.book(sale(buyer_id="10:998877665"))
    assert told(bench, result.verification_url) == (200, "valid", True)
    assert bench.verify(result.verification_url, BROWSER).ids["buyerIdLabel"] == "10:998877665"


def forged(url: str, changes: dict[str, Any]) -> str:
    """The URL with other values and a good checksum, under the old signature."""
    return verification_url.to_url(
        "https://verify.example/v/?vl=", attrs.evolve(verification_url.from_url(url), **changes)
    )


def test_a_code_that_names_another_card_of_the_same_taxpayer_is_not_verifiable(bench: PublicBench) -> None:
    """Who asked is not under the signature, only his TIN: a card never signs for another one."""
    bench.elements["WXYZ9876"] = attrs.evolve(bench.other.entry(), tin=Tin(bench.card.tin))
    url = forged(bench.book().verification_url, {"requested_by": "WXYZ9876"})
    assert (bench.verify(url, PROGRAM).status, bench.verify(url, PROGRAM).raw) == (400, b"")


@pytest.mark.parametrize(
    "change",
    [
        {"amount": Money(1)},
        {"total_counter": 4_000_000_000},
        {"type_counter": 77},
        {"time_ms": 1},
        {"time_ms": 2**64 - 1},
        {"invoice_type": InvoiceType.ADVANCE},
        {"transaction_type": TransactionType.REFUND},
        {"buyer_id": b"1"},
        {"requested_by": "WXYZ9876"},
        {"signed_by": "WXYZ9876"},
        {"signed_by": "NOBODY00"},
        {"requested_by": "NOBODY00"},
        {"signature": bytes(256)},
        {"encrypted_internal_data": bytes(512)},
    ],
    ids=",".join,
)
def test_whatever_is_changed_under_the_signature_is_not_verifiable(bench: PublicBench, change: dict[str, Any]) -> None:
    url = forged(bench.book().verification_url, change)
    assert (bench.verify(url, PROGRAM).status, bench.verify(url, PROGRAM).raw) == (400, b"")
    page = bench.verify(url, BROWSER)
    assert page.status == 400
    assert page.ids["invoiceStatusLabel"] == "This code cannot be verified"


def test_k_09_the_checksum_guards_against_bad_copies_only(bench: PublicBench) -> None:
    url = bench.book().verification_url
    broken = url[:200] + ("B" if url[200] != "B" else "C") + url[201:]
    assert bench.verify(broken).status == 400


def test_switching_the_gate_off_turns_its_test_red(bench: PublicBench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "behind_gate", lambda document: document)
    with pytest.raises(AssertionError):
        test_a_document_before_the_gate_is_pending(bench)


def test_switching_the_signature_off_turns_its_test_red(bench: PublicBench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "verify_invoice_signature", lambda *_: None)
    with pytest.raises(AssertionError):
        test_whatever_is_changed_under_the_signature_is_not_verifiable(bench, {"amount": Money(1)})


def test_switching_the_comparison_off_turns_its_test_red(bench: PublicBench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        check, "sha256", lambda text: bench.ledger.documents[next(iter(bench.ledger.documents))].act_hash
    )
    with pytest.raises(AssertionError):
        test_another_document_under_the_number_is_a_mismatch_and_stays_unseen(bench)


def test_every_state_has_words_in_every_language() -> None:
    for language in PAGE_LANGUAGES.values():
        assert set(language.states) == set(language.explanations) == {str(state) for state in State}
