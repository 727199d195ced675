"""The private record of a ledger entry: RFC 8785 JSON in which every value is text, so number formats never matter.

Members with nothing to say are left out. Amounts are integers x 10000, times Unix milliseconds UTC, hashes hex. The
public leaf holds only a salted hash of these bytes.
"""

from __future__ import annotations

import msgspec

from tallystick.kernel.faults import Fault

RECORD_VERSION = "1"


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """A record; the fields stand in the order of RFC 8785, which a test guards."""

    act_hash: str = ""
    body_hash: str = ""
    certificate_hash: str = ""
    channel: str = ""
    currency: str = ""
    day: str = ""
    day_amount: str = ""
    day_seq: str = ""
    device: str = ""
    device_prev: str = ""
    device_seq: str = ""
    facts: dict[str, str] = {}
    file_hash: str = ""
    flags: tuple[str, ...] = ()
    issued_at: str = ""
    kind: str = ""
    leaf_flags: str = ""
    media_type: str = ""
    premises: str = ""
    received_at: str = ""
    refers_to: str = ""
    se_total: str = ""
    se_type: str = ""
    tax_totals: dict[str, str] = {}
    taxpayer: str = ""
    taxpayer_seq: str = ""
    total: str = ""
    type: str = ""
    type_seq: str = ""
    utc_offset_minutes: str = ""
    verdict: str = ""
    version: str


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Record).decode


def canonical_members(members: dict[str, str]) -> dict[str, str]:
    """The same members in the order of RFC 8785: by the UTF-16 code units of their names."""
    if len(members) < 2:
        return members
    return {name: members[name] for name in sorted(members, key=lambda name: name.encode("utf-16-be"))}


def write_record(record: Record) -> bytes:
    """The canonical bytes; ``facts`` and ``tax_totals`` must have come through ``canonical_members``."""
    return _encode(record)


def read_record(data: bytes) -> Record:
    """Read canonical bytes; raises ``TS-1220`` for all else, another order or spelling of the same values included."""
    try:
        record = _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Fault("TS-1220", detail=f"not a record: {error}") from None
    facts, tax_totals = canonical_members(record.facts), canonical_members(record.tax_totals)
    if _encode(msgspec.structs.replace(record, facts=facts, tax_totals=tax_totals)) != data:
        raise Fault("TS-1220", detail="a record that is not in its canonical form")
    if record.version != RECORD_VERSION:
        raise Fault("TS-1220", detail="a record of another version")
    return record
