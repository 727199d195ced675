"""The background of a register: brings waiting documents to the authority, and open fates to their end (S0-095).

Whoever stands at the till never waits for it. One round at a time; after a failure the next one comes later, spread by
chance so that a fleet does not return in one second.
"""

from __future__ import annotations

import logging
import random
import threading
from datetime import timedelta

import attrs

from tallystick.device.ecr.bringing import Bringing
from tallystick.device.ecr.channel import Channel
from tallystick.device.ecr.needs import Disagrees, NoAnswer, NotSent, NotTrusted, Refused
from tallystick.device.ecr.register import REVOKED, Register
from tallystick.device.ecr.remote.control import RemoteControl
from tallystick.device.ecr.renewing import Renewal
from tallystick.device.ecr.store import Waiting
from tallystick.kernel.fault_catalogue import CATALOGUE, Retry
from tallystick.kernel.faults import Fault
from tallystick.kernel.instants import Clock, unix_ms

log = logging.getLogger(__name__)

BATCH_MOST = 500
_CONTRADICTIONS = frozenset({"TS-1403", "TS-1404", "TS-3285"})
"""The authority has seen another register under our name, or a later state of this one."""


@attrs.frozen(slots=True, kw_only=True)
class Pace:
    """Seconds: between rounds, between contacts without documents, and after failures at most.

    Documents younger than ``fresh_seconds`` are sent one by one, as the online channel takes them (±120 s); older ones
    as a batch.
    """

    round_seconds: float = 2.0
    contact_seconds: float = 300.0
    patience_seconds_most: float = 120.0
    fresh_seconds: float = 90.0


class Synchroniser:
    """Rounds in a thread of its own; `round` alone is one of them."""

    def __init__(
        self,
        register: Register,
        channel: Channel,
        clock: Clock,
        pace: Pace | None = None,
        renewal: Renewal | None = None,
        control: RemoteControl | None = None,
    ) -> None:
        self._register = register
        self._channel = channel
        self._clock = clock
        self._pace = pace or Pace()
        self._renewal = renewal
        self._control = control
        self._failures = 0
        self._contact_ms = 0
        self._stopped = threading.Event()
        self._bringing = Bringing(register, channel, lambda: not self._stopped.is_set())
        self._asked = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ecr-background", daemon=True)

    def start(self) -> None:
        """Begin with the rounds."""
        self._thread.start()

    def stop(self) -> None:
        """End after the round that is at work."""
        self._stopped.set()
        self._asked.set()
        if self._thread.ident is not None:
            self._thread.join()

    def ask_now(self) -> None:
        """Do not wait for the next round."""
        self._asked.set()

    def round(self) -> bool:
        """Send what waits; tells whether the authority was reached, or need not be."""
        register = self._register
        if not register.settle():
            return False
        try:
            if register.is_stopped:
                return False
            self._exchange()
            return True
        except (NotSent, NoAnswer) as error:
            register.trouble = str(error)
            self._contact_ms = 0
            if isinstance(error, NotTrusted):
                register.bar(str(error))
        except Refused as refused:
            register.trouble = str(refused.fault)
            self._hear(refused.fault)
        except Disagrees as error:
            register.stop(str(error))
        self._bringing.forget()
        return False

    def _exchange(self) -> None:
        register = self._register
        waiting = register.waiting(1)
        if waiting and register.batches.overflows(waiting[0].sequence):
            self._seal_interim()
        wants_contact = self._wants_contact()
        if wants_contact and register.setup.works_offline:
            self._report_head()
        if waiting and register.batches.on_its_way() is None:
            if waiting[0].time_ms >= unix_ms(self._clock() - timedelta(seconds=self._pace.fresh_seconds)):
                self._send_one_by_one()
            else:
                register.batches.begin(waiting[0].sequence)
        if self._bringing.bring() or wants_contact:
            self._look()
            register.sent([], 0, b"")
            self._contact_ms = unix_ms(self._clock())

    def obey(self) -> bool:
        """Commands of the authority, also where it takes no documents just now; whether it was reached, if asked."""
        if self._control is None:
            return True
        try:
            self._control.round()
        except (NotSent, NoAnswer) as error:
            self._register.trouble = str(error)
            return False
        except Disagrees as error:
            self._register.stop(str(error))
            return False
        return True

    def _look(self) -> bytes:
        """The newest checkpoint, at a path that is closed to who is revoked: whoever is served here may sell."""
        checkpoint = self._channel.look().checkpoint
        self._register.bar("")
        return checkpoint

    def _seal_interim(self) -> None:
        """Where it cannot be made, such as in a memory that is full, what can be brought is brought all the same."""
        try:
            self._register.seal_interim()
        except Fault as fault:
            log.warning("no interim seal can be made: %s", fault)

    def _hear(self, fault: Fault) -> None:
        """Revoked: stop selling at once; documents that exist are brought, and kept apart at the authority (S0-064)."""
        if fault.code == REVOKED:
            self._register.bar(str(fault))

    def _wants_contact(self) -> bool:
        if self._register.is_barred:
            return True
        since = unix_ms(self._clock()) - self._contact_ms
        return self._register.setup.works_offline and since >= self._pace.contact_seconds * 1000

    def _report_head(self) -> None:
        report = self._register.batches.head_report(self._register.setup, self._clock())
        if report is None:
            return
        try:
            self._channel.report_head(report)
        except Refused as refused:
            if refused.fault.code in _CONTRADICTIONS:
                raise Disagrees(str(refused.fault)) from None
            raise

    def _send_one_by_one(self) -> None:
        """Documents of just now, in their order. One that is refused alone comes with a batch (S0-094)."""
        register = self._register
        register.sealed_up_to()
        waiting, booked = register.waiting(BATCH_MOST), list[tuple[int, int]]()
        try:
            for one in waiting:
                booked.append((one.sequence, self._channel.send(one.compact).log_index))
        except Refused as refused:
            code = refused.fault.code
            if code in _CONTRADICTIONS:
                raise Disagrees(str(refused.fault)) from None
            self._hear(refused.fault)
            if CATALOGUE[code].retry in (Retry.AFTER, Retry.SAME_BYTES):
                raise
            register.batches.begin(waiting[len(booked)].sequence)
        finally:
            if booked:
                register.sent(booked, 0, b"")
        if booked:
            self._anchor(waiting[len(booked) - 1], booked)

    def _anchor(self, last: Waiting, booked: list[tuple[int, int]]) -> None:
        self._register.sent(booked, last.memory_record, self._look())
        self._contact_ms = unix_ms(self._clock())

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                reached = self.round()
                reached = self.obey() and reached
                if reached and self._renewal is not None:
                    self._renewal.look(self._register, self._clock())
            except Fault as fault:
                log.warning("the background of the register: %s", fault)
                reached = False
            except Exception:
                log.exception("the background of the register failed for a reason of our own")
                reached = False
            self._failures = 0 if reached else self._failures + 1
            self._asked.wait(self._pause())
            self._asked.clear()

    def _pause(self) -> float:
        if not self._failures:
            return self._pace.round_seconds
        most = self._pace.patience_seconds_most
        longest = min(most, self._pace.round_seconds * float(1 << min(self._failures, 16)))
        return random.uniform(longest / 2, longest)  # noqa: S311 - spreads a fleet, no secret
