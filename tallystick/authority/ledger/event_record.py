"""The record of an entry that is no document."""

from __future__ import annotations

from tallystick.authority.ledger.entry import EntryKind, NewEntry
from tallystick.wire.record import RECORD_VERSION, Record, canonical_members


def event_record(entry: NewEntry, document_type: int, type_seq: int, act_hash: bytes, body_hash: bytes) -> Record:
    """What is known of it, and its place in its type's sequence; that of a settled place in its device's as well."""
    settles = entry.kind == EntryKind.SETTLED_PLACE
    return Record(
        act_hash=act_hash.hex(),
        body_hash=body_hash.hex(),
        certificate_hash=entry.certificate_hash.hex(),
        channel=str(entry.channel),
        device=f"{entry.device[0]}-{entry.device[1]}" if entry.device[1] else "",
        device_prev=entry.device_prev.hex() if settles else "",
        device_seq=str(entry.device_seq) if settles else "",
        facts=canonical_members(entry.facts),
        file_hash=entry.file_hash.hex(),
        flags=entry.flags,
        issued_at=str(entry.issued_at_ms) if entry.issued_at_ms else "",
        kind=str(entry.kind),
        leaf_flags=str(entry.leaf_flags) if entry.leaf_flags else "",
        media_type=entry.media_type,
        premises=entry.premises,
        received_at=str(entry.received_at_ms),
        refers_to=entry.refers_to,
        se_total=str(entry.se_total) if entry.se_total else "",
        taxpayer=entry.tin,
        type=str(document_type),
        type_seq=str(type_seq),
        verdict=str(entry.verdict),
        version=RECORD_VERSION,
    )
