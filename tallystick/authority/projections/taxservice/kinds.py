"""Types of documents as people know them: one row a type of the ledger. A further type joins by a row of its own.

Types 0x0100 and above are those of the TaxCore wire, 0x0200 and above those of the national channels.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from tallystick.kernel.invoice import InvoiceType, TransactionType, document_type_code


class DocumentKind(StrEnum):
    """A type for people; its title stands in `TITLES`."""

    RECEIPT = "receipt"
    REFUND = "refund"
    COPY = "copy"
    PROFORMA = "proforma"
    TRAINING = "training"
    OTHER = "other"
    UNREADABLE = "unreadable"

    @property
    def plural(self) -> str:
        """How a page calls many of them."""
        return TITLES[self]


TITLES: Mapping[DocumentKind, str] = MappingProxyType(
    {
        DocumentKind.RECEIPT: "Receipts",
        DocumentKind.REFUND: "Refunds",
        DocumentKind.COPY: "Copies",
        DocumentKind.PROFORMA: "Pro forma",
        DocumentKind.TRAINING: "Training",
        DocumentKind.OTHER: "Other documents",
        DocumentKind.UNREADABLE: "Entries whose record cannot be read",
    }
)

UNREADABLE_TYPE = 0
"""The type of an item whose record lacks or is damaged."""

_SALE, _REFUND = TransactionType.SALE, TransactionType.REFUND
KIND_OF_TYPE: Mapping[int, DocumentKind] = MappingProxyType(
    {
        UNREADABLE_TYPE: DocumentKind.UNREADABLE,
        document_type_code(InvoiceType.NORMAL, _SALE): DocumentKind.RECEIPT,
        document_type_code(InvoiceType.NORMAL, _REFUND): DocumentKind.REFUND,
        document_type_code(InvoiceType.PROFORMA, _SALE): DocumentKind.PROFORMA,
        document_type_code(InvoiceType.PROFORMA, _REFUND): DocumentKind.PROFORMA,
        document_type_code(InvoiceType.COPY, _SALE): DocumentKind.COPY,
        document_type_code(InvoiceType.COPY, _REFUND): DocumentKind.COPY,
        document_type_code(InvoiceType.TRAINING, _SALE): DocumentKind.TRAINING,
        document_type_code(InvoiceType.TRAINING, _REFUND): DocumentKind.TRAINING,
        document_type_code(InvoiceType.ADVANCE, _SALE): DocumentKind.RECEIPT,
        document_type_code(InvoiceType.ADVANCE, _REFUND): DocumentKind.REFUND,
    }
)


def kind_of(document_type: int) -> DocumentKind:
    """The type for people of a type of the ledger."""
    return KIND_OF_TYPE.get(document_type, DocumentKind.OTHER)


def types_of(kind: DocumentKind) -> tuple[int, ...]:
    """The types of the ledger that people know by this name; `OTHER` has those that are in no row."""
    return tuple(one for one, known in KIND_OF_TYPE.items() if known is kind)
