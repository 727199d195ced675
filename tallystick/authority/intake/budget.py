"""How many packages a source may send that do not open: a bound on what failures can teach a stranger (K-11).

Honest devices send none. The counts live in memory; after a restart the store of refused packages fills them again.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from datetime import datetime, timedelta

import attrs

from tallystick.kernel.faults import Fault
from tallystick.kernel.limits import LIMITS

_KEYS_KEPT = 100_000


@attrs.frozen(slots=True)
class BudgetPolicy:
    """The bounds; `enabled` is off in a sandbox, where people learn by failing."""

    per_uid_hour: int = LIMITS.opening_failures_per_uid_hour
    per_taxpayer_day: int = LIMITS.opening_failures_per_taxpayer_day
    enabled: bool = True


class _Window:
    """Moments of the last stretch of time for each key, bounded in keys and in moments a key."""

    def __init__(self, most: int, length: timedelta) -> None:
        self._most = most
        self._length = length
        self._moments: OrderedDict[str, deque[datetime]] = OrderedDict()

    def add(self, key: str, now: datetime) -> None:
        moments = self._moments.setdefault(key, deque(maxlen=self._most))
        moments.append(now)
        self._moments.move_to_end(key)
        if len(self._moments) > _KEYS_KEPT:
            self._moments.popitem(last=False)

    def seconds_until_free(self, key: str, now: datetime) -> int:
        """0 when another failure is allowed now."""
        moments = self._moments.get(key)
        if moments is None:
            return 0
        while moments and now - moments[0] >= self._length:
            moments.popleft()
        if not moments:
            del self._moments[key]
            return 0
        if len(moments) < self._most:
            return 0
        return int((moments[0] + self._length - now).total_seconds()) + 1


class FailureBudget:
    """Counts answers 0, 2 and 8 by the UID and by the taxpayer of the token."""

    def __init__(self, policy: BudgetPolicy) -> None:
        self._policy = policy
        self._uids = _Window(policy.per_uid_hour, timedelta(hours=1))
        self._taxpayers = _Window(policy.per_taxpayer_day, timedelta(days=1))

    def check(self, uid: str, tin: str, now: datetime) -> None:
        """Raises ``TS-1006`` with the wait when either budget is used up."""
        if not self._policy.enabled:
            return
        wait = max(self._uids.seconds_until_free(uid, now), self._taxpayers.seconds_until_free(tin, now))
        if wait:
            raise Fault("TS-1006", detail="too many packages that could not be accepted", retry_after_seconds=wait)

    def count(self, uid: str, tin: str, now: datetime) -> None:
        """One more failure."""
        self._uids.add(uid, now)
        self._taxpayers.add(tin, now)
