"""Which addresses of the network a server may be sent to by somebody whom it does not trust."""

from __future__ import annotations

import ipaddress

_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")
_LOCAL_TRANSLATED = ipaddress.ip_network("64:ff9b:1::/48")


def is_public(text: str) -> bool:
    """Whether anybody on the Internet may be reached there: no private, local, special or multicast address.

    An IPv6 address that carries an IPv4 address leads to that one; those of tunnels and translators lead nowhere that
    could be judged, and are none.
    """
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(str(address.ipv4_mapped))
        if address.sixtofour is not None or address.teredo is not None:
            return False
        if address in _TRANSLATED or address in _LOCAL_TRANSLATED or address.is_site_local:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def is_loopback(text: str) -> bool:
    """Whether it is this machine itself."""
    try:
        return ipaddress.ip_address(text).is_loopback
    except ValueError:
        return False
