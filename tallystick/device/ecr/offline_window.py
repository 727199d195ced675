"""How long the offline class may still sell without contact: continuous and rolling, by the device itself (S0-032).

The authority measures by its own clock and decides; this is the device's own check, so that nobody sells into a case
without having been told. The clock that counts never goes back: it is the later of now and the last document.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import attrs

from tallystick.device.ecr.setup import OfflineLimits
from tallystick.kernel.instants import from_unix_ms

OUTAGE_FROM = timedelta(minutes=15)
"""A shorter stretch without contact is no outage: the background sends every few seconds."""


@attrs.frozen(slots=True, kw_only=True)
class OfflineWindow:
    """``began`` is none while nothing is without contact; ``left`` is what remains until sales stop."""

    began: datetime | None
    left: timedelta
    used_percent: int
    warns: bool

    @property
    def is_over(self) -> bool:
        """Whether sales have to wait for contact."""
        return self.left <= timedelta(0)


def offline_window(
    limits: OfflineLimits,
    *,
    contact_ms: int,
    oldest_waiting_ms: int | None,
    outages: Iterable[tuple[int, int]],
    last_ms: int,
    now: datetime,
) -> OfflineWindow:
    """Where the register stands. ``outages`` are earlier stretches (began, ended) in Unix ms.

    Documents that wait for the report of their shift while the authority hears of us are no silence: they count for the
    continuous limit alone.
    """
    now = max(now, from_unix_ms(last_ms))
    starts = [one for one in (contact_ms or None, oldest_waiting_ms) if one is not None]
    began = from_unix_ms(min(starts)) if starts else None
    since = timedelta(0) if began is None else max(now - began, timedelta(0))
    silent_from = from_unix_ms(contact_ms) if contact_ms else began
    silent = timedelta(0) if silent_from is None else max(now - silent_from, timedelta(0))
    horizon = now - timedelta(days=limits.rolling_days)
    rolling = silent if silent >= OUTAGE_FROM else timedelta(0)
    for began_ms, ended_ms in outages:
        start, end = max(from_unix_ms(began_ms), horizon), from_unix_ms(ended_ms)
        if silent_from is not None:
            end = min(end, silent_from)
        rolling += max(end - start, timedelta(0))
    continuous_most = timedelta(hours=limits.continuous_hours)
    rolling_most = timedelta(hours=limits.rolling_hours)
    used = max(_percent(since, continuous_most), _percent(rolling, rolling_most))
    return OfflineWindow(
        began=began,
        left=min(continuous_most - since, rolling_most - rolling),
        used_percent=used,
        warns=used >= limits.warn_percent,
    )


def _percent(part: timedelta, whole: timedelta) -> int:
    return 100 if whole <= timedelta(0) else int(part * 100 / whole)
