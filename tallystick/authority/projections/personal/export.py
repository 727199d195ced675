"""What is held about a person, with proofs: for a taxpayer by TIN, for a buyer by the id on his receipts.

Nothing indexes buyers, on purpose, so that a buyer's documents are found by reading every one. Two officers decide.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import IO

import attrs
import msgspec

from tallystick.authority.ledger import queries as ledger
from tallystick.authority.ledger.queries import LedgerDocument
from tallystick.authority.oversight.activity import operations as activity
from tallystick.authority.oversight.activity.values import Act
from tallystick.authority.oversight.approvals import operations as approvals
from tallystick.authority.oversight.approvals.values import Person, Request
from tallystick.authority.projections.personal import store
from tallystick.authority.room_queries import Connection
from tallystick.kernel.faults import Fault, FieldFault
from tallystick.wire.audit_data import read_audit_data
from tallystick.wire.tlog_proof import write_proof

EXPORT = "personal.export"
"""The deed of an export: it searches a nation's documents for one person, so two officers decide."""

_ID_CHARACTERS_MAX = 40
_PAGE = 500


@attrs.frozen(slots=True)
class Exported:
    """How many documents were written, and how many of them have lost their bodies by law."""

    documents: int
    erased: int


def ask(conn: Connection, *, tin: str, buyer: str, reason: str, by: Person, at: datetime) -> int:
    """Ask for an export, of a taxpayer or of a buyer; the request's number. Raises ``TS-1220`` and ``TS-4004``.

    The buyer's id stands in the request while it is kept, and in no log.
    """
    named = {name: value for name, value in (("tin", tin), ("buyer", buyer)) if value}
    if len(named) != 1 or not all(one.isprintable() and len(one) <= _ID_CHARACTERS_MAX for one in named.values()):
        raise Fault("TS-1220", detail="a TIN or a buyer's id", fields=(FieldFault("/person", "5"),))
    thing = f"taxpayer {tin}" if tin else "a buyer"
    return approvals.ask(conn, EXPORT, thing, named, reason, by, at)


def take(conn: Connection, request_id: int, at: datetime) -> Request:
    """Take an approved request, once; faults as ``approvals.take``. Commit before `write`: that may take long, and
    nobody can act while a transaction that has acted is open."""
    return approvals.take(conn, request_id, EXPORT, at)


def write(conn: Connection, request: Request, actor: str, target: IO[bytes], at: datetime) -> Exported:
    """Carry a request that was taken out, into a ZIP file. One that fails must be asked for again."""
    tin, buyer = request.content.get("tin", ""), request.content.get("buyer", "")
    documents = erased = 0
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for document in _documents_of_taxpayer(conn, tin) if tin else _documents_of_buyer(conn, buyer):
            for name, content in _files_of(conn, document).items():
                archive.writestr(name, content)
            documents += 1
            erased += not document.body
        archive.writestr("READ-ME.txt", _READ_ME)
    facts = {"documents": str(documents), "request": str(request.request_id)}
    activity.record(conn, Act(at=at, actor=actor, verb=EXPORT, object=request.object, for_whom=tin, facts=facts))
    return Exported(documents, erased)


def _documents_of_taxpayer(conn: Connection, tin: str) -> Iterator[LedgerDocument]:
    after = 0
    while page := store.of_taxpayer(conn, tin, after, _PAGE):
        for seq, index in page:
            after = seq
            yield from _shown(conn, index)


def _documents_of_buyer(conn: Connection, buyer: str) -> Iterator[LedgerDocument]:
    """Page by page over the whole ledger: first by bytes, then by what the document says."""
    size = store.acked_size(conn)
    for first in range(0, size, _PAGE):
        for index in store.with_text(conn, first, min(first + _PAGE, size), buyer):
            for document in _shown(conn, index):
                try:
                    if read_audit_data(document.body).request.buyer_id == buyer:
                        yield document
                except Fault:
                    continue


def _shown(conn: Connection, index: int) -> Iterator[LedgerDocument]:
    document = ledger.document_by_index(conn, index)
    if document is not None and document.acked:
        yield document


def _files_of(conn: Connection, document: LedgerDocument) -> Mapping[str, bytes]:
    proof = ledger.tlog_proof(conn, document.index)
    about = {
        "bodyHash": document.body_hash.hex(),
        "index": str(document.index),
        "mediaType": document.media_type,
        "record": document.record.decode(),
        "salt": document.salt.hex(),
    }
    name = f"{document.index:012d}"
    files = {
        f"{name}.about.json": msgspec.json.encode(about, order="sorted"),
        f"{name}.tlog-proof": write_proof(attrs.evolve(proof, extra=document.leaf)),
    }
    return files | ({f"{name}.body": document.body} if document.body else {})


_READ_ME = """Each document has a number, its index in the ledger, and these files:

NUMBER.body         the exact bytes as they were received; not there when the law had them erased
NUMBER.about.json   their SHA-256, the private record and the salt of its commitment
NUMBER.tlog-proof   the public leaf, its path and the signed checkpoint that it leads to
"""
