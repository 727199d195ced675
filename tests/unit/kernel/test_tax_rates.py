"""Which rates apply (S2-042 to S2-044)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tallystick.kernel.invoice import InvoiceRequest, InvoiceType, TransactionType
from tallystick.kernel.tax_rates import TaxRateGroup, group_at, label_case, moment_for_rates

START = datetime(2020, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 3, 2, tzinfo=UTC)
THEN = datetime(2021, 5, 6, tzinfo=UTC)


def group(group_id: int, valid_from: datetime) -> TaxRateGroup:
    return TaxRateGroup(valid_from, group_id, ())


GROUPS = [group(1, START), group(2, NOW), group(3, NOW), group(9, START)]


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (START - timedelta(microseconds=1), None),
        (START, 9),
        (NOW - timedelta(microseconds=1), 9),
        (NOW, 3),
        (NOW + timedelta(days=9999), 3),
    ],
)
def test_s2_042_latest_validity_then_highest_number(moment: datetime, expected: int | None) -> None:
    found = group_at(reversed(GROUPS), moment)
    assert (found and found.group_id) == expected


def request(invoice: InvoiceType, transaction: TransactionType, **reference: Any) -> InvoiceRequest:
    return InvoiceRequest(invoice_type=invoice, transaction_type=transaction, payments=(), items=(), **reference)


BOTH = {"referent_document_number": "ABCD1234-ABCD1234-7", "referent_document_dt": THEN}
NUMBER = {"referent_document_number": "ABCD1234-ABCD1234-7"}


@pytest.mark.parametrize(
    ("invoice", "transaction", "reference", "expected"),
    [
        (InvoiceType.NORMAL, TransactionType.SALE, {}, NOW),
        (InvoiceType.NORMAL, TransactionType.SALE, BOTH, NOW),
        (InvoiceType.NORMAL, TransactionType.REFUND, NUMBER, NOW),
        (InvoiceType.COPY, TransactionType.SALE, NUMBER, NOW),
        (InvoiceType.NORMAL, TransactionType.REFUND, BOTH, THEN),
        (InvoiceType.COPY, TransactionType.SALE, BOTH, THEN),
        (InvoiceType.COPY, TransactionType.REFUND, BOTH, THEN),
    ],
)
def test_s2_042_s2_043_s2_044_moment_for_rates(
    invoice: InvoiceType, transaction: TransactionType, reference: dict[str, Any], expected: datetime
) -> None:
    assert moment_for_rates(request(invoice, transaction, **reference), NOW) == expected


@pytest.mark.parametrize(
    ("label", "stored"), [("a", "A"), ("ж", "Ж"), ("Ђ", "Ђ"), ("ა", "ა"), (chr(0x1C90), "ა"), ("aა", "Aა"), ("ß", "SS")]
)
def test_labels_are_stored_in_upper_case_but_georgian_has_none(label: str, stored: str) -> None:
    assert label_case(label) == label_case(stored) == stored
