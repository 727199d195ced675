"""Brings a register's batch to the authority over its channel, a step at a time, and goes on wherever it was cut off.

Announce · what is there? · parts, as they are cut · the report that closes it · manifest · receipt · anchor. Each step
is stored before it is taken and may be taken again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from tallystick.device.ecr.batch_store import Batch, BatchState, Part
from tallystick.device.ecr.batches import REPORT_EVERY
from tallystick.device.ecr.channel import Channel
from tallystick.device.ecr.needs import Disagrees, Refused
from tallystick.device.ecr.register import Register
from tallystick.kernel.faults import Fault
from tallystick.wire.batch_receipt import BatchAnswer, BatchReceipt
from tallystick.wire.compact_jws import read_base64url

log = logging.getLogger(__name__)
_GAP = "TS-1402"
_ANNOUNCE_AGAIN = frozenset({"TS-3282", "TS-3283"})
"""The authority does not know the batch any more, or closed it by what we forgot: ask how it stands."""
_WRONG = frozenset({"TS-1403", "TS-1404", "TS-2409", "TS-2410", "TS-3281", "TS-3285"})
"""What the authority has of us is not what we have."""


class Bringing:
    """Of one register; ``goes_on`` says before each step whether there is time for it."""

    def __init__(self, register: Register, channel: Channel, goes_on: Callable[[], bool] = lambda: True) -> None:
        self._register = register
        self._batches = register.batches
        self._channel = channel
        self._goes_on = goes_on
        self._agreed = b""
        self._closed = b""
        self._spoke = False
        self._seal_from: datetime | None = None
        self._asked_at: datetime | None = None
        self._wait = timedelta(0)
        self._asked_on_hold = False

    def forget(self) -> None:
        """An exchange failed: compare again before anything else."""
        self._agreed = self._closed = b""
        self._asked_at = None

    def bring(self) -> bool:
        """As far as it goes now; whether the authority was spoken to.

        Raises what a `Channel` raises; `Disagrees` where the authority's word is not that of our documents.
        """
        self._spoke = False
        while self._goes_on():
            batch = self._batches.on_its_way()
            try:
                if batch is None or not self._step(batch):
                    break
            except Refused as refused:
                assert batch is not None
                self._refused(batch, refused.fault)
                raise
        return self._spoke

    def _step(self, batch: Batch) -> bool:
        """One step; false where only time helps."""
        missing = next((part for part in batch.parts if not part.is_there), None)
        is_agreed = self._agreed == batch.batch_id
        if is_agreed and missing is None and batch.state is BatchState.OPEN:
            return self._cut(batch)
        if batch.state is BatchState.SEALED and not self._may_ask():
            return False
        self._spoke = True
        if batch.state is BatchState.RECEIVED:
            self._register.finish_batch(batch, self._checkpoint())
            return True
        if not is_agreed:
            return self._agree(batch)
        if missing is not None:
            return self._put(batch, missing)
        return self._close(batch)

    def _agree(self, batch: Batch) -> bool:
        said = self._channel.announce(batch.batch_id, batch.first)
        if said.state == "open":
            self._batches.agree(batch, said)
            self._agreed = batch.batch_id
            return True
        return self._take(batch, self._channel.find_batch(batch.batch_id))

    def _put(self, batch: Batch, part: Part) -> bool:
        said = self._channel.put_part(batch.batch_id, part.number, self._batches.text(part))
        self._batches.part_is_there(batch, part, said)
        return True

    def _cut(self, batch: Batch) -> bool:
        if not self._batches.is_worth_cutting(batch):
            if self._batches.target(batch, batch.next_first - 1) is not None:
                self._batches.seal(batch, self._register.setup, self._register.clock())
                return True
            return self._seal_interim()
        return self._batches.cut(batch, self._register.sealed_up_to()) is not None

    def _seal_interim(self) -> bool:
        """The authority hears us and only a report is missing: make one, so that no receipt waits for the shift's end.

        What keeps it from being made (a memory that is full, a clock) is no trouble of the way: the Z report comes.
        """
        register = self._register
        now = register.clock()
        if self._seal_from is not None and now < self._seal_from:
            return False
        if not (self._batches.may_report(now) or register.is_barred or register.status().window.warns):
            return False
        try:
            return register.seal_interim()
        except Fault as fault:
            log.warning("no interim seal can be made: %s", fault)
            self._seal_from = now + REPORT_EVERY
            return False

    def _close(self, batch: Batch) -> bool:
        if self._closed == batch.batch_id:
            return self._take(batch, self._channel.find_batch(batch.batch_id))
        assert batch.manifest is not None
        answer = self._channel.close_batch(batch.batch_id, batch.manifest)
        self._closed = batch.batch_id
        return self._take(batch, answer)

    def _take(self, batch: Batch, answer: BatchAnswer) -> bool:
        if isinstance(answer, BatchReceipt):
            self._batches.awaits_release = False
            self._batches.receive(batch, answer)
            return True
        if answer.batch != batch.batch_id:
            raise Disagrees("the authority answered about another batch")
        if answer.state == "open":
            self.forget()
        self._batches.awaits_release = answer.waits_for_release
        self._asked_at, self._wait = self._register.clock(), timedelta(seconds=answer.wait_seconds)
        self._asked_on_hold = bool(self._register.why_held)
        return False

    def _may_ask(self) -> bool:
        """The receipt is asked for when the authority said; at once when a command has ended the hold meanwhile."""
        if self._asked_on_hold and not self._register.why_held:
            return True
        return self._asked_at is None or not timedelta(0) <= self._register.clock() - self._asked_at < self._wait

    def _checkpoint(self) -> bytes:
        try:
            return self._channel.look().checkpoint
        except Refused:
            return b""

    def _refused(self, batch: Batch, fault: Fault) -> None:
        self.forget()
        if fault.code in _WRONG:
            raise Disagrees(f"{fault.code} {fault.detail}")
        if fault.code == _GAP:
            sequence, previous = _expected(fault)
            self._batches.check_place(batch, sequence, previous)
            self._withdraw(batch)
            self._batches.go_back(batch, sequence)

    def _withdraw(self, batch: Batch) -> None:
        try:
            self._channel.withdraw(batch.batch_id)
        except Refused as refused:
            if refused.fault.code not in _ANNOUNCE_AGAIN:
                raise


def _expected(refused: Fault) -> tuple[int, bytes]:
    try:
        return int(refused.expected["ts-seq"]), read_base64url(refused.expected["ts-prev"].encode())
    except (KeyError, ValueError, Fault):
        return 0, b""
