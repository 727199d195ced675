"""D-MAN: is each stored document the one that was signed? Trusts neither the database nor who runs it.

Each new entry is looked at once, and the old ones round and round: the body against the hash in record and links, the
record against the leaf's commitment, and the card's signature over what the body says (security 1.3).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

import attrs

from tallystick.authority.ledger.entry import EntryKind
from tallystick.authority.ledger.findings import Shows
from tallystick.authority.ledger.sweep_rows import LinkRow
from tallystick.authority.projections.inspections.ports import Signer, Signers
from tallystick.authority.projections.inspections.reading import (
    Entry,
    Pace,
    entries,
    is_erased,
    links_of,
    next_span,
    span_again,
)
from tallystick.authority.projections.inspections.values import CaseKind, DetectorName, Evidence
from tallystick.authority.room_queries import Connection
from tallystick.crypto.signatures import verify_invoice_signature
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import record_commitment, sha256
from tallystick.wire.audit_data import read_signed_part
from tallystick.wire.leaf import read_leaf
from tallystick.wire.record import Record

AGAIN_MOST = 1_000
_DOCUMENT = str(int(EntryKind.DOCUMENT))
Links = Mapping[Shows, LinkRow | None]


@attrs.frozen(slots=True)
class Manipulation:
    """Compares what is stored with what was signed."""

    signers: Signers
    name: DetectorName = DetectorName.MANIPULATION
    _pace: Pace = attrs.field(factory=Pace, init=False)

    def findings(self, conn: Connection, at: datetime) -> Iterator[Evidence]:
        """New entries, and now and then a piece of the old ones."""
        new = next_span(conn, "D-MAN new", self._pace)
        yield from self._look(conn, list(entries(conn, new.first, new.last)))
        if self._pace.is_due(at, backlog=not new.is_all):
            yield from self._look(conn, list(entries(conn, *span_again(conn, "D-MAN again", AGAIN_MOST))))

    def holds(self, conn: Connection, evidence: Evidence, at: datetime) -> bool:
        """Look at the entry again."""
        index = int(evidence.facts["entry"])
        again = self._look(conn, list(entries(conn, index, index + 1)))
        return evidence.kind in {one.kind for one in again}

    def _look(self, conn: Connection, span: list[Entry]) -> Iterator[Evidence]:
        links, signers = links_of(conn, span), self.signers.find(conn, _signing(span))
        for entry in span:
            yield from _look_at(entry, links.get(entry.index, {}), signers, erased=is_erased(conn, entry))


def _signing(span: list[Entry]) -> set[str]:
    """The UIDs of both ends of every pair in it."""
    records = [entry.record for entry in span if entry.record is not None and entry.record.kind == _DOCUMENT]
    return {uid for record in records for uid in _pair(record)}


def _pair(record: Record) -> tuple[str, str]:
    requested_by, _, signed_by = record.device.partition("-")
    return requested_by, signed_by


def _look_at(entry: Entry, links: Links, signers: Mapping[str, Signer], *, erased: bool) -> Iterator[Evidence]:
    """Of an entry whose body was lawfully erased, all but the body itself is still to fit."""
    row, record = entry.row, entry.record
    if row is None or row.record is None or row.salt is None:
        return  # what lacks is another question
    try:
        committed = read_leaf(row.leaf).record_commitment
        if record is None or record_commitment(row.salt, row.record) != committed:
            yield _evidence(CaseKind.RECORD_CHANGED, entry, "the record is not the one that the leaf commits to")
    except (Fault, ValueError) as error:
        yield _evidence(CaseKind.RECORD_CHANGED, entry, f"leaf or salt cannot be read: {error}")
    if record is None or row.body is None:
        return
    body_hash = bytes.fromhex(record.body_hash) if erased else sha256(row.body)
    others = _who_knows_another_body(record, body_hash, links)
    if others:
        yield _evidence(CaseKind.BODY_CHANGED, entry, f"another body than {', '.join(others)} know")
    if record.kind == _DOCUMENT and not erased:
        why = _signature_doubt(record, row.body, signers)
        if why:
            yield _evidence(CaseKind.SIGNATURE_WRONG, entry, why)


def _signature_doubt(record: Record, body: bytes, signers: Mapping[str, Signer]) -> str:
    """Why the card's signature does not cover the stored body; empty when it does."""
    requester, signer = (signers.get(uid) for uid in _pair(record))
    if signer is None or requester is None:
        return "the registry does not know who signed"
    try:
        said = read_signed_part(body)
        text = said.text(requester.tin, bytes.fromhex(record.act_hash))
        verify_invoice_signature(signer.public_key, text, said.signature)
    except Fault as fault:
        return f"{fault.code}: the signature does not cover the body"
    except ValueError:
        return "the record names no act"
    return "" if sha256(text).hex() == record.act_hash else "another act than the record names"


def _who_knows_another_body(record: Record, body_hash: bytes, links: Links) -> list[str]:
    others = [] if record.body_hash == body_hash.hex() else ["record"]
    others += [f"{shows} link" for shows, link in links.items() if link is not None and link.body_hash != body_hash]
    return others


def _evidence(kind: CaseKind, entry: Entry, why: str) -> Evidence:
    return Evidence(
        kind=kind,
        matter=entry.matter,
        item=entry.item,
        tin=entry.tin,
        device=entry.device,
        amount=entry.amount,
        facts={"entry": str(entry.index), "why": why},
    )
