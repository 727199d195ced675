"""A settled place (kind 0F): an entry that stands in a device's sequence where documents are lost or rejected for good.

Its body is RFC 8785 JSON in which every value is text. It takes the places ``first`` to ``last`` of the device, behind
the link ``previous``; the sequence goes on from the link ``next``, which is the ``ts-prev`` that the device signed in
the document of the place after them. So nothing but what the device made there can follow.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import attrs
import msgspec

from tallystick.kernel.faults import Fault
from tallystick.kernel.identifiers import UINT32_MAX, parse_uid
from tallystick.wire.record import canonical_members

MEDIA_TYPE = "application/vnd.tallystick.settled-place+json"
VERSION = "1"
PLACES_MOST = 10_000
"""How many places one entry may settle: what a damaged block of a medium holds, and half of what a batch may."""
PRESENTED_MOST = 1_000
"""How many acts that were presented in those places are named one by one; ``presented_count`` counts all."""
_HASH = re.compile(r"[0-9a-f]{64}")
_NUMBER = re.compile(r"0|[1-9][0-9]{0,17}")


@attrs.frozen(slots=True, kw_only=True)
class SettledPlace:
    """What two officers settled.

    ``presented`` maps the SHA-256 of bytes that came for one of the places (hex) to that place. ``next_act`` is the act
    of the document that shows ``next``, ``next_entry`` the ledger's entry of its arrival, which holds its bytes.
    """

    device: str
    first: int
    last: int
    previous: bytes
    next: bytes
    next_act: bytes
    next_entry: int
    presented: Mapping[str, int]
    presented_count: int
    reason: str
    asked_by: str
    approved_by: str
    at_ms: int
    request: int

    @property
    def pair(self) -> str:
        """The device as records name it."""
        return f"{self.device}-{self.device}"


class _Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The fields stand in the order of RFC 8785."""

    approvedBy: str  # noqa: N815
    askedBy: str  # noqa: N815
    at: str
    device: str
    first: str
    last: str
    next: str
    nextAct: str  # noqa: N815
    nextEntry: str  # noqa: N815
    presented: dict[str, str]
    presentedCount: str  # noqa: N815
    previous: str
    reason: str
    request: str
    type: str
    version: str


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Body).decode


def write_settled_place(place: SettledPlace) -> bytes:
    """The canonical bytes."""
    return _encode(
        _Body(
            approvedBy=place.approved_by,
            askedBy=place.asked_by,
            at=str(place.at_ms),
            device=place.device,
            first=str(place.first),
            last=str(place.last),
            next=place.next.hex(),
            nextAct=place.next_act.hex(),
            nextEntry=str(place.next_entry),
            presented=canonical_members({digest: str(number) for digest, number in place.presented.items()}),
            presentedCount=str(place.presented_count),
            previous=place.previous.hex(),
            reason=place.reason,
            request=str(place.request),
            type="settled-place",
            version=VERSION,
        )
    )


def read_settled_place(body: bytes) -> SettledPlace:
    """Read canonical bytes; raises ``TS-1220`` for all else: one person alone, no reason, places that cannot be."""
    try:
        said = _decode(body)
        place = SettledPlace(
            device=parse_uid(said.device),
            first=_number(said.first),
            last=_number(said.last),
            previous=_hash(said.previous),
            next=_hash(said.next),
            next_act=_hash(said.nextAct),
            next_entry=_number(said.nextEntry),
            presented={_hash(digest).hex(): _number(number) for digest, number in said.presented.items()},
            presented_count=_number(said.presentedCount),
            reason=said.reason,
            asked_by=said.askedBy,
            approved_by=said.approvedBy,
            at_ms=_number(said.at),
            request=_number(said.request),
        )
        _check(place)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
        raise Fault("TS-1220", detail=f"not a settled place: {error}") from None
    if write_settled_place(place) != body:
        raise Fault("TS-1220", detail="a settled place of another version or form")
    return place


def _check(place: SettledPlace) -> None:
    if not 0 < place.first <= place.last < UINT32_MAX or place.last - place.first >= PLACES_MOST:
        raise ValueError(f"places {place.first} to {place.last}")
    if not place.asked_by or not place.approved_by or place.asked_by.casefold() == place.approved_by.casefold():
        raise ValueError("two persons settle a place")
    if not place.reason.strip():
        raise ValueError("no reason")
    if len(place.presented) > min(PRESENTED_MOST, place.presented_count):
        raise ValueError("more was presented than is counted")
    if not all(place.first <= number <= place.last for number in place.presented.values()):
        raise ValueError("what was presented belongs to another place")


def _hash(text: str) -> bytes:
    if _HASH.fullmatch(text) is None:
        raise ValueError("a hash is 64 small hexadecimal digits")
    return bytes.fromhex(text)


def _number(text: str) -> int:
    if _NUMBER.fullmatch(text) is None:
        raise ValueError(f"not a number: {text[:20]}")
    return int(text)
