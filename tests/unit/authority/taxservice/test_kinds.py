"""Types of documents for people: every type of the TaxCore wire has a row, and what has none is not lost."""

from tallystick.authority.projections.taxservice.kinds import KIND_OF_TYPE, TITLES, DocumentKind, kind_of, types_of
from tallystick.kernel.invoice import InvoiceType, TransactionType, document_type_code
from tallystick.kernel.national_document import DocumentType


def test_every_type_of_the_taxcore_wire_has_a_row() -> None:
    for invoice in InvoiceType:
        for transaction in TransactionType:
            assert kind_of(document_type_code(invoice, transaction)) is not DocumentKind.OTHER


def test_s1_026_to_033_every_national_type_has_a_row() -> None:
    assert all(kind_of(one) is not DocumentKind.OTHER for one in DocumentType)


def test_a_type_without_a_row_is_another_document_and_each_name_has_its_title() -> None:
    assert kind_of(0x7777) is DocumentKind.OTHER
    assert types_of(DocumentKind.OTHER) == ()
    assert set(TITLES) == set(DocumentKind)
    assert {number for kind in DocumentKind for number in types_of(kind)} == set(KIND_OF_TYPE)
