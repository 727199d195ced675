"""The public leaf of a ledger entry: 176 bytes that name nobody and show no amount.

Offsets: 0 magic ``TSL1``; 4 kind; 5 channel; 6 flags (u16); 8 received, ms, cut to the second (u64); 16 record
commitment; 48 device link; 80 taxpayer link; 112 type link; 144 day link. A link that does not apply is zeros.
"""

from __future__ import annotations

import struct

import attrs

from tallystick.kernel.faults import Fault

LEAF_BYTES = 176
LEAF_MAGIC = b"TSL1"
NO_LINK = bytes(32)
_FORM = struct.Struct(">4sBBHQ32s32s32s32s32s")
assert _FORM.size == LEAF_BYTES


@attrs.frozen(slots=True, kw_only=True)
class Leaf:
    """The fields of a leaf; hashes are 32 bytes, ``received_ms`` is a multiple of 1000."""

    kind: int
    channel: int
    flags: int
    received_ms: int
    record_commitment: bytes
    device_link: bytes = NO_LINK
    taxpayer_link: bytes = NO_LINK
    type_link: bytes = NO_LINK
    day_link: bytes = NO_LINK


def pack_leaf(
    kind: int,
    channel: int,
    flags: int,
    received_ms: int,
    record_commitment: bytes,
    device_link: bytes,
    taxpayer_link: bytes,
    type_link: bytes,
    day_link: bytes,
) -> bytes:
    """The 176 bytes from their parts, without building a value; the time is cut to the second here."""
    return _FORM.pack(
        LEAF_MAGIC,
        kind,
        channel,
        flags,
        received_ms - received_ms % 1000,
        record_commitment,
        device_link,
        taxpayer_link,
        type_link,
        day_link,
    )


def write_leaf(leaf: Leaf) -> bytes:
    """The 176 bytes of a leaf."""
    return pack_leaf(
        leaf.kind,
        leaf.channel,
        leaf.flags,
        leaf.received_ms,
        leaf.record_commitment,
        leaf.device_link,
        leaf.taxpayer_link,
        leaf.type_link,
        leaf.day_link,
    )


def read_leaf(data: bytes) -> Leaf:
    """Read 176 bytes; raises ``TS-1220`` when the length, the magic or the cut of the time is wrong."""
    if len(data) != LEAF_BYTES:
        raise Fault("TS-1220", detail=f"a leaf has {LEAF_BYTES} bytes")
    magic, kind, channel, flags, received_ms, commitment, device, taxpayer, kind_link, day = _FORM.unpack(data)
    if magic != LEAF_MAGIC:
        raise Fault("TS-1220", detail="not a leaf of version 1")
    if received_ms % 1000:
        raise Fault("TS-1220", detail="a leaf tells no milliseconds")
    return Leaf(
        kind=kind,
        channel=channel,
        flags=flags,
        received_ms=received_ms,
        record_commitment=commitment,
        device_link=device,
        taxpayer_link=taxpayer,
        type_link=kind_link,
        day_link=day,
    )
