"""Whether the counters of a card only rise, from one invoice to the next that we see (TS-1405).

Packages come in any order. For each card, or pair of POS and hosted signer, the newest set is kept in memory: one with
a higher total counter may not lie below one with a lower. It is a signal, not a proof; the ledger has all of them.
"""

from __future__ import annotations

from collections import OrderedDict

import attrs

from tallystick.kernel.faults import Fault
from tallystick.wire.card import InternalData

_CARDS_KEPT = 50_000


@attrs.frozen(slots=True)
class _Set:
    total_counter: int
    values: tuple[int, ...]


class CounterWatch:
    """Remembers the newest counters of each card."""

    def __init__(self, cards_kept: int = _CARDS_KEPT) -> None:
        self._cards_kept = cards_kept
        self._newest: OrderedDict[tuple[str, str], _Set] = OrderedDict()

    def check(self, internal: InternalData, requested_by: str = "") -> None:
        """Raises ``TS-1405`` when a counter or a sum fell while the total counter rose.

        Counters belong to the pair of who asked and who signed, which are one at a card.
        """
        pair = requested_by, internal.uid
        seen = _Set(internal.total_counter, _values(internal))
        known = self._newest.get(pair)
        if known is None or seen.total_counter > known.total_counter:
            self._newest[pair] = seen
            if known is None and len(self._newest) > self._cards_kept:
                self._newest.popitem(last=False)
        if known is None:
            return
        older, newer = sorted((known, seen), key=lambda one: one.total_counter)
        if len(older.values) == len(newer.values) and any(map(int.__gt__, older.values, newer.values)):
            raise Fault("TS-1405", detail="a counter of the card went back")


def _values(internal: InternalData) -> tuple[int, ...]:
    values = [*internal.type_counters, internal.sales.scaled, internal.refunds.scaled, internal.audit_sequence]
    for total in internal.categories:
        values.append(total.sale_tax.scaled)
        values.append(total.refund_tax.scaled)
    return tuple(values)
