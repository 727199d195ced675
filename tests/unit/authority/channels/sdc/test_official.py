"""What the official verification tells of each verdict."""

from __future__ import annotations

from pathlib import Path

import pytest
from public_bench import MemoryLedger, PublicBench

from tallystick.authority.channels.sdc.official import official_answer
from tallystick.authority.projections.verification.check import check
from tallystick.kernel.invoice import InvoiceType
from tallystick.wire.official_verification import OfficialAnswer, write_official_answer


@pytest.fixture
def bench(tmp_path: Path) -> PublicBench:
    """Cards, and a ledger in memory."""
    return PublicBench(MemoryLedger(tmp_path))


def ask(bench: PublicBench, url: str) -> OfficialAnswer:
    """The answer for a URL."""
    return official_answer(check(url, bench.elements.get, bench.ledger.document))


def test_a_booked_invoice_is_valid_and_found_in_the_log(bench: PublicBench) -> None:
    result = bench.book()
    answer = ask(bench, result.verification_url)
    assert (answer.status, answer.is_valid, answer.log_index) == ("valid", True, 1)
    assert answer.invoice_number == str(result.number)
    assert (answer.tax_id, answer.total_amount) == ("123456789", result.total_amount)


def test_what_is_not_behind_the_gate_is_pending(bench: PublicBench) -> None:
    answer = ask(bench, bench.book(acked=False).verification_url)
    assert (answer.status, answer.is_valid, answer.log_index) == ("pending", False, None)


def test_training_is_never_valid(bench: PublicBench) -> None:
    answer = ask(bench, bench.sell(invoice_type=InvoiceType.TRAINING).verification_url)
    assert (answer.status, answer.is_valid) == ("not-fiscal", False)


def test_no_item_buyer_or_journal_is_told(bench: PublicBench) -> None:
    """Metadata only: the answer's names are these and no others."""
    body = write_official_answer(ask(bench, bench.book().verification_url)).decode()
    for word in ("items", "buyer", "journal", "cashier", "payment"):
        assert word not in body.lower()
