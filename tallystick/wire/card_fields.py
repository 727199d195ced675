"""Fixed-width fields of the secure element's formats, and the CRC of its CRC mode (TaxCore wire, chapter 7)."""

from __future__ import annotations

import struct
import zlib

import attrs

from tallystick.kernel.faults import Fault
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.identifiers import parse_uid

TIN_BYTES = 20
BUYER_ID_BYTES = 20
UID_BYTES = 8
CRC_BYTES = 4
RSA_BLOCK_BYTES = 256
UINT32_MAX = 2**32 - 1
UINT56_MAX = 2**56 - 1
UINT64_MAX = 2**64 - 1


def malformed(code: str, what: str, detail: str) -> Fault:
    """The fault for bytes that are not the format they should be."""
    return Fault(code, detail=f"{what}: {detail}")


def uint56(value: int) -> bytes:
    """Seven bytes, big endian; raises ``TS-2005`` outside the range."""
    if not 0 <= value <= UINT56_MAX:
        raise Fault("TS-2005", detail="amount does not fit the card's seven bytes")
    return value.to_bytes(7, "big")


def money56(amount: Money) -> bytes:
    """An amount in the card's seven bytes."""
    return uint56(amount.scaled)


def left_padded(value: bytes, width: int, code: str = "TS-1220") -> bytes:
    """``value`` with NUL bytes before it up to ``width``; raises the coded fault when it is longer."""
    if len(value) > width:
        raise Fault(code, detail=f"more than {width} bytes")
    return value.rjust(width, b"\0")


def ascii_field(field: bytes, code: str) -> str:
    """Text of a left-padded field; raises the coded fault when it is not printable ASCII."""
    text = field.lstrip(b"\0")
    if not all(0x20 <= byte < 0x7F for byte in text):
        raise Fault(code, detail="not printable ASCII")
    return text.decode("ascii")


def uid_field(uid: str) -> bytes:
    """The eight bytes of a UID; raises ``TS-1313`` when it is not eight upper-case letters or digits."""
    return parse_uid(uid).encode("ascii")


def crc32(data: bytes) -> bytes:
    """CRC-32 (IEEE) of a data field, four bytes big endian, as CRC mode appends it."""
    return zlib.crc32(data).to_bytes(CRC_BYTES, "big")


def with_crc(data: bytes) -> bytes:
    """The data field followed by its CRC."""
    return data + crc32(data)


def strip_crc(data: bytes) -> bytes:
    """The data field without its CRC; raises ``TS-1220`` when the CRC is missing or wrong."""
    body, crc = data[:-CRC_BYTES], data[-CRC_BYTES:]
    if len(data) < CRC_BYTES or crc32(body) != crc:
        raise Fault("TS-1220", detail="CRC of the data field is wrong")
    return body


@attrs.frozen(slots=True)
class AmountStatus:
    """Unaudited sum (sales and refunds in absolute value) and limit (INS 14, 14 bytes)."""

    sum: Money
    limit: Money

    def encode(self) -> bytes:
        """Two uint56, big endian."""
        return money56(self.sum) + money56(self.limit)

    @classmethod
    def decode(cls, data: bytes) -> AmountStatus:
        """Read the 14 bytes; raises ``TS-1220``."""
        if len(data) != 14:
            raise malformed("TS-1220", "amount status", "14 bytes expected")
        return cls(Money(int.from_bytes(data[:7], "big")), Money(int.from_bytes(data[7:], "big")))

    @property
    def is_reached(self) -> bool:
        """Whether the next invoice will be refused: the crossing one was still signed (wire: 7.5)."""
        return self.sum.scaled >= self.limit.scaled


_CERT_PARAMS = struct.Struct(">8sQQ")


@attrs.frozen(slots=True)
class CertParams:
    """UID and validity of the signing certificate, times in Unix ms UTC (INS 33, 24 bytes)."""

    uid: str
    not_before_ms: int
    not_after_ms: int

    def encode(self) -> bytes:
        """The 24 bytes of the answer."""
        return _CERT_PARAMS.pack(uid_field(self.uid), self.not_before_ms, self.not_after_ms)

    @classmethod
    def decode(cls, data: bytes) -> CertParams:
        """Read the 24 bytes; raises ``TS-1220``."""
        if len(data) != _CERT_PARAMS.size:
            raise malformed("TS-1220", "certificate parameters", "24 bytes expected")
        uid, not_before, not_after = _CERT_PARAMS.unpack(data)
        return cls(ascii_field(uid, "TS-1220"), not_before, not_after)
