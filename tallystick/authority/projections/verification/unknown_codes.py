"""How many compact codes that nobody confirms one address may ask for: guessing is slow as well as hopeless.

A code that is confirmed costs nothing, so a market hall behind one address checks as much as it likes. The counts live
in the memory of this process.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address

import attrs

from tallystick.kernel.faults import Fault
from tallystick.kernel.limits import LIMITS

_WINDOW = timedelta(minutes=1)
_SOURCES_KEPT = 50_000
_SUBSCRIBER_BITS = 64


@attrs.define(slots=True)
class Asking:
    """One look-up, and what came of it."""

    was_unknown: bool = False


class UnknownCodes:
    """The codes without an answer of the last minute, by address; of IPv6 the first 64 bits are one subscriber."""

    def __init__(self, per_minute: int = LIMITS.unknown_codes_per_address_minute) -> None:
        self._most = per_minute
        self._moments: OrderedDict[str, deque[datetime]] = OrderedDict()

    def spend(self, address: str, now: datetime) -> None:
        """One more code that may turn out unknown; raises ``TS-4009`` with the wait when there were too many."""
        source = source_of(address)
        moments = self._moments.setdefault(source, deque())
        self._moments.move_to_end(source)
        while moments and now - moments[0] >= _WINDOW:
            moments.popleft()
        if len(moments) >= self._most:
            wait = int((moments[0] + _WINDOW - now).total_seconds()) + 1
            raise Fault("TS-4009", detail="too many codes that nobody knows", retry_after_seconds=wait)
        moments.append(now)
        if len(self._moments) > _SOURCES_KEPT:
            self._moments.popitem(last=False)

    @contextmanager
    def asking(self, address: str, now: datetime) -> Iterator[Asking]:
        """Spend one while a code is looked up; it is given back unless the code ``was_unknown``. Raises ``TS-4009``."""
        self.spend(address, now)
        asking = Asking()
        try:
            yield asking
        finally:
            if not asking.was_unknown:
                self.give_back(address)

    def give_back(self, address: str) -> None:
        """The code was known after all, or could not be looked up."""
        moments = self._moments.get(source_of(address))
        if moments:
            moments.pop()


def source_of(address: str) -> str:
    """What counts as one source: an IPv4 address, the first 64 bits of an IPv6 address, or the text as it is."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return f"{int(parsed) >> (128 - _SUBSCRIBER_BITS):x}/64"
    return str(parsed)
