"""Where the self-check's recomputed sequences stand, and the link that has to follow."""

from __future__ import annotations

import attrs

from tallystick.authority.ledger.findings import Shows
from tallystick.authority.ledger.sweep_rows import Key
from tallystick.kernel.hashing import day_link, device_link, taxpayer_link, type_link


@attrs.define(slots=True)
class Standing:
    """Where a recomputed sequence stands."""

    seq: int
    link: bytes
    total: int = 0


def next_link(shows: Shows, standing: Standing, key: Key, seq: int, body_hash: bytes) -> bytes:
    """The link of the next entry in a sequence; for the day's, ``standing`` has its amount in the total already."""
    if shows is Shows.DEVICE:
        return device_link(standing.link, seq, body_hash)
    if shows is Shows.TAXPAYER:
        return taxpayer_link(standing.link, seq, body_hash)
    assert isinstance(key[0], int)
    if shows is Shows.TYPE:
        return type_link(standing.link, key[0], seq, body_hash)
    return day_link(standing.link, key[0], seq, body_hash, standing.total)
