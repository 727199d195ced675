"""What one round of the audit leaves for the next; volatile, since a restart is like a new insertion."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

import attrs

from tallystick.device.esdc.device_log import Kind
from tallystick.device.esdc.settings import Timing
from tallystick.wire.ordinal_ranges import Ranges

log = logging.getLogger(__name__)


def _to_process_log(kind: Kind, text: str) -> None:
    log.error("%s: %s", kind, text)


@attrs.define(slots=True)
class AuditMemory:
    """What one round leaves for the next. Nothing here must survive a restart."""

    insertion: int | None = None
    opened_at: datetime | None = None
    initialised: bool = False
    next_heartbeat: datetime | None = None
    after: int = 0
    """Packages up to here were not taken in this pass over the queue; they wait until `retry_at`."""
    retry_at: datetime | None = None
    retry_pause: timedelta = timedelta()
    gone: Ranges = ()
    """Ordinals that the authority misses and this device has no more, as it was told last."""
    after_left: dict[str, int] = attrs.field(factory=dict)
    """The same for packages of earlier cards, by their UID."""
    asked: bool = False
    """A person wants an audit now: the next Start comes as early as the floor between two of them allows."""
    trouble: Callable[[Kind, str], None] = _to_process_log
    """Where errors go that belong into the device's log."""

    def begin(self, insertion: int, now: datetime) -> None:
        """A card was put in."""
        self.insertion = insertion
        self.opened_at = now
        self.initialised = False
        self.next_heartbeat = None
        self.after = 0
        self.after_left = {}
        self.retry_at = None
        self.retry_pause = timedelta()
        self.gone = ()
        self.asked = False

    def ask(self) -> None:
        """A person wants an audit now (S2-130): packages, commands and proof are all due."""
        self.asked = True
        self.next_heartbeat = None
        self.after = 0
        self.after_left = {}
        self.retry_at = None

    def begin_pass(self, now: datetime) -> None:
        """Take the packages up again that were not taken before, when their pause is over."""
        if self.retry_at is not None and now >= self.retry_at:
            self.after = 0
            self.after_left = {}
            self.retry_at = None

    def skip(self, ordinal: int, now: datetime, timing: Timing, uid: str | None = None) -> None:
        """The authority did not take this package now (S2-085, status 1): try again after a growing pause.

        `uid` is that of an earlier card; none for the card that is in.
        """
        if uid is None:
            self.after = max(self.after, ordinal)
        else:
            self.after_left[uid] = max(self.after_left.get(uid, 0), ordinal)
        if self.retry_at is None:
            self.retry_pause = min(self.retry_pause * 2 or timing.retry_first, timing.retry_most)
            self.retry_at = now + self.retry_pause

    def end_pass(self) -> None:
        """Everything that waited was taken."""
        if self.retry_at is None:
            self.after = 0
            self.retry_pause = timedelta()
