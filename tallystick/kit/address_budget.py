"""How often one address may do what costs us something: moments of the last window, in the memory of this process."""

from __future__ import annotations

from collections import OrderedDict, deque
from datetime import datetime, timedelta
from ipaddress import IPv6Address, IPv6Network, ip_address

from tallystick.kit.asgi import Scope

_SOURCES_KEPT = 50_000
_SUBSCRIBER_BITS = 64
_SUBSCRIBER = -1 << (128 - _SUBSCRIBER_BITS)


class AddressBudget:
    """So many a window by address; of IPv6 the first 64 bits are one subscriber."""

    def __init__(self, most: int, window: timedelta) -> None:
        self._most, self._window = most, window
        self._moments: OrderedDict[str, deque[datetime]] = OrderedDict()

    def spend(self, address: str, now: datetime) -> int:
        """Once more: 0, or the seconds to wait where there were too many, which is not counted."""
        source = source_of(address)
        moments = self._moments.setdefault(source, deque())
        self._moments.move_to_end(source)
        while moments and now - moments[0] >= self._window:
            moments.popleft()
        if len(moments) >= self._most:
            return int((moments[0] + self._window - now).total_seconds()) + 1
        moments.append(now)
        if len(self._moments) > _SOURCES_KEPT:
            self._moments.popitem(last=False)
        return 0

    def give_back(self, address: str) -> None:
        """It cost nothing after all."""
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
        return str(IPv6Network((int(parsed) & _SUBSCRIBER, _SUBSCRIBER_BITS)))
    return str(parsed)


def client_address(scope: Scope, proxies: frozenset[str]) -> str:
    """Who asks: the other end of the connection, or whom our own proxies name as the one before them."""
    client = scope.get("client")
    address = str(client[0]) if client else ""
    forwarded = b",".join(value for name, value in scope["headers"] if name == b"x-forwarded-for")
    hops = [hop.strip() for hop in forwarded.decode("latin-1").split(",") if hop.strip()]
    while address in proxies and hops:
        address = hops.pop()
    return address
