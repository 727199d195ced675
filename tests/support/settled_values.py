"""A settled place and its entry, for tests of the ledger and of whoever reads it."""

from __future__ import annotations

from typing import Any

import attrs

from tallystick.authority.ledger.entry import Channel, EntryKind, NewEntry
from tallystick.kernel.hashing import sha256
from tallystick.wire.settled_place import MEDIA_TYPE, SettledPlace, write_settled_place

NEXT = sha256(b"what the device signed behind it")


def a_place(device: str, first: int, last: int, previous: bytes, **changes: Any) -> SettledPlace:
    """One that two officers settled."""
    place = SettledPlace(
        device=device,
        first=first,
        last=last,
        previous=previous,
        next=NEXT,
        next_act=sha256(b"act"),
        next_entry=1,
        presented={},
        presented_count=0,
        reason="a bad sector",
        asked_by="vera",
        approved_by="omar",
        at_ms=1_800_000_000_000,
        request=1,
    )
    return attrs.evolve(place, **changes)


def place_entry(place: SettledPlace, device: str = "", at_ms: int = 1_800_000_000_000) -> NewEntry:
    """As the worker hands it to the sequencer."""
    uid = device or place.device
    return NewEntry(
        kind=EntryKind.SETTLED_PLACE,
        channel=Channel.NONE,
        body=write_settled_place(place),
        media_type=MEDIA_TYPE,
        received_at_ms=at_ms,
        device=(uid, uid),
        tin="100000001",
        facts={"event": "place settled", "first": str(place.first)},
    )
