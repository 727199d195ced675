"""An erasure (kind 07) and the tombstone that stands where a body was: formats that an offline verifier can check.

The entry's body is RFC 8785 JSON in which every value is text; ``erased`` names each entry by its index, with the
SHA-256 of the body that was there. A tombstone is an empty body whose media type names the entry that ordered it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import attrs
import msgspec

from tallystick.kernel.faults import Fault
from tallystick.wire.record import canonical_members

ERASURE_MEDIA_TYPE = "application/vnd.tallystick.erasure+json"
ERASURE_VERSION = "1"
ENTRIES_MOST = 1_000
_TOMBSTONE = re.compile(r"application/vnd\.tallystick\.erased; entry=(0|[1-9][0-9]{0,17})")
_INDEX = re.compile(r"0|[1-9][0-9]{0,17}")
_HASH = re.compile(r"[0-9a-f]{64}")


@attrs.frozen(slots=True, kw_only=True)
class Erasure:
    """What two persons had erased, by which law. ``erased`` maps the index of an entry to its body's SHA-256 (hex)."""

    law: str
    asked_by: str
    approved_by: str
    at_ms: int
    request: int
    erased: Mapping[int, str]


class _Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The fields stand in the order of RFC 8785."""

    approvedBy: str  # noqa: N815
    askedBy: str  # noqa: N815
    at: str
    erased: dict[str, str]
    law: str
    request: str
    type: str
    version: str


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Body).decode


def write_erasure(erasure: Erasure) -> bytes:
    """The canonical bytes."""
    return _encode(
        _Body(
            approvedBy=erasure.approved_by,
            askedBy=erasure.asked_by,
            at=str(erasure.at_ms),
            erased=canonical_members({str(index): digest for index, digest in erasure.erased.items()}),
            law=erasure.law,
            request=str(erasure.request),
            type="erasure",
            version=ERASURE_VERSION,
        )
    )


def read_erasure(body: bytes) -> Erasure:
    """Read canonical bytes; raises ``TS-1220`` for all else."""
    try:
        read = _decode(body)
        good = all(_INDEX.fullmatch(index) and _HASH.fullmatch(digest) for index, digest in read.erased.items())
        if not good or not 0 < len(read.erased) <= ENTRIES_MOST:
            raise ValueError("entries by index and hash, at least one")
        erasure = Erasure(
            law=read.law,
            asked_by=read.askedBy,
            approved_by=read.approvedBy,
            at_ms=int(read.at),
            request=int(read.request),
            erased={int(index): digest for index, digest in read.erased.items()},
        )
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
        raise Fault("TS-1220", detail=f"not an erasure: {error}") from None
    if write_erasure(erasure) != body:
        raise Fault("TS-1220", detail="an erasure of another version or form")
    return erasure


def tombstone(entry_index: int) -> str:
    """The media type of a tombstone that the entry at that index ordered."""
    return f"application/vnd.tallystick.erased; entry={entry_index}"


def ordered_by(media_type: str) -> int | None:
    """The index of the entry that ordered a tombstone; none for a media type that is no tombstone's."""
    match = _TOMBSTONE.fullmatch(media_type)
    return int(match[1]) if match else None
