"""Where each device stands, in memory: place and link of its sequence, its register, and nonces of the time window.

All of it is a fold over the ledger and is read from there when a process meets a device, or finds that another process
has booked for it. So nothing that was seen is forgotten by a crash.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable

import attrs

from tallystick.authority.ledger.entry import Channel
from tallystick.kernel.shifts import RegisterState

KEPT_MOST = 50_000


@attrs.define(slots=True, eq=False)
class Standing:
    """One device's. ``nonces`` maps those of the window to their times (Unix ms); ``unsure`` says that a body of the
    open shift is erased, so that its totals cannot be recomputed. ``admitted`` is what the country's table of devices
    let pass last: the very values of device and certificate, and the channel."""

    sequence: int
    link: bytes
    state: RegisterState
    nonces: dict[bytes, int] = attrs.field(factory=dict)
    unsure: bool = False
    admitted: tuple[object, object, Channel] | None = None

    def take(self, sequence: int, link: bytes, state: RegisterState, nonce: bytes, time_ms: int) -> None:
        """A document of the device is booked."""
        self.sequence, self.link, self.state = sequence, link, state
        self.nonces[nonce] = time_ms
        if not state.is_open:
            self.unsure = False

    def forget_nonces(self, before_ms: int) -> None:
        """Let go of nonces of documents that the time window refuses anyway."""
        while self.nonces:
            oldest = next(iter(self.nonces))
            if self.nonces[oldest] >= before_ms:
                return
            del self.nonces[oldest]


@attrs.define(slots=True, eq=False)
class _Place:
    lock: asyncio.Lock = attrs.field(factory=asyncio.Lock)
    standing: Standing | None = None
    is_stale: bool = False


Load = Callable[[str, Standing | None], Awaitable[Standing | None]]
"""Reads where a device stands, from where it was known to stand."""


class Standings:
    """The devices that a process has met lately. Belongs to one event loop."""

    def __init__(self, load: Load, kept_most: int = KEPT_MOST) -> None:
        self._load = load
        self._kept_most = kept_most
        self._places: OrderedDict[str, _Place] = OrderedDict()

    def lock(self, uid: str) -> asyncio.Lock:
        """One document of a device at a time; ask `of` only under it."""
        place = self._places.get(uid)
        if place is None:
            place = self._places[uid] = _Place()
            self._make_room()
        else:
            self._places.move_to_end(uid)
        return place.lock

    async def of(self, uid: str, *, fresh: bool = False) -> Standing | None:
        """Where the device stands; none for one that the ledger does not know. ``fresh`` reads it again."""
        place = self._places.setdefault(uid, _Place())
        if place.standing is None or place.is_stale or fresh:
            place.standing = await self._load(uid, place.standing)
            place.is_stale = False
        return place.standing

    def doubt(self, uid: str) -> None:
        """Read on the next time: what became of a document is not known here."""
        place = self._places.get(uid)
        if place is not None:
            place.is_stale = True

    def forget(self, uid: str) -> None:
        """Read all of it the next time: it was moved on by documents that may not be booked."""
        place = self._places.get(uid)
        if place is not None:
            place.standing = None

    def _make_room(self) -> None:
        for uid in list(self._places)[: max(0, len(self._places) - self._kept_most)]:
            if not self._places[uid].lock.locked():
                del self._places[uid]
