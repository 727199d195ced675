"""What a register's report says beyond the documents that are known: what stood in the places that are lost."""

from __future__ import annotations

from tallystick.kernel.fixed_point import Money
from tallystick.kernel.national_document import ShiftReport
from tallystick.kernel.shifts import RegisterState

_COUNTED = ("sales", "refunds", "corrections_up", "corrections_down")


def unaccounted(state: RegisterState, report: ShiftReport) -> dict[str, str]:
    """The report's figures less those of the documents before it, without those that are nought.

    Keys: ``sales`` and the like as ``count amount``, ``tax LABEL``, ``paid KIND``, ``cash``, ``turnover``.
    """
    ours = state.totals
    found: dict[str, str] = {}
    for name in _COUNTED:
        said, known = getattr(report.totals, name), getattr(ours, name)
        count, amount = said.count - known.count, said.total.scaled - known.total.scaled
        if count or amount:
            found[name] = f"{count} {Money(amount)}"
    for word, stated, made in (
        ("tax", report.totals.taxes, ours.taxes),
        ("paid", report.totals.payments, ours.payments),
    ):
        sums = {key: amount.scaled for key, amount in stated}
        for key, amount in made:
            sums[key] = sums.get(key, 0) - amount.scaled
        found |= {f"{word} {key}": str(Money(rest)) for key, rest in sorted(sums.items()) if rest}
    for name, rest in (
        ("cash", report.cash.scaled - state.cash.scaled),
        ("turnover", report.turnover.scaled - state.turnover.scaled),
    ):
        if rest:
            found[name] = str(Money(rest))
    return found
