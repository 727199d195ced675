"""What the self-check reads out of a record: its place in each sequence, checked as if the record were forged."""

from __future__ import annotations

from tallystick.authority.ledger.entry import EntryKind
from tallystick.authority.ledger.findings import Shows
from tallystick.authority.ledger.sweep_rows import Key
from tallystick.wire.record import Record

_DOCUMENT = int(EntryKind.DOCUMENT)
_SETTLED = int(EntryKind.SETTLED_PLACE)


def keys_of(record: Record) -> dict[Shows, tuple[Key, int]]:
    """Key and number of an entry in each of its sequences.

    ``ValueError`` when the record lacks one, or holds what no record of ours can: this one may have been forged.
    """
    _ = bytes.fromhex(record.body_hash + record.certificate_hash + record.act_hash), int(record.verdict)
    _within(record.received_at, 0, 2**47)
    keys: dict[Shows, tuple[Key, int]] = {Shows.TYPE: ((_within(record.type, 0, 0xFFFF),), _number(record.type_seq))}
    if record.kind in (str(_DOCUMENT), str(_SETTLED)):
        requested_by, dash, signed_by = record.device.partition("-")
        if not dash or not record.taxpayer.isascii():
            raise ValueError("a document without a device, or of a taxpayer that is none")
        keys[Shows.DEVICE] = ((signed_by, requested_by), _number(record.device_seq))
    if record.kind == str(_DOCUMENT):
        keys[Shows.TAXPAYER] = ((record.taxpayer,), _number(record.taxpayer_seq))
        keys[Shows.DAY] = ((_within(record.day, -(2**31), 2**31 - 1),), _number(record.day_seq))
        _ = _number(record.se_total), int(record.day_amount)
    if "\0" in record.device + record.taxpayer:
        raise ValueError("names that no table can hold")
    return keys


def _number(text: str) -> int:
    return _within(text, 0, 2**63 - 1)


def _within(text: str, low: int, high: int) -> int:
    number = int(text)
    if not low <= number <= high:
        raise ValueError(f"{number} is out of range")
    return number


def number_of(record: Record) -> tuple[str, str, int]:
    """Signer, requester and ordinal of a document."""
    requested_by, _, signed_by = record.device.partition("-")
    return signed_by, requested_by, int(record.se_total)
