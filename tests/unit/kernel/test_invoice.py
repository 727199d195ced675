"""Kinds of documents: numbers, counters, turnover (S2-057, K-26)."""

import pytest

from tallystick.kernel.fixed_point import Money
from tallystick.kernel.invoice import (
    COUNTER_KINDS,
    InvoiceType,
    TransactionType,
    counter_index,
    document_type_code,
    turnover,
)

PAIRS = [(invoice, transaction) for invoice in InvoiceType for transaction in TransactionType]


def test_s2_057_numbers_of_the_wire() -> None:
    assert [kind.value for kind in InvoiceType] == [0, 1, 2, 3, 4]
    assert [kind.name for kind in InvoiceType] == ["NORMAL", "PROFORMA", "COPY", "TRAINING", "ADVANCE"]
    assert [(kind.name, kind.value) for kind in TransactionType] == [("SALE", 0), ("REFUND", 1)]


def test_counters_are_ten_in_order() -> None:
    assert [counter_index(*pair) for pair in PAIRS] == list(range(COUNTER_KINDS))


def test_ledger_numbers_of_document_types_are_distinct() -> None:
    assert document_type_code(InvoiceType.NORMAL, TransactionType.SALE) == 0x0100
    assert document_type_code(InvoiceType.ADVANCE, TransactionType.REFUND) == 0x0141
    assert len({document_type_code(*pair) for pair in PAIRS}) == COUNTER_KINDS


@pytest.mark.parametrize(
    ("invoice", "transaction", "sign"),
    [
        (InvoiceType.NORMAL, TransactionType.SALE, 1),
        (InvoiceType.NORMAL, TransactionType.REFUND, -1),
        (InvoiceType.ADVANCE, TransactionType.SALE, 1),
        (InvoiceType.ADVANCE, TransactionType.REFUND, -1),
        (InvoiceType.PROFORMA, TransactionType.SALE, 0),
        (InvoiceType.COPY, TransactionType.REFUND, 0),
        (InvoiceType.TRAINING, TransactionType.SALE, 0),
    ],
)
def test_k_26_only_fiscal_receipts_count_as_turnover(
    invoice: InvoiceType, transaction: TransactionType, sign: int
) -> None:
    assert turnover(invoice, transaction, Money.of("68.46")) == Money(sign * 684_600)
