"""The private record of a ledger entry: RFC 8785 JSON in which every value is text, so number formats never matter.

Members with nothing to say are left out. Amounts are integers x 10000, times Unix milliseconds UTC, hashes hex. The
public leaf holds only a salted hash of these bytes.
"""

from __future__ import annotations

from binascii import hexlify
from typing import Protocol

import msgspec

from tallystick.kernel.faults import Fault

RECORD_VERSION = "1"
BUYER_FACT = "buyer"
"""The fact that holds the commitment to the buyer's identification (hex), where the body names a buyer."""


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
    if max(max(name, default="") for name in members) < "\ud800":  # code points and code units agree up to here
        return {name: members[name] for name in sorted(members)}
    return {name: members[name] for name in sorted(members, key=lambda name: name.encode("utf-16-be"))}


def write_record(record: Record) -> bytes:
    """The canonical bytes; ``facts`` and ``tax_totals`` must have come through ``canonical_members``."""
    return _encode(record)


class DocumentFacts(Protocol):
    """What the record of a document takes over from the entry that was handed in; empty and 0 are left out."""

    @property
    def channel(self) -> int: ...
    @property
    def certificate_hash(self) -> bytes: ...
    @property
    def currency(self) -> str: ...
    @property
    def day(self) -> int: ...
    @property
    def day_amount(self) -> int: ...
    @property
    def device(self) -> tuple[str, str]: ...
    @property
    def facts(self) -> dict[str, str]: ...
    @property
    def file_hash(self) -> bytes: ...
    @property
    def flags(self) -> tuple[str, ...]: ...
    @property
    def issued_at_ms(self) -> int: ...
    @property
    def kind(self) -> int: ...
    @property
    def leaf_flags(self) -> int: ...
    @property
    def media_type(self) -> str: ...
    @property
    def premises(self) -> str: ...
    @property
    def received_at_ms(self) -> int: ...
    @property
    def refers_to(self) -> str: ...
    @property
    def se_total(self) -> int: ...
    @property
    def se_type(self) -> int: ...
    @property
    def tax_totals(self) -> dict[str, int]: ...
    @property
    def tin(self) -> str: ...
    @property
    def total(self) -> int: ...
    @property
    def utc_offset_minutes(self) -> int: ...
    @property
    def verdict(self) -> int: ...


_DOCUMENT = (
    b'{"act_hash":"%b","body_hash":"%b",%b"channel":"%d",%b"day":"%d","day_amount":"%d","day_seq":"%d",'
    b'"device":"%b-%b","device_prev":"%b","device_seq":"%d",%b"kind":"%d",%b"received_at":"%d",%b"se_total":"%d",'
    b'%b"taxpayer_seq":"%d","total":"%d","type":"%d","type_seq":"%d","utc_offset_minutes":"%d",'
    b'"verdict":"%d","version":"1"}'
)


def write_document_record(
    said: DocumentFacts,
    act_hash: bytes,
    body_hash: bytes,
    device_prev: bytes,
    device_seq: int,
    taxpayer_seq: int,
    document_type: int,
    type_seq: int,
    day_seq: int,
) -> bytes:
    """The canonical bytes of a document's record, made in one go: every document of a nation passes here."""
    facts = flags = b""
    if said.facts:
        facts = b'"facts":%b,' % _encode(canonical_members(said.facts))
    if said.file_hash:
        facts += b'"file_hash":"%b",' % hexlify(said.file_hash)
    if said.flags:
        facts += b'"flags":%b,' % _encode(said.flags)
    if said.issued_at_ms:
        facts += b'"issued_at":"%d",' % said.issued_at_ms
    if said.leaf_flags:
        flags = b'"leaf_flags":"%d",' % said.leaf_flags
    if said.media_type:
        flags += b'"media_type":%b,' % _encode(said.media_type)
    if said.premises:
        flags += b'"premises":%b,' % _encode(said.premises)
    counters = b'"se_type":"%d",' % said.se_type if said.se_type else b""
    if said.tax_totals:
        totals = {label: str(amount) for label, amount in said.tax_totals.items()}
        counters += b'"tax_totals":%b,' % _encode(canonical_members(totals))
    if said.tin:
        counters += b'"taxpayer":%b,' % _encode(said.tin)
    requested_by, signed_by = said.device
    return _DOCUMENT % (
        hexlify(act_hash),
        hexlify(body_hash),
        b'"certificate_hash":"%b",' % hexlify(said.certificate_hash) if said.certificate_hash else b"",
        said.channel,
        b'"currency":%b,' % _encode(said.currency) if said.currency else b"",
        said.day,
        said.day_amount,
        day_seq,
        requested_by.encode("ascii"),
        signed_by.encode("ascii"),
        hexlify(device_prev),
        device_seq,
        facts,
        said.kind,
        flags,
        said.received_at_ms,
        b'"refers_to":%b,' % _encode(said.refers_to) if said.refers_to else b"",
        said.se_total,
        counters,
        taxpayer_seq,
        said.total,
        document_type,
        type_seq,
        said.utc_offset_minutes,
        said.verdict,
    )


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
