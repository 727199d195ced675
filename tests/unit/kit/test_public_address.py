"""Where a server may be sent by somebody whom it does not trust: the whole list of places where it may not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.kit.public_address import is_loopback, is_public

NOT_PUBLIC = [
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254",
    "100.64.0.1", "192.0.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.9", "224.0.0.1", "240.0.0.1",
    "255.255.255.255", "::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "fe80::1",
    "fe80::1%eth0", "fc00::1", "fd12::1", "fec0::1", "ff02::1", "2001:db8::1", "64:ff9b::7f00:1", "64:ff9b:1::a00:1",
    "2002:7f00:1::", "2002:a00:1::1", "2001:0:a00:1::", "", "localhost", "1", "0x7f.1", "127.1", "1.1.1.1/32",
]  # fmt: skip


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_no_way_into_a_house_is_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "::ffff:1.1.1.1"])
def test_the_internet_is(address: str) -> None:
    assert is_public(address)


@given(st.ip_addresses())
def test_private_local_and_loopback_are_never_public(address: object) -> None:
    names = ("is_private", "is_loopback", "is_link_local", "is_multicast")
    inside = getattr(address, "ipv4_mapped", None) is None and any(getattr(address, name) for name in names)
    assert not (inside and is_public(str(address)))


def test_this_machine() -> None:
    assert [is_loopback(one) for one in ("127.0.0.1", "::1", "127.9.9.9", "10.0.0.1", "x")] == [True] * 3 + [False] * 2
