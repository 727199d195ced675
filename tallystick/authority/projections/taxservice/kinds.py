"""Types of documents as people know them: one row a type of the ledger. A further type joins by a row of its own.

Types 0x0100 and above are those of the TaxCore wire, 0x0200 and above those of the national channels.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from tallystick.kernel.invoice import InvoiceType, TransactionType, document_type_code
from tallystick.kernel.national_document import DocumentType


class DocumentKind(StrEnum):
    """A type for people; its title stands in `TITLES`."""

    RECEIPT = "receipt"
    REFUND = "refund"
    COPY = "copy"
    PROFORMA = "proforma"
    TRAINING = "training"
    ACCOUNTABLE_FORM = "accountable-form"
    CORRECTION = "correction"
    SHIFT_OPENING = "shift-opening"
    SHIFT_CLOSING = "shift-closing"
    STATUS = "settlement-status"
    REGISTRATION = "registration"
    RE_REGISTRATION = "re-registration"
    CLOSURE = "memory-closure"
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
        DocumentKind.ACCOUNTABLE_FORM: "Accountable forms",
        DocumentKind.CORRECTION: "Corrections",
        DocumentKind.SHIFT_OPENING: "Shift openings",
        DocumentKind.SHIFT_CLOSING: "Shift closings",
        DocumentKind.STATUS: "Status of settlements",
        DocumentKind.REGISTRATION: "Registrations of registers",
        DocumentKind.RE_REGISTRATION: "Re-registrations",
        DocumentKind.CLOSURE: "Closures of fiscal memories",
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
        DocumentType.RECEIPT: DocumentKind.RECEIPT,
        DocumentType.RECEIPT_REFUND: DocumentKind.REFUND,
        DocumentType.ACCOUNTABLE_FORM: DocumentKind.ACCOUNTABLE_FORM,
        DocumentType.ACCOUNTABLE_FORM_REFUND: DocumentKind.REFUND,
        DocumentType.CORRECTION: DocumentKind.CORRECTION,
        DocumentType.CORRECTION_REFUND: DocumentKind.CORRECTION,
        DocumentType.SHIFT_OPENING: DocumentKind.SHIFT_OPENING,
        DocumentType.SHIFT_CLOSING: DocumentKind.SHIFT_CLOSING,
        DocumentType.STATUS: DocumentKind.STATUS,
        DocumentType.REGISTRATION: DocumentKind.REGISTRATION,
        DocumentType.RE_REGISTRATION: DocumentKind.RE_REGISTRATION,
        DocumentType.CLOSURE: DocumentKind.CLOSURE,
    }
)


def kind_of(document_type: int) -> DocumentKind:
    """The type for people of a type of the ledger."""
    return KIND_OF_TYPE.get(document_type, DocumentKind.OTHER)


def types_of(kind: DocumentKind) -> tuple[int, ...]:
    """The types of the ledger that people know by this name; `OTHER` has those that are in no row."""
    return tuple(one for one, known in KIND_OF_TYPE.items() if known is kind)
