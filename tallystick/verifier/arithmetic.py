"""Taxes and totals of a TaxCore invoice, recomputed from its items with the rates that it states.

A second implementation of the rule (S2-045 to S2-055, K-08): fixed amounts come off first; of the rest ``B`` a
tax-on-total label takes ``B * rate / (100 + S)``, a tax-on-net label ``B * 100 * rate / ((100 + S) * (100 + N))``; each
item and label is rounded half up to four decimals and then summed. All numbers here are integers of 10^-8.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import gcd

ON_NET, ON_TOTAL, PER_QUANTITY = 0, 1, 2
UNIT = 10**8
MONEY = 10**4
_HUNDRED = 100 * UNIT
_PER_QUANTITY_DIVISOR = UNIT * UNIT // MONEY
TOLERANCE = 1
"""How far a stated tax may lie from ours, per label: 0.0001."""

Stated = tuple[tuple[str, int, int], ...]
"""Label, kind and rate (x 10^8) of each stated tax."""

_Shares = tuple[tuple[str, int, int, int], ...]


@lru_cache(maxsize=4096)
def _plan(stated: Stated, labels: tuple[str, ...]) -> _Shares | None:
    """For each label of an item: label, kind, numerator and denominator; None when a label's rate is not stated."""
    rates = {label.upper(): (kind, rate) for label, kind, rate in stated}
    wanted = dict.fromkeys(label.upper() for label in labels)
    if not all(label in rates for label in wanted):
        return None
    on_total = sum(rates[label][1] for label in wanted if rates[label][0] == ON_TOTAL)
    on_net = sum(rates[label][1] for label in wanted if rates[label][0] == ON_NET)
    with_total, with_net = _HUNDRED + on_total, _HUNDRED + on_net
    shares = []
    for label in wanted:
        kind, rate = rates[label]
        if kind == PER_QUANTITY:
            shares.append((label, kind, rate, 1))
        elif kind == ON_TOTAL:
            shares.append((label, kind, *_reduced(rate, with_total)))
        else:
            shares.append((label, kind, *_reduced(rate * _HUNDRED, with_total * with_net)))
    return tuple(sorted(shares, key=lambda share: share[1] != PER_QUANTITY))


def _reduced(numerator: int, denominator: int) -> tuple[int, int]:
    """The same fraction in small numbers."""
    divisor = gcd(numerator, denominator)
    return numerator // divisor, denominator // divisor


def _half_up(numerator: int, denominator: int) -> int:
    if numerator < 0:
        return -((-2 * numerator + denominator) // (2 * denominator))
    return (2 * numerator + denominator) // (2 * denominator)


def taxes_of(items: Sequence[tuple[int, int, tuple[str, ...]]], stated: Stated) -> dict[str, int] | None:
    """The tax of each label, in 10^-4; ``items`` are (total in 10^-4, quantity in 10^-8, labels).

    None when an item has a label whose rate the invoice does not state.
    """
    sums: dict[str, int] = {}
    plans: dict[tuple[str, ...], _Shares] = {}
    for total, quantity, labels in items:
        shares = plans.get(labels)
        if shares is None:
            found = _plan(stated, labels)
            if found is None:
                return None
            shares = plans[labels] = found
        base = total
        for label, kind, numerator, denominator in shares:
            if kind == PER_QUANTITY:
                amount = _half_up(numerator * quantity, _PER_QUANTITY_DIVISOR)
                base -= amount
            elif base >= 0:
                amount = (2 * base * numerator + denominator) // (2 * denominator)
            else:
                amount = _half_up(base * numerator, denominator)
            sums[label] = sums.get(label, 0) + amount
    return sums
