"""What is held about a person: his entries in the ledger with proofs, and the rows of every table that can name him.

Nothing indexes buyers, on purpose, so that finding one means to go through the whole ledger. Two officers decide.
"""

from __future__ import annotations

import zipfile
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from itertools import chain
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
from tallystick.authority.projections.personal.readable import readable
from tallystick.authority.projections.personal.search import entries_of
from tallystick.authority.projections.personal.sources import READ_FOR, open_uploads, rows_of
from tallystick.authority.projections.personal.subject import Subject
from tallystick.authority.room_queries import Connection
from tallystick.wire.ledger_body import people_in
from tallystick.wire.tlog_proof import write_proof

EXPORT = "personal.export"
"""The deed of an export: it searches a nation's documents for one person, so two officers decide."""


@attrs.frozen(slots=True)
class Exported:
    """How many entries were written, how many of them have lost their bodies by law, and rows of tables."""

    documents: int
    erased: int
    rows: int


def ask(conn: Connection, subject: Subject, *, reason: str, by: Person, at: datetime) -> int:
    """Ask for an export; the request's number. Raises ``TS-1220`` (the reason) and ``TS-4004``.

    A buyer's id or a cashier's name stands in the request while it is kept, and in no log.
    """
    return approvals.ask(conn, EXPORT, subject.thing, subject.content, reason, by, at)


def take(conn: Connection, request_id: int, at: datetime) -> Request:
    """Take an approved request, once; faults as ``approvals.take``. Commit before `write`: that may take long, and
    nobody can act while a transaction that has acted is open."""
    return approvals.take(conn, request_id, EXPORT, at)


def write(conn: Connection, request: Request, actor: str, target: IO[bytes], at: datetime) -> Exported:
    """Carry a request that was taken out, into a ZIP file. One that fails must be asked for again."""
    subject = Subject.of(request.content)
    counts: Counter[str] = Counter()
    entries: list[int] = []
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for document in entries_of(conn, subject):
            for name, content in _files_of(conn, document).items():
                archive.writestr(name, content)
            entries.append(document.index)
            counts["erased"] += not document.body
        open_uploads(conn, subject)
        for table in READ_FOR[subject.kind]:
            counts["rows"] += _write_rows(conn, archive, subject, table, entries)
        archive.writestr("READ-ME.txt", _READ_ME)
    facts = {"documents": str(len(entries)), "request": str(request.request_id), "rows": str(counts["rows"])}
    for_whom = subject.for_whom
    activity.record(conn, Act(at=at, actor=actor, verb=EXPORT, object=request.object, for_whom=for_whom, facts=facts))
    return Exported(len(entries), counts["erased"], counts["rows"])


def _write_rows(conn: Connection, archive: zipfile.ZipFile, subject: Subject, table: str, entries: list[int]) -> int:
    """One file a table, a row a line; none where there are no rows."""
    count, rows = 0, rows_of(conn, subject, table, entries)
    first = next(rows, None)
    if first is None:
        return 0
    with archive.open(f"tables/{table}.jsonl", "w") as file:
        for row in chain((first,), rows):
            file.write(row.encode() + b"\n")
            count += 1
    return count


def _files_of(conn: Connection, document: LedgerDocument) -> Mapping[str, bytes]:
    proof = ledger.tlog_proof(conn, document.index)
    salt = store.buyer_salt(conn, document.index)
    people = people_in(document.media_type, document.body)
    about = {
        "bodyHash": document.body_hash.hex(),
        "buyerSalt": salt.hex(),
        "index": str(document.index),
        "mediaType": document.media_type,
        "record": document.record.decode(),
        "salt": document.salt.hex(),
    }
    name = f"{document.index:012d}"
    files = {
        f"{name}.about.json": msgspec.json.encode(about, order="sorted"),
        f"{name}.json": readable(document, salt, people.buyer if people else None),
        f"{name}.tlog-proof": write_proof(attrs.evolve(proof, extra=document.leaf)),
    }
    return files | ({f"{name}.body": document.body} if document.body else {})


_READ_ME = """Each entry of the ledger has a number, its index, and these files:

NUMBER.json         what it says, to be read by people
NUMBER.body         the exact bytes as they were received; not there when the law had them erased
NUMBER.about.json   their SHA-256, the private record, the salt of its commitment, the salt of the buyer's
NUMBER.tlog-proof   the public leaf, its path and the signed checkpoint that it leads to

tables/NAME.jsonl   what stands beside the ledger about this person, a row a line; bytes are written in hex

Files that were refused are sealed: nobody but the authority's key opens them, so that they are found by the taxpayer
who sent them, not by a buyer in them.
"""
