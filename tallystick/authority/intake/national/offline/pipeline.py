"""Books the documents of a batch, in the order of their device, many at a time (S0-062, K-21, K-24).

The same fifteen steps with the checks of the offline channel. The sequencer gives each document the place that its
device signed or none, so whatever was booked before a crash is found booked, and a batch begins where it stopped.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable, Iterator

import attrs

from tallystick.authority.intake.examining import at_step
from tallystick.authority.intake.national.offline.openers import Openers
from tallystick.authority.intake.national.offline.opening import Arrival
from tallystick.authority.intake.national.offline.ports import OfflineRules
from tallystick.authority.intake.national.offline.run import BatchRun, OpenedBlock
from tallystick.authority.intake.national.offline.segments import Single
from tallystick.authority.intake.national.offline.values import ArrivedPart, OfflineBatch, Tally
from tallystick.authority.intake.national.values import Sender
from tallystick.authority.intake.ports import BulkSequencer
from tallystick.authority.intake.steps import Step
from tallystick.kernel.faults import Fault

SHARE = 512
"""How many documents of all batches of a process wait in the sequencer's queue: an eighth of it, so that a returning
fleet cannot fill it, and what is sold on line waits behind a tenth of a second of it at most."""
LEAST_IN_FLIGHT = 16
BLOCK_BYTES = 256 * 1024
"""What is opened at once. A batch holds one part and, for each process that opens, three blocks of it in memory."""


class OfflineIntake:
    """Books batches side by side. Belongs to one event loop. `stopped` is the institution's switch."""

    def __init__(self, rules: OfflineRules, sequencer: BulkSequencer, openers: Openers, share: int = SHARE) -> None:
        self.stopped = False
        self._rules = rules
        self._sequencer = sequencer
        self._openers = openers
        self._share = share
        self._active = 0

    async def book(self, batch: OfflineBatch, parts: AsyncIterator[ArrivedPart]) -> Tally:
        """Book every document, or keep it apart; returns once all of it is behind the acknowledgement gate.

        Raises ``TS-50xx`` and ``TS-1402`` when it cannot go on now: then the same batch may be booked again, and what
        is booked already is found.
        """
        if self.stopped:
            raise at_step(Step.GATES, Fault("TS-5001", retry_after_seconds=60))
        standing = await self._rules.stores.standing(batch.sender.uid)
        if standing is None:
            fault = Fault("TS-5002", detail="the registration is not in the ledger yet", retry_after_seconds=5)
            raise at_step(Step.DEVICE_STATE, fault)
        self._active += 1
        run = BatchRun(self._rules, self._sequencer, batch, standing, self._window)
        try:
            async for block in self._opened(batch.sender, parts):
                await run.take(block)
            return await run.finish()
        finally:
            self._active -= 1
            run.give_up()

    def _window(self) -> int:
        """How many documents of one batch may be on their way: its part of the share."""
        return max(LEAST_IN_FLIGHT, self._share // max(1, self._active))

    async def _opened(self, sender: Sender, parts: AsyncIterator[ArrivedPart]) -> AsyncIterator[OpenedBlock]:
        """Blocks in order, opened; the next ones are opened while one is booked."""
        waiting: deque[asyncio.Task[OpenedBlock]] = deque()
        try:
            async for part in parts:
                for text in blocks(part.text):
                    waiting.append(asyncio.create_task(self._open(sender, part, text)))
                    if len(waiting) > self._openers.ahead:
                        yield await waiting.popleft()
            while waiting:
                yield await waiting.popleft()
        finally:
            for task in waiting:
                task.cancel()

    async def _open(self, sender: Sender, part: ArrivedPart, text: bytes) -> OpenedBlock:
        """Opened with the certificate of the connection, and once more where others have signed."""
        devices = self._rules.national.devices
        arrival = Arrival(
            sender=sender,
            device=devices.device(sender.uid),
            signers=self._keys([sender.certificate_hash]),
            received_at=part.received_at,
        )
        segments = await self._openers.open(arrival, text)
        unknown = {one.unknown for one in segments if isinstance(one, Single) and one.unknown}
        if unknown:
            arrival = attrs.evolve(arrival, signers={**arrival.signers, **self._keys(unknown)})
            segments = await self._openers.open(arrival, text)
        return OpenedBlock(arrival, text.removesuffix(b"\n").split(b"\n"), segments)

    def _keys(self, signers: Iterable[bytes]) -> dict[bytes, bytes]:
        devices = self._rules.national.devices
        found = {one: devices.certificate(one) for one in signers}
        return {one: b"" if entry is None else entry.public_key.spki for one, entry in found.items()}


def blocks(text: bytes) -> Iterator[bytes]:
    """A part's text in pieces of whole lines, each of so many bytes or one line."""
    begin = 0
    while begin < len(text):
        end = text.rfind(b"\n", begin, begin + BLOCK_BYTES) + 1 or text.find(b"\n", begin) + 1 or len(text)
        yield text[begin:end]
        begin = end
