"""Decides how long an open batch waits for company: not at all when idle, some milliseconds when documents keep coming.

A batch has a fixed price, so under load few large ones are cheaper than many small ones; a lone document pays nothing
for that. A batch waits as long as the one before it took, and 20 ms at most: so the fixed price takes half of the
writer's time at the worst, and no document waits much longer for its batch than for the disk. Whether waiting helps is
learned: a wait that gained nothing is not repeated for a while.
"""

from __future__ import annotations

import attrs

from tallystick.kernel.limits import LIMITS

WAIT_SECONDS_MAX = LIMITS.sequencer_batch_ms / 1000
_QUIET_SECONDS = (0.002, 0.008)
_QUIET_DISTANCES = 4
_SKIP_MAX = 16
_WEIGHT = 0.3


@attrs.define(slots=True)
class Pace:
    """``rate`` is the smoothed number of documents a second. Times are seconds of a monotonic clock."""

    rate: float = 0.0
    _took: float = WAIT_SECONDS_MAX
    _closed_at: float = 0.0
    _skip: int = 0
    _backoff: int = 0

    def wait_seconds(self) -> float:
        """The longest that the batch which opens now may wait for more documents; 0 to close it at once."""
        wait = min(WAIT_SECONDS_MAX, self._took)
        if self.rate * wait < 1:
            return 0.0
        if self._skip:
            self._skip -= 1
            return 0.0
        return wait

    @property
    def quiet_seconds(self) -> float:
        """How long nothing must arrive for the wait to end early: a few times the usual distance of two documents."""
        low, high = _QUIET_SECONDS
        return min(high, max(low, _QUIET_DISTANCES / self.rate)) if self.rate else low

    def waited(self, gained: int) -> None:
        """Tell how many documents a wait has gained."""
        if gained:
            self._backoff = self._skip = 0
        else:
            self._backoff = min(_SKIP_MAX, 2 * self._backoff or 1)
            self._skip = self._backoff

    def answered(self, now: float) -> None:
        """Tell that the batch which closed last is answered, or on its way with others behind it."""
        self._took = max(0.0, now - self._closed_at)

    def closed(self, count: int, now: float) -> None:
        """Tell how many documents the batch that closes now holds."""
        elapsed = max(now - self._closed_at, 1e-4)
        self._closed_at = now
        weight = max(_WEIGHT, min(1.0, elapsed / 0.2))
        self.rate += weight * (count / elapsed - self.rate)
