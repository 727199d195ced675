"""Documents of one batch on their way to the sequencer: many a frame, and never more at a time than the window."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

import attrs

from tallystick.authority.intake.national.offline.segments import STRETCH_MOST
from tallystick.authority.intake.national.offline.values import Tally
from tallystick.authority.intake.ports import BulkSequencer
from tallystick.authority.ledger.entry import Booked
from tallystick.kernel.faults import Fault

Codes = tuple[str, ...]
"""The flags of a document."""


@attrs.frozen(slots=True)
class _Flight:
    """Documents that the sequencer was asked to book, up to ``last``."""

    last: int
    codes: Sequence[Codes]
    booked: asyncio.Task[list[Booked | Fault]]


class Flights:
    """Sends in order, and notes in the tally what has landed. ``confirmed`` is the last number that is booked."""

    def __init__(self, sequencer: BulkSequencer, tally: Tally, window: Callable[[], int], confirmed: int) -> None:
        self.confirmed = confirmed
        self._sequencer = sequencer
        self._tally = tally
        self._window = window
        self._flights: deque[_Flight] = deque()
        self._in_flight = 0
        self._appends: list[bytes] = []
        self._codes: list[Codes] = []
        self._last = confirmed

    async def add(self, append: bytes, sequence: int, codes: Codes) -> None:
        """One document more; it leaves with those that follow."""
        self._appends.append(append)
        self._codes.append(codes)
        self._last = sequence
        if len(self._appends) >= STRETCH_MOST:
            await self.send()

    async def add_all(self, appends: list[bytes], last: int) -> None:
        """A whole frame of documents without flags."""
        await self.send()
        self._appends, self._codes, self._last = appends, [()] * len(appends), last
        await self.send()

    async def send(self) -> None:
        """What is ready goes to the sequencer in one frame, once there is room in the window."""
        if not self._appends:
            return
        while self._flights and self._in_flight + len(self._appends) > self._window():
            await self._land()
        appends, codes = self._appends, self._codes
        self._appends, self._codes = [], []
        booked = asyncio.create_task(self._sequencer.append_many(appends))
        self._flights.append(_Flight(self._last, codes, booked))
        self._in_flight += len(codes)

    async def land_all(self) -> None:
        """Wait for all; raises the first fault of the sequencer, and what is behind it is not believed to be booked."""
        await self.send()
        while self._flights:
            await self._land()

    def give_up(self) -> None:
        """Nobody waits any more for what is on its way."""
        for flight in self._flights:
            flight.booked.cancel()

    async def _land(self) -> None:
        """Wait for the oldest, and take all that are done behind it."""
        flights = self._flights
        await asyncio.wait((flights[0].booked,))
        while flights and flights[0].booked.done():
            flight = flights.popleft()
            for booked, codes in zip(flight.booked.result(), flight.codes, strict=True):
                if isinstance(booked, Fault):
                    raise booked
                self._tally.book(booked.index, codes)
            self._in_flight -= len(flight.codes)
            self.confirmed = flight.last
