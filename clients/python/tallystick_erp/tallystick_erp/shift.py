"""The fold of a connection's documents: which shift is open, and what a report of it has to say."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from decimal import Decimal
from typing import Any

from tallystick_erp.documents import Payload, plain

_SALES = ("receipt", "accountable-form", "correction")
_NUMBERED = (*_SALES, "settlement-status", "shift-closing")


def _counted() -> dict[str, list[str]]:
    return {name: ["0", "0"] for name in ("sales", "refunds", "corrections_up", "corrections_down")}


@dataclass(frozen=True)
class Shift:
    """``first`` is the sequence number of the open shift's opening, 0 while none is open. Amounts are decimal text."""

    number: int = 0
    first: int = 0
    counted: dict[str, list[str]] = field(default_factory=_counted)
    taxes: dict[str, str] = field(default_factory=dict)
    payments: dict[str, str] = field(default_factory=dict)
    cash: str = "0"
    turnover: str = "0"

    def complete(self, payload: Payload, sequence: int) -> Payload:
        """The payload with what only the connection knows."""
        kind = payload["kind"]
        said = dict(payload)
        if kind in _NUMBERED:
            said["shift"] = str(self.number)
        elif kind == "shift-opening":
            said["shift"] = str(self.number + 1)
        if kind in ("settlement-status", "shift-closing"):
            said |= self._report(sequence)
        return said

    def after(self, payload: Payload, sequence: int) -> Shift:
        """The fold once this document is taken."""
        kind = payload["kind"]
        if kind == "shift-opening":
            return Shift(self.number + 1, sequence, cash=payload["cash"], turnover=self.turnover)
        if kind == "shift-closing":
            return Shift(self.number, turnover=self.turnover)
        return self._sold(payload) if kind in _SALES else self

    def _report(self, sequence: int) -> Payload:
        counted = {name: {"count": count, "total": total} for name, (count, total) in self.counted.items()}
        return {
            "first": str(self.first),
            "last": str(sequence - 1),
            "totals": counted | {"taxes": self.taxes, "payments": self.payments},
            "cash": self.cash,
            "turnover": self.turnover,
        }

    def _sold(self, payload: Payload) -> Shift:
        down = payload["operation"] == "refund"
        sign = -1 if down else 1
        total = Decimal(payload["total"])
        group = "refunds" if down else "sales"
        if payload["kind"] == "correction":
            group = "corrections_down" if down else "corrections_up"
        count, sum_before = self.counted[group]
        paid = [(one["kind"], one["amount"]) for one in payload["payments"]]
        cash = sum((Decimal(amount) for kind, amount in paid if kind == "cash"), Decimal(0))
        return replace(
            self,
            counted=self.counted | {group: [str(int(count) + 1), plain(Decimal(sum_before) + total)]},
            taxes=_added(self.taxes, [(tax["label"].upper(), tax["amount"]) for tax in payload["taxes"]], sign),
            payments=_added(self.payments, paid, sign),
            cash=plain(Decimal(self.cash) + sign * cash),
            turnover=plain(Decimal(self.turnover) + sign * total),
        )

    def dump(self) -> str:
        """As text for the store."""
        return json.dumps(asdict(self))

    @classmethod
    def load(cls, text: str) -> Shift:
        """Undo it."""
        said: dict[str, Any] = json.loads(text)
        return cls(**said)


def _added(before: dict[str, str], more: list[tuple[str, str]], sign: int) -> dict[str, str]:
    sums = {key: Decimal(amount) for key, amount in before.items()}
    for key, amount in more:
        sums[key] = sums.get(key, Decimal(0)) + sign * Decimal(amount)
    return {key: plain(sums[key]) for key in sorted(sums)}
