"""The background of a register: brings waiting documents to the authority, and open fates to their end (S0-095).

Whoever stands at the till never waits for it. One round at a time; after a failure the next one comes later, spread by
chance so that a fleet does not return in one second.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Sequence
from datetime import timedelta

import attrs

from tallystick.device.ecr.channel import Booked, Channel
from tallystick.device.ecr.needs import Disagrees, NoAnswer, NotSent, Refused
from tallystick.device.ecr.register import Register
from tallystick.device.ecr.remote.control import RemoteControl
from tallystick.device.ecr.renewing import Renewal
from tallystick.device.ecr.store import Waiting
from tallystick.kernel.faults import Fault
from tallystick.kernel.instants import Clock, unix_ms

log = logging.getLogger(__name__)

BATCH_MOST = 500
FRESH = timedelta(seconds=90)
"""Younger documents are sent one by one, as the online channel takes them (±120 s); older ones as a batch."""


@attrs.frozen(slots=True, kw_only=True)
class Pace:
    """Seconds: between rounds, between contacts without documents, and after failures at most."""

    round_seconds: float = 2.0
    contact_seconds: float = 300.0
    patience_seconds_most: float = 120.0


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
        waiting = register.to_send(BATCH_MOST)
        if not waiting and not self._wants_contact():
            return True
        try:
            booked = self._send(waiting)
            checkpoint = self._channel.look()
        except (NotSent, NoAnswer) as error:
            register.trouble = str(error)
            return False
        except Disagrees as error:
            register.trouble = str(error)
            return False
        except Refused as refused:
            register.trouble = str(refused.fault)
            return False
        taken = {one.sequence for one in booked}
        records = [one.memory_record for one in waiting if one.sequence in taken]
        register.sent([(one.sequence, one.log_index) for one in booked], max(records, default=0), checkpoint)
        self._contact_ms = unix_ms(self._clock())
        return True

    def obey(self) -> bool:
        """Commands of the authority, also where it takes no documents just now; whether it was reached, if asked."""
        if self._control is None:
            return True
        try:
            self._control.round()
        except (NotSent, NoAnswer) as error:
            self._register.trouble = str(error)
            return False
        return True

    def _wants_contact(self) -> bool:
        since = unix_ms(self._clock()) - self._contact_ms
        return self._register.setup.works_offline and since >= self._pace.contact_seconds * 1000

    def _send(self, waiting: Sequence[Waiting]) -> tuple[Booked, ...]:
        """Documents of just now go one by one; after an outage they go as a batch, in their order."""
        if not waiting:
            return ()
        fresh_from = unix_ms(self._clock() - FRESH)
        if waiting[0].time_ms >= fresh_from:
            return tuple([self._channel.send(one.compact) for one in waiting])
        return self._channel.send_batch(tuple([one.compact for one in waiting]))

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
