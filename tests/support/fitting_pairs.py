"""A hash and a signature on P-256 that fit a public key, without the private one: what a bare hash is worth."""

from __future__ import annotations

_P = 2**256 - 2**224 + 2**192 + 2**96 - 1
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_BASE = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
Point = tuple[int, int]


def fitting_pair(public: Point, first: int, second: int) -> tuple[bytes, bytes]:
    """R = first G + second Q gives r, s = r / second, and the hash first r / second: the equation holds."""
    r = _plus(_times(_BASE, first), _times(public, second))[0] % _ORDER
    inverse = pow(second, -1, _ORDER)
    s, digest = r * inverse % _ORDER, first * r * inverse % _ORDER
    return digest.to_bytes(32, "big"), r.to_bytes(32, "big") + s.to_bytes(32, "big")


def _plus(one: Point, other: Point) -> Point:
    if one == other:
        slope = (3 * one[0] * one[0] - 3) * pow(2 * one[1], -1, _P)
    else:
        slope = (other[1] - one[1]) * pow(other[0] - one[0], -1, _P)
    x = (slope * slope - one[0] - other[0]) % _P
    return x, (slope * (one[0] - x) - one[1]) % _P


def _times(point: Point, factor: int) -> Point:
    """Double and add; ``factor`` is small and positive."""
    made = point
    for bit in bin(factor)[3:]:
        made = _plus(made, made)
        if bit == "1":
            made = _plus(made, point)
    return made
