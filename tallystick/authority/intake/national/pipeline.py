"""The way of a national document on line: fifteen steps, one device after the other, each device in its order.

No buyer has the document yet, so whatever fails is refused with one fault and changes nothing. The same bytes, and the
same act in other bytes, get the first answer; another act in the same place is evidence, and stops the device.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from datetime import datetime
from time import perf_counter

from tallystick.authority.intake import metrics
from tallystick.authority.intake.examining import at_step
from tallystick.authority.intake.national.ports import NationalRules
from tallystick.authority.intake.national.rooms import Rooms
from tallystick.authority.intake.national.standing import Standing
from tallystick.authority.intake.national.turn import Turn
from tallystick.authority.intake.national.values import NationalAnswer, Sender
from tallystick.authority.intake.national.walk import Walk, read
from tallystick.authority.intake.ports import BulkSequencer
from tallystick.authority.intake.steps import Step
from tallystick.authority.ledger.entry import Channel
from tallystick.kernel.faults import Fault
from tallystick.kernel.instants import Clock

TOGETHER = 64
"""How many documents of a bulk are judged, and go to the sequencer in one frame, before the first answer leaves."""


class NationalIntake:
    """Judges and books documents, one call each. Belongs to one event loop.

    `stopped` is the institution's switch; ``check_open`` is another gate and raises ``TS-50xx`` while documents wait.
    """

    def __init__(
        self, rules: NationalRules, sequencer: BulkSequencer, check_open: Callable[[], object] = lambda: None
    ) -> None:
        self.stopped = False
        self.walk = Walk(rules, sequencer)
        self._check_open = check_open
        self._rooms = Rooms()

    async def submit(
        self, compact: bytes, *, sender: Sender, received_at: datetime, channel: Channel = Channel.ECR_ONLINE
    ) -> NationalAnswer:
        """Judge one document as it arrived, and book it; returns once it is behind the acknowledgement gate.

        Raises one fault of the catalogue; but for ``TS-1403`` nothing has changed then. After ``TS-50xx`` the same
        bytes may be sent again.
        """
        started = perf_counter()
        try:
            answer = await self._judged(compact, sender, received_at, channel)
        except Fault as fault:
            metrics.fault(fault.step or 0, fault.code)
            raise
        metrics.booked(channel, perf_counter() - started)
        return answer

    async def submit_all(
        self, documents: Sequence[bytes], *, sender: Sender, clock: Clock, channel: Channel
    ) -> AsyncGenerator[NationalAnswer | Fault]:
        """Judge documents of one device in their order, as `submit` does each, and book many of them at a time.

        Gives for each what `submit` gives, or the fault that it raises, as they fall. Behind the first fault nothing
        more is judged; of those that the sequencer had by then, what became of each is told (``TS-1402``: nothing,
        since the one before it is missing).
        """
        for begin in range(0, len(documents), TOGETHER):
            started, failed = perf_counter(), False
            for outcome in await self._together(documents[begin : begin + TOGETHER], sender, clock, channel):
                if isinstance(outcome, Fault):
                    metrics.fault(outcome.step or 0, outcome.code)
                    failed = True
                else:
                    metrics.booked(channel, perf_counter() - started)
                yield outcome
            if failed:
                return

    async def _together(
        self, documents: Sequence[bytes], sender: Sender, clock: Clock, channel: Channel
    ) -> list[NationalAnswer | Fault]:
        """Each is judged by those before it, which are not booked yet; a fault there ends what rests on it."""
        turn = Turn(self.walk, sender, clock, channel)
        try:
            self._pass_gates()
            with self._rooms.hold(sender.uid):
                async with self.walk.standings.lock(sender.uid):
                    await turn.take(documents)
        except Fault as fault:
            turn.outcomes.append(fault)
        return turn.outcomes

    async def _judged(self, compact: bytes, sender: Sender, at: datetime, channel: Channel) -> NationalAnswer:
        self._pass_gates()
        signed, document = read(compact, sender)  # before the lock: nobody waits in another's place
        with self._rooms.hold(sender.uid):
            async with self.walk.standings.lock(sender.uid):
                return await self.walk.take_turn(signed, document, sender, at, channel)

    async def standing(self, uid: str) -> Standing:
        """Where a device stands now, read from the ledger; raises ``TS-2401`` for one that it does not know."""
        async with self.walk.standings.lock(uid):
            return await self.walk.standing(uid, fresh=True)

    def _pass_gates(self) -> None:
        if self.stopped:
            raise at_step(Step.GATES, Fault("TS-5001", retry_after_seconds=60))
        try:
            self._check_open()
        except Fault as fault:
            raise at_step(Step.GATES, fault) from None
        self._rooms.check()
