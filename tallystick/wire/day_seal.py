"""The seal of a business day: RFC 8785 JSON that says what a day's documents were when it was sealed.

All values are text: counts in decimal, amounts x 10000, hashes hex. ``previous`` is the hash of the seal made before,
of whatever day; ``former`` that of the same day's revision before. A seal never changes: documents that come later make
another revision.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, timedelta

import attrs
import msgspec

from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import sha256
from tallystick.kernel.national_document import DocumentType
from tallystick.wire.record import Record, canonical_members

SEAL_VERSION = "1"
_CLOSING = str(int(DocumentType.SHIFT_CLOSING))
_EPOCH = date(1970, 1, 1)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


def write_day(day: int) -> str:
    """A day since 1970 as ``2026-11-27``; raises ``OverflowError`` beyond the year 9999."""
    return (_EPOCH + timedelta(days=day)).isoformat()


def parse_day(text: str) -> int:
    """Days since 1970; raises ``TS-4003`` for what is no date."""
    try:
        if not _DATE.fullmatch(text):
            raise ValueError
        return (date.fromisoformat(text) - _EPOCH).days
    except ValueError:
        raise Fault("TS-4003", detail="a date is expected, such as 2026-11-27") from None


class TypeTotals(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One document type of a day; the fields stand in the order of RFC 8785."""

    count: str
    taxes: dict[str, str]
    total: str


class DaySeal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A seal. ``devicesWithZ`` counts devices whose own closing report is booked for the day.

    The fields stand in the order of RFC 8785, which a test guards.
    """

    day: str
    devices: str
    devicesWithZ: str  # noqa: N815 - the wire's spelling
    devicesWithoutZ: str  # noqa: N815
    entries: str
    firstSeq: str  # noqa: N815
    former: str
    lastSeq: str  # noqa: N815
    link: str
    number: str
    previous: str
    revision: str
    size: str
    total: str
    types: dict[str, TypeTotals]
    version: str


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(DaySeal).decode


@attrs.define(slots=True)
class _Type:
    count: int = 0
    total: int = 0
    taxes: dict[str, int] = attrs.Factory(dict)


@attrs.define(slots=True)
class DayFold:
    """The documents of one day, one after the other in the day's order; ``link`` is that of the last one."""

    seq: int = 0
    total: int = 0
    link: bytes = b""
    _types: dict[str, _Type] = attrs.Factory(dict)
    _devices: set[str] = attrs.Factory(set)
    _closed: set[str] = attrs.Factory(set)

    def add(self, record: Record, seq: int, link: bytes) -> None:
        """Take the next document; raises ``ValueError`` when it does not follow or says no numbers."""
        if seq != self.seq + 1:
            raise ValueError(f"number {self.seq + 1} of the day lacks")
        kind = self._types.setdefault(record.type, _Type())
        kind.count += 1
        kind.total += int(record.total or "0")
        for category, amount in record.tax_totals.items():
            kind.taxes[category] = kind.taxes.get(category, 0) + int(amount)
        self.total += int(record.day_amount or "0")
        self._devices.add(record.device)
        if record.type == _CLOSING:
            self._closed.add(record.device)
        self.seq, self.link = seq, link

    def seal(self, day: int, *, number: int, revision: int, previous: bytes, former: bytes, size: int) -> DaySeal:
        """The seal of what was taken so far; ``size`` is that of the ledger when it was read."""
        return DaySeal(
            day=write_day(day),
            devices=str(len(self._devices)),
            devicesWithZ=str(len(self._closed)),
            devicesWithoutZ=str(len(self._devices) - len(self._closed)),
            entries=str(self.seq),
            firstSeq="1" if self.seq else "0",
            former=former.hex(),
            lastSeq=str(self.seq),
            link=self.link.hex(),
            number=str(number),
            previous=previous.hex(),
            revision=str(revision),
            size=str(size),
            total=str(self.total),
            types={name: _totals(self._types[name]) for name in sorted(self._types)},
            version=SEAL_VERSION,
        )


def _totals(kind: _Type) -> TypeTotals:
    taxes = canonical_members({category: str(amount) for category, amount in kind.taxes.items()})
    return TypeTotals(count=str(kind.count), taxes=taxes, total=str(kind.total))


def write_seal(seal: DaySeal) -> bytes:
    """The canonical bytes; their SHA-256 is the seal's name in the next one."""
    return _encode(seal)


def seal_hash(body: bytes) -> bytes:
    """The name by which another seal refers to this one."""
    return sha256(body)


def read_seal(body: bytes) -> DaySeal:
    """Read canonical bytes; raises ``TS-1220`` for all else."""
    try:
        seal = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Fault("TS-1220", detail=f"not the seal of a day: {error}") from None
    if seal.version != SEAL_VERSION or write_seal(_in_order(seal)) != body:
        raise Fault("TS-1220", detail="a seal of another version or form")
    return seal


def _in_order(seal: DaySeal) -> DaySeal:
    types: Mapping[str, TypeTotals] = {
        name: msgspec.structs.replace(seal.types[name], taxes=canonical_members(seal.types[name].taxes))
        for name in sorted(seal.types)
    }
    return msgspec.structs.replace(seal, types=types)
