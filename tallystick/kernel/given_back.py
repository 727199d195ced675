"""Which documents give money back, and of what: one rule for every channel (S0-056 to S0-059)."""

from __future__ import annotations

from tallystick.kernel.faults import Fault
from tallystick.kernel.identifiers import SdcInvoiceNumber
from tallystick.kernel.invoice import InvoiceType, TransactionType, document_type_code
from tallystick.kernel.national_document import DocumentType

NATIONAL_REFUNDS = frozenset({int(DocumentType.RECEIPT_REFUND), int(DocumentType.ACCOUNTABLE_FORM_REFUND)})
TAXCORE_REFUNDS = frozenset(
    {
        document_type_code(InvoiceType.NORMAL, TransactionType.REFUND),
        document_type_code(InvoiceType.ADVANCE, TransactionType.REFUND),
    }
)
"""Copies, training and proforma move no money."""
GIVES_BACK = NATIONAL_REFUNDS | TAXCORE_REFUNDS | {int(DocumentType.CORRECTION_REFUND)}
"""The ledger's types of documents that take something from the one that they name."""
IN_DOUBT = frozenset({"TS-2101", "TS-2102", "TS-2103", "TS-2104", "TS-2105"})
"""With one of these a refund is booked as a contradiction: somebody was told of it."""
_ADVANCE = document_type_code(InvoiceType.ADVANCE, TransactionType.SALE)


def named_original(text: str | None) -> SdcInvoiceNumber | None:
    """The number that a document refers to; none where it names nothing, or what no device of this log can have made.

    The TaxCore wire lets a POS write it in small letters as well.
    """
    try:
        return SdcInvoiceNumber.parse(text.upper()) if text else None
    except Fault:
        return None


def is_instalment(document_type: int, refers_to: str) -> bool:
    """Whether it is an advance that follows another one: a refund that names it gives back all of them."""
    return document_type == _ADVANCE and bool(refers_to)
