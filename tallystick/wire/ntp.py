"""Simple network time, client side (RFC 4330, RFC 5905): a question, an answer that can be trusted, its offset.

The transmit time of a question is no time but a random number: the answer must give it back, so that only who saw
the question can answer it, and a server learns nothing of a wrong clock.
"""

from __future__ import annotations

import ipaddress
import re
import struct
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import attrs

from tallystick.kernel.faults import Fault
from tallystick.kernel.limits import LIMITS

PACKET_BYTES = 48
PORT = 123
VERSION = 4
CLIENT = 3
SERVER = 4
NOT_SYNCHRONISED = 3
STRATUM_KISS = 0
STRATUM_MOST = 15
STOP_KISSES = frozenset({"DENY", "RSTR", "RSTD"})
"""Codes after which a server must not be asked again (RFC 5905, 7.4)."""

_LAYOUT = struct.Struct("!BBbbII4sQQQQ")
_ERA_0 = datetime(1900, 1, 1, tzinfo=UTC)
_ERA_1 = datetime(2036, 2, 7, 6, 28, 16, tzinfo=UTC)
_FIRST_HALF = 1 << 63
_HOST = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?", re.ASCII)
_HOST_CHARACTERS = 253


@attrs.frozen(slots=True, kw_only=True)
class NtpPacket:
    """The 48 bytes of the header; times are 32 bits of seconds and 32 of their fraction, delays 16 and 16."""

    leap: int = 0
    version: int = VERSION
    mode: int
    stratum: int = 0
    poll: int = 0
    precision: int = 0
    root_delay: int = 0
    root_dispersion: int = 0
    reference_id: bytes = bytes(4)
    reference: int = 0
    origin: int = 0
    receive: int = 0
    transmit: int = 0

    def encode(self) -> bytes:
        """The bytes on the wire."""
        first = self.leap << 6 | self.version << 3 | self.mode
        times = (self.reference, self.origin, self.receive, self.transmit)
        delays = (self.root_delay, self.root_dispersion)
        return _LAYOUT.pack(first, self.stratum, self.poll, self.precision, *delays, self.reference_id, *times)

    @classmethod
    def decode(cls, data: bytes) -> NtpPacket:
        """Read a header; what follows it is ignored. Raises `TS-3130` for less than 48 bytes."""
        if len(data) < PACKET_BYTES:
            raise Fault("TS-3130", detail=f"an answer of {len(data)} bytes")
        first, stratum, poll, precision, delay, dispersion, name, *times = _LAYOUT.unpack_from(data)
        return cls(
            leap=first >> 6,
            version=first >> 3 & 7,
            mode=first & 7,
            stratum=stratum,
            poll=poll,
            precision=precision,
            root_delay=delay,
            root_dispersion=dispersion,
            reference_id=name,
            reference=times[0],
            origin=times[1],
            receive=times[2],
            transmit=times[3],
        )


@attrs.frozen(slots=True)
class Sample:
    """One answer: how far our clock is behind the server's, and the round trip."""

    offset: timedelta
    delay: timedelta


@attrs.frozen(slots=True)
class TimeServer:
    """Where a time server listens."""

    host: str
    port: int = PORT

    @classmethod
    def of(cls, text: str) -> TimeServer:
        """Read a host, ``host:port``, or a URL as the field has it; the port of an http URL is not ours.

        Raises `TS-3130`.
        """
        text = text.strip()
        try:
            parts = urlsplit(text if "://" in text else f"ntp://{_bracketed(text)}")
            host, port = parts.hostname or "", parts.port
        except ValueError:
            host, port, parts = "", None, urlsplit("")
        if not _is_host(host):
            raise Fault("TS-3130", detail="no address of a time server")
        return cls(host, PORT if port is None or parts.scheme in ("http", "https") else port)

    def __str__(self) -> str:
        """As a person reads it."""
        return self.host if self.port == PORT else f"{_bracketed(self.host)}:{self.port}"


def _bracketed(text: str) -> str:
    return f"[{text}]" if text.count(":") > 1 and not text.startswith("[") else text


def _is_host(host: str) -> bool:
    if ":" in host:
        try:
            return bool(ipaddress.IPv6Address(host))
        except ValueError:
            return False
    return len(host) <= _HOST_CHARACTERS and _HOST.fullmatch(host) is not None


def question(nonce: int) -> bytes:
    """What a client sends; `nonce` are 64 random bits."""
    return NtpPacket(mode=CLIENT, transmit=nonce).encode()


def read_answer(data: bytes, nonce: int, sent: datetime, received: datetime) -> Sample:
    """Judge an answer to a question, and compute offset and delay from our own two times.

    Raises `TS-3131` for a kiss of death (its code is in the detail), `TS-3130` for all else that cannot be used.
    """
    packet = NtpPacket.decode(data)
    if packet.mode != SERVER or not 1 <= packet.version <= VERSION:
        raise Fault("TS-3130", detail="no answer of a server")
    if packet.origin != nonce:
        raise Fault("TS-3130", detail="an answer to another question")
    if packet.stratum == STRATUM_KISS:
        raise Fault("TS-3131", detail=packet.reference_id.decode("ascii", "replace").rstrip("\0"))
    if packet.leap == NOT_SYNCHRONISED or packet.stratum > STRATUM_MOST:
        raise Fault("TS-3130", detail="the server has no time itself")
    if not packet.transmit or not packet.receive or _root_distance_ms(packet) > LIMITS.ntp_root_distance_ms:
        raise Fault("TS-3130", detail="the server is not sure of its time")
    arrived, left = ntp_to_moment(packet.receive), ntp_to_moment(packet.transmit)
    delay = (received - sent) - (left - arrived)
    if left < arrived or delay < -timedelta(milliseconds=1):
        raise Fault("TS-3130", detail="the times of the answer contradict each other")
    return Sample(((arrived - sent) + (left - received)) / 2, max(delay, timedelta()))


def _root_distance_ms(packet: NtpPacket) -> float:
    return (packet.root_delay / 2 + packet.root_dispersion) * 1000 / 65536


def best_sample(samples: Sequence[Sample]) -> Sample:
    """The answer with the shortest way, when most of the others agree with it; raises `TS-3130`."""
    if not samples:
        raise Fault("TS-3130", detail="no answer")
    best = min(samples, key=lambda one: one.delay)
    margin = timedelta(milliseconds=LIMITS.ntp_spread_ms)
    agreeing = [one for one in samples if abs(one.offset - best.offset) <= margin + one.delay / 2]
    if len(agreeing) * 2 <= len(samples):
        raise Fault("TS-3130", detail="the answers of the server contradict each other")
    return best


def ntp_to_moment(timestamp: int) -> datetime:
    """The moment of 64 bits; counts with the first bit belong to the years 1968 to 2036, others to 2036 to 2104."""
    era = _ERA_0 if timestamp & _FIRST_HALF else _ERA_1
    seconds, fraction = timestamp >> 32, timestamp & 0xFFFFFFFF
    return era + timedelta(seconds=seconds, microseconds=fraction * 1_000_000 >> 32)


def moment_to_ntp(moment: datetime) -> int:
    """The 64 bits of a moment of the years 1968 to 2104, rounded up so that reading gives the same microsecond."""
    past = moment - (_ERA_0 if moment < _ERA_1 else _ERA_1)
    seconds = past // timedelta(seconds=1)
    microseconds = (past % timedelta(seconds=1)) // timedelta(microseconds=1)
    fraction = -(-(microseconds << 32) // 1_000_000)
    return seconds << 32 | fraction
