"""What a country decides about its national channels: time windows, shifts, returns, and the time off line."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

import attrs


class RefundScope(StrEnum):
    """Who may take back what was sold (S0-058, K-04): the same device, any of the same premises, or of the taxpayer."""

    DEVICE = "device"
    PREMISES = "premises"
    TAXPAYER = "taxpayer"


class LateDocuments(StrEnum):
    """What is done with documents that come after the time off line is up (S0-032, S0-093); a case opens either way."""

    BOOKED = "booked"
    APART = "apart"


@attrs.frozen(slots=True, kw_only=True)
class ChannelRules:
    """Bounds are checked where a pack is read.

    ``time_window_seconds`` (and ``time_window``, made from it): how far a document's time may lie from its arrival on
    line (S0-036). ``offline_hours``: how long a device may be without contact (S0-032); ``rolling_hours`` within
    ``rolling_days`` is a second, slower limit where a country wants one (K-15). ``late`` says what is done beyond them.
    """

    time_window_seconds: int = 120
    shift_hours: int = 24
    refund_scope: RefundScope = RefundScope.DEVICE
    offline_hours: int = 72
    rolling_hours: int | None = None
    rolling_days: int = 30
    late: LateDocuments = LateDocuments.BOOKED
    time_window: timedelta = attrs.field(init=False, repr=False, eq=False)

    @time_window.default
    def _time_window(self) -> timedelta:
        return timedelta(seconds=self.time_window_seconds)

    @property
    def offline_limit(self) -> timedelta:
        """How long a device may be without contact."""
        return timedelta(hours=self.offline_hours)
