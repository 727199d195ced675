"""Finds a person's entries in the ledger: of every kind that can name him.

A buyer is found by the commitments that the records hold, where the salts still are, and by reading the bodies of
entries that have no commitment. Whoever was erased is not found, which is the sense of it.
"""

from __future__ import annotations

from collections.abc import Iterator

from tallystick.authority.ledger import queries as ledger
from tallystick.authority.ledger.queries import LedgerDocument
from tallystick.authority.projections.personal import store
from tallystick.authority.projections.personal.subject import Subject, SubjectKind
from tallystick.authority.room_queries import Connection
from tallystick.kernel.hashing import around_buyer_salt
from tallystick.kernel.identifiers import canonical_buyer
from tallystick.wire.ledger_body import people_in

_BODIES_SPAN = 500
_LEAVES_SPAN = 20_000


def entries_of(conn: Connection, subject: Subject) -> Iterator[LedgerDocument]:
    """A person's entries behind the gate, in the order of the ledger; a user of the pages has none there."""
    match subject.kind:
        case SubjectKind.TAXPAYER:
            yield from _of_taxpayer(conn, subject.tin)
        case SubjectKind.CASHIER:
            for document in _of_taxpayer(conn, subject.tin):
                people = people_in(document.media_type, document.body)
                if people is not None and subject.is_cashier(people.cashier):
                    yield document
        case SubjectKind.BUYER:
            yield from _of_buyer(conn, subject)
        case SubjectKind.USER:
            return


def _of_taxpayer(conn: Connection, tin: str) -> Iterator[LedgerDocument]:
    size = store.acked_size(conn)
    for first in range(0, size, _LEAVES_SPAN):
        for index in store.entries_of_taxpayer(conn, tin, first, min(first + _LEAVES_SPAN, size)):
            yield from _shown(conn, index)


def _of_buyer(conn: Connection, subject: Subject) -> Iterator[LedgerDocument]:
    """Span by span over the whole ledger, for nothing indexes buyers."""
    size, canonical = store.acked_size(conn), canonical_buyer(subject.name)
    around = around_buyer_salt(canonical)
    for first in range(0, size, _BODIES_SPAN):
        last = min(first + _BODIES_SPAN, size)
        committed = set(store.of_buyer(conn, first, last, around))
        for index in sorted(committed | set(store.with_text(conn, first, last, subject.name, canonical))):
            for document in _shown(conn, index):
                if index in committed or _names_buyer(document, subject):
                    yield document


def _names_buyer(document: LedgerDocument, subject: Subject) -> bool:
    """What cannot be read as a document names him if his id stands in it as a text of its own."""
    people = people_in(document.media_type, document.body)
    if people is not None:
        return subject.is_buyer(people.buyer)
    return f'"{subject.name}"'.encode() in document.body


def _shown(conn: Connection, index: int) -> Iterator[LedgerDocument]:
    document = ledger.document_by_index(conn, index)
    if document is not None and document.acked:
        yield document
