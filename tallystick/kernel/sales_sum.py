"""What many sales of one open shift add to their register, so that a fold over them is one step.

The same figures as `RegisterState.after`, document by document; whether each may be sold is not asked here.
"""

from __future__ import annotations

import attrs

from tallystick.kernel.fixed_point import Money
from tallystick.kernel.invoice import PaymentType
from tallystick.kernel.national_document import CountAndSum, Sale
from tallystick.kernel.shifts import PAYMENT_WORDS, RegisterState

Sums = dict[str, int]
"""Ten-thousandths by tax label in capitals, or by the word of a payment's kind."""


@attrs.define(slots=True)
class SalesSum:
    """Receipts and accountable forms that give nothing back. Amounts are in ten-thousandths."""

    count: int = 0
    total: int = 0
    cash: int = 0
    taxes: Sums = attrs.field(factory=dict)
    payments: Sums = attrs.field(factory=dict)

    def add(self, sale: Sale) -> None:
        """One sale more; it is no refund and no correction."""
        self.count += 1
        self.total += sale.total.scaled
        for payment in sale.payments:
            word, scaled = PAYMENT_WORDS[payment.payment_type], payment.amount.scaled
            self.payments[word] = self.payments.get(word, 0) + scaled
            if payment.payment_type is PaymentType.CASH:
                self.cash += scaled
        for tax in sale.taxes:
            label = tax.label.upper()
            self.taxes[label] = self.taxes.get(label, 0) + tax.amount.scaled


def sold(state: RegisterState, sales: SalesSum, last: int) -> RegisterState:
    """The state after these sales in the open shift, the last of them with this sequence number."""
    before = state.totals
    totals = attrs.evolve(
        before,
        sales=CountAndSum(before.sales.count + sales.count, Money(before.sales.total.scaled + sales.total)),
        taxes=_added(before.taxes, sales.taxes),
        payments=_added(before.payments, sales.payments),
    )
    return attrs.evolve(
        state,
        documents=last,
        totals=totals,
        cash=Money(state.cash.scaled + sales.cash),
        turnover=Money(state.turnover.scaled + sales.total),
    )


def _added(before: tuple[tuple[str, Money], ...], more: Sums) -> tuple[tuple[str, Money], ...]:
    sums = {key: amount.scaled for key, amount in before}
    for key, scaled in more.items():
        sums[key] = sums.get(key, 0) + scaled
    return tuple([(key, Money(sums[key])) for key in sorted(sums)])
