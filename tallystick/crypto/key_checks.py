"""Public keys that get no certificate, whoever asks: weak in a way that others can find out (security 2.4, step 3).

Size, exponent and curve hold already for every `PublicKey`. Points that are not on their curve are refused when a key
is read. Lists of known keys (leaked, from broken generators) are data of the room `pki`.
"""

from __future__ import annotations

import math
from functools import cache

from tallystick.crypto.keys import KeyKind, PublicKey
from tallystick.kernel.faults import Fault

_FERMAT_ROUNDS = 100
"""Steps of Fermat's method: factors that lie close together fall within one or two (CVE-2022-26320)."""


def _odd_primes_below(end: int) -> tuple[int, ...]:
    return tuple(p for p in range(3, end, 2) if all(p % d for d in range(3, math.isqrt(p) + 1, 2)))


_SMALL_PRIMES_PRODUCT = 2 * math.prod(_odd_primes_below(10_000))
ROCA_PRIMES = _odd_primes_below(168)


def check_key(key: PublicKey) -> None:
    """Refuse RSA keys with a small factor, with factors close together, or with the ROCA fingerprint: ``TS-3003``."""
    if key.kind is not KeyKind.RSA:
        return
    modulus = key.modulus
    if math.gcd(modulus, _SMALL_PRIMES_PRODUCT) != 1:
        raise Fault("TS-3003", detail="the key is weak: its modulus has a small factor")
    if _has_roca_form(modulus):
        raise Fault("TS-3003", detail="the key is weak: it has the form that CVE-2017-15361 leaves")
    if _has_close_factors(modulus):
        raise Fault("TS-3003", detail="the key is weak: its factors lie close together")


def _has_roca_form(modulus: int) -> bool:
    """Whether the modulus is a power of 65537 modulo each of 38 small primes, as CVE-2017-15361 leaves it."""
    return all(modulus % prime in _powers_of_65537(prime) for prime in ROCA_PRIMES)


@cache
def _powers_of_65537(prime: int) -> frozenset[int]:
    return frozenset(pow(65_537, exponent, prime) for exponent in range(prime))


def _has_close_factors(modulus: int) -> bool:
    middle = math.isqrt(modulus)
    middle += middle * middle < modulus
    for _ in range(_FERMAT_ROUNDS):
        square = middle * middle - modulus
        root = math.isqrt(square)
        if root * root == square:
            return True
        middle += 1
    return False
