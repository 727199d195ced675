"""The bodies of documents in the ledger, whatever their kind: a TaxCore package as JSON, or a national document as JWS.

Which of the two it is stands in the media type. Erased bodies and those of events are neither.
"""

from __future__ import annotations

import attrs

from tallystick.kernel.faults import Fault
from tallystick.kernel.national_document import NationalDocument, ShiftOpening
from tallystick.wire import document_jws
from tallystick.wire.audit_data import read_audit_data
from tallystick.wire.document_jws import SignedDocument, read_signed
from tallystick.wire.national_document import read_document

PACKAGE = "application/json"
NATIONAL = document_jws.MEDIA_TYPE


@attrs.frozen(slots=True)
class People:
    """Who stands in a document beside its taxpayer; empty where nobody does."""

    buyer: str = ""
    cashier: str = ""


def people_in(media_type: str, body: bytes) -> People | None:
    """The people that a document names; none for what is no document, or cannot be read as one."""
    try:
        if media_type == PACKAGE:
            request = read_audit_data(body).request
            return People(request.buyer_id or "", request.cashier or "")
        if media_type == NATIONAL:
            return _named(open_national(body)[1])
    except Fault:
        pass
    return None


def _named(document: NationalDocument) -> People:
    match document.content:
        case ShiftOpening(cashier=cashier):
            return People(cashier=cashier)
        case _:
            sale = document.sale
            return People() if sale is None else People(sale.buyer_id, sale.cashier)


def open_national(body: bytes) -> tuple[SignedDocument, NationalDocument]:
    """A booked national document and what it says; raises the faults of `read_signed` and `read_document`."""
    signed = read_signed(body)
    return signed, read_document(signed.payload)
