"""The partitions of the ledger's tables: months since January 1970, UTC."""

from __future__ import annotations

from functools import lru_cache
from time import gmtime

_DAY_MS = 86_400_000


@lru_cache(maxsize=1024)
def _month_of_day(day: int) -> int:
    moment = gmtime(day * 86_400)
    return (moment.tm_year - 1970) * 12 + moment.tm_mon - 1


def month_of(unix_ms: int) -> int:
    """The partition of a moment of receipt."""
    return _month_of_day(unix_ms // _DAY_MS)
