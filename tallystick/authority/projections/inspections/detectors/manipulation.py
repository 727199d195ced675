"""D-MAN: is each stored document the one that was signed? Trusts neither the database nor who runs it.

Each new entry is looked at once, and the old ones round and round: the body against the hash in record and links, the
record against the leaf's commitment, and the card's signature over what the body says (security 1.3).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime

import attrs

from tallystick.authority.ledger.entry import EntryKind
from tallystick.authority.ledger.findings import Shows
from tallystick.authority.ledger.sweep_rows import LinkRow
from tallystick.authority.projections.inspections.ports import DeviceKey, Signer, Signers
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
from tallystick.crypto.signatures import verify_es256, verify_invoice_signature
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import record_commitment, sha256
from tallystick.wire.audit_data import read_signed_part
from tallystick.wire.document_jws import read_signed
from tallystick.wire.leaf import read_leaf
from tallystick.wire.ledger_body import NATIONAL
from tallystick.wire.record import Record

AGAIN_MOST = 1_000
_DOCUMENT = str(int(EntryKind.DOCUMENT))
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)
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
        links, known = links_of(conn, span), self._known(conn, span)
        for entry in span:
            yield from _look_at(entry, links.get(entry.index, {}), known, erased=is_erased(conn, entry))

    def _known(self, conn: Connection, span: list[Entry]) -> _Known:
        """Who may have signed a span: both ends of every pair of TaxCore, the certificates of national devices."""
        records = [entry.record for entry in span if entry.record is not None and entry.record.kind == _DOCUMENT]
        uids = {uid for record in records if record.media_type != NATIONAL for uid in _pair(record)}
        named = {record.certificate_hash for record in records if record.media_type == NATIONAL}
        hashes = [bytes.fromhex(text) for text in named if _HASH.fullmatch(text)]
        return _Known(self.signers.find(conn, uids), self.signers.device_keys(conn, hashes) if hashes else {})


@attrs.frozen(slots=True)
class _Known:
    """Signers by UID, keys of national devices by the hash of their certificate."""

    signers: Mapping[str, Signer]
    keys: Mapping[bytes, DeviceKey]


def _pair(record: Record) -> tuple[str, str]:
    requested_by, _, signed_by = record.device.partition("-")
    return requested_by, signed_by


def _look_at(entry: Entry, links: Links, known: _Known, *, erased: bool) -> Iterator[Evidence]:
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
        if record.media_type == NATIONAL:
            why = _device_doubt(record, row.body, known.keys)
        else:
            why = _signature_doubt(record, row.body, known.signers)
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


def _device_doubt(record: Record, body: bytes, keys: Mapping[bytes, DeviceKey]) -> str:
    """Why the device's signature does not cover the stored document; empty when it does."""
    try:
        signed = read_signed(body)
        key = keys.get(signed.header.kid)
        if key is None or signed.header.kid.hex() != record.certificate_hash:
            return "the registry knows no certificate that signed it"
        verify_es256(key.public_key, signed.signing_input, signed.signature)
    except Fault as fault:
        return f"{fault.code}: the signature does not cover the document"
    header = signed.header
    if key.uid != header.device or _pair(record) != (header.device, header.device) or key.tin != record.taxpayer:
        return "signed by another device, or for another taxpayer, than the record names"
    if (record.device_seq, record.device_prev) != (str(header.sequence), header.previous.hex()):
        return "the device signed another place in its sequence"
    return "" if signed.act_hash.hex() == record.act_hash else "another act than the record names"


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
