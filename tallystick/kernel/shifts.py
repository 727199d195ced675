"""The shift as a state machine: register, open, sell, report, close, and the end of a register (S1-028 to S1-033).

The same fold runs in the register and at the authority: totals of a report are recomputed from the documents before it,
to the smallest unit. Sequence numbers are those of the signed header; the clock decides only how long a shift is open.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import attrs

from tallystick.kernel.faults import Fault, FieldFault
from tallystick.kernel.fixed_point import ZERO_MONEY, Money
from tallystick.kernel.invoice import PaymentType, TransactionType
from tallystick.kernel.limits import LIMITS
from tallystick.kernel.national_document import (
    NO_TOTALS,
    Closure,
    DocumentKind,
    NationalDocument,
    Sale,
    ShiftOpening,
    ShiftReport,
    ShiftTotals,
)

Amounts = tuple[tuple[str, Money], ...]
_END: int = 10 ** (LIMITS.money_integer_digits + Money.places)

SHIFT_HOURS_MOST = 24
"""How long a shift may be open before it must be closed (S1-028, S1-029); a country may set less."""

PAYMENT_WORDS = {
    PaymentType.OTHER: "other",
    PaymentType.CASH: "cash",
    PaymentType.CARD: "card",
    PaymentType.CHECK: "check",
    PaymentType.WIRE_TRANSFER: "wire-transfer",
    PaymentType.VOUCHER: "voucher",
    PaymentType.MOBILE_MONEY: "mobile-money",
}
"""The kinds of payment as the wire of the national channels and the totals of a shift name them."""


@attrs.frozen(slots=True, kw_only=True)
class RegisterState:
    """Where a register stands after its last document: what the next one is judged by.

    ``documents`` is the last sequence number. ``shift`` counts shifts from 1; ``first`` is the sequence number of the
    open shift's opening, 0 while none is open. ``lacks``: a place since the last closing was settled as lost, so that
    what stood there is not known, until a closing says the sums anew.
    """

    documents: int = 0
    shift: int = 0
    first: int = 0
    opened_at: datetime | None = None
    totals: ShiftTotals = NO_TOTALS
    cash: Money = ZERO_MONEY
    turnover: Money = ZERO_MONEY
    is_registered: bool = False
    is_closed: bool = False
    lacks: bool = False

    @property
    def is_open(self) -> bool:
        """Whether a shift is open."""
        return self.first > 0

    @property
    def can_be_said(self) -> bool:
        """Whether a report can say its sums. Taxes and payments are parts of what was moved, so they need no look."""
        one = self.totals
        moved = one.sales.total.scaled + one.refunds.total.scaled
        moved += one.corrections_up.total.scaled + one.corrections_down.total.scaled
        return moved < _END and -_END < self.turnover.scaled < _END and -_END < self.cash.scaled < _END

    def after(
        self, document: NationalDocument, sequence: int, at: datetime, *, hours_most: int = SHIFT_HOURS_MOST
    ) -> RegisterState:
        """The state once this document, with this sequence number and time, is taken.

        Raises ``TS-2408`` where the shift's rules do not allow it now (the register is not registered or closed, no
        shift or another one is open, the shift is too old), and ``TS-2409`` where a report's totals are not those of
        the documents before it. A shift may always be closed, however old it is; so ``TS-2005`` is raised for a sale
        after which no report could say the sums, which have 14 digits before the point at most.
        """
        self._check_register(document.kind)
        match document.content:
            case Sale() as sale:
                self._check_shift(document, at, hours_most)
                sold = self._sold(document.kind, sale, sequence)
                if not sold.can_be_said:
                    raise Fault("TS-2005", detail="the shift's report could not say such a sum")
                return sold
            case ShiftOpening(cash=cash):
                state = self._opened(document, sequence, at, cash)
            case ShiftReport() as report:
                self._check_shift(document, at, None)
                self._check_report(report, sequence)
                state = self._closed() if document.kind is DocumentKind.SHIFT_CLOSING else self
            case Closure() as closure:
                self._check_closure(closure)
                state = attrs.evolve(self, is_closed=True)
            case _:
                state = attrs.evolve(self, is_registered=True)
        return attrs.evolve(state, documents=sequence)

    def in_spite(self, document: NationalDocument, sequence: int, at: datetime) -> RegisterState:
        """The state after a document that breaks a rule and is booked all the same: what it says counts from now on."""
        match document.content:
            case Sale() as sale:
                return self._sold(document.kind, sale, sequence)
            case ShiftOpening(cash=cash):
                state = self._begun(document.shift, sequence, at, cash)
            case ShiftReport(turnover=turnover):
                state = self
                if document.kind is DocumentKind.SHIFT_CLOSING:
                    state = attrs.evolve(self._closed(), shift=document.shift, turnover=turnover)
            case Closure():
                state = attrs.evolve(self, is_closed=True)
            case _:
                state = attrs.evolve(self, is_registered=True)
        return attrs.evolve(state, documents=sequence)

    def after_settled(self, last: int) -> RegisterState:
        """The state behind places that are lost, up to this one: what stood there is not known."""
        return attrs.evolve(self, documents=last, is_registered=True, lacks=True)

    @classmethod
    def after_closing(cls, closing: NationalDocument, sequence: int) -> RegisterState:
        """The state after a booked shift closing, known from it alone: nobody has to read what was before."""
        report = closing.content
        if not isinstance(report, ShiftReport) or closing.kind is not DocumentKind.SHIFT_CLOSING:
            raise ValueError("not a shift closing")
        return cls(documents=sequence, shift=closing.shift, turnover=report.turnover, is_registered=True)

    def report(self, sequence: int) -> ShiftReport:
        """What a report with this sequence number must say."""
        return ShiftReport(
            first=self.first, last=sequence - 1, totals=self.totals, cash=self.cash, turnover=self.turnover
        )

    def closes_by(self, hours_most: int = SHIFT_HOURS_MOST) -> datetime | None:
        """Until when the open shift sells; none while none is open."""
        return None if self.opened_at is None else self.opened_at + timedelta(hours=hours_most)

    def _check_register(self, kind: DocumentKind) -> None:
        if self.is_closed:
            raise Fault("TS-2408", detail="the register's memory is closed for good")
        if kind is DocumentKind.REGISTRATION and self.is_registered:
            raise Fault("TS-2408", detail="the register has reported itself before; changes are a re-registration")
        if kind is not DocumentKind.REGISTRATION and not self.is_registered:
            raise Fault("TS-2408", detail="a register's first document is its registration")
        if kind.is_register_report and self.is_open:
            raise Fault("TS-2408", detail="a shift is open: close it first")

    def _check_shift(self, document: NationalDocument, at: datetime, hours_most: int | None) -> None:
        if not self.is_open:
            raise Fault("TS-2408", detail="no shift is open")
        if document.shift != self.shift:
            raise Fault("TS-2408", detail=f"shift {self.shift} is open, not {document.shift}")
        closes = None if hours_most is None else self.closes_by(hours_most)
        if closes is not None and at >= closes:
            raise Fault("TS-2408", detail=f"the shift is older than {hours_most} hours: close it first")

    def _opened(self, document: NationalDocument, sequence: int, at: datetime, cash: Money) -> RegisterState:
        if self.is_open:
            raise Fault("TS-2408", detail=f"shift {self.shift} is open")
        if document.shift != self.shift + 1:
            raise Fault("TS-2408", detail=f"the next shift is {self.shift + 1}, not {document.shift}")
        return self._begun(document.shift, sequence, at, cash)

    def _begun(self, shift: int, sequence: int, at: datetime, cash: Money) -> RegisterState:
        return attrs.evolve(self, shift=shift, first=sequence, opened_at=at, totals=NO_TOTALS, cash=cash)

    def _closed(self) -> RegisterState:
        return attrs.evolve(self, first=0, opened_at=None, totals=NO_TOTALS, cash=ZERO_MONEY, lacks=False)

    def _sold(self, kind: DocumentKind, sale: Sale, sequence: int) -> RegisterState:
        """Written without `evolve`: every receipt of a nation passes here, in the register and at the authority."""
        down = sale.operation is TransactionType.REFUND
        sign = -1 if down else 1
        before, total, correction = self.totals, sale.total, kind is DocumentKind.CORRECTION
        taxes, payments, cash = dict(before.taxes), dict(before.payments), 0
        for tax in sale.taxes:
            _add(taxes, tax.label.upper(), sign * tax.amount.scaled)
        for one in sale.payments:
            amount = sign * one.amount.scaled
            _add(payments, PAYMENT_WORDS[one.payment_type], amount)
            if one.payment_type is PaymentType.CASH:
                cash += amount
        totals = ShiftTotals(
            sales=before.sales if down or correction else before.sales.plus(total),
            refunds=before.refunds.plus(total) if down and not correction else before.refunds,
            corrections_up=before.corrections_up.plus(total) if correction and not down else before.corrections_up,
            corrections_down=before.corrections_down.plus(total) if correction and down else before.corrections_down,
            taxes=tuple(sorted(taxes.items())),
            payments=tuple(sorted(payments.items())),
        )
        return RegisterState(
            documents=sequence,
            shift=self.shift,
            first=self.first,
            opened_at=self.opened_at,
            totals=totals,
            cash=Money(self.cash.scaled + cash) if cash else self.cash,
            turnover=Money(self.turnover.scaled + sign * total.scaled),
            is_registered=self.is_registered,
            is_closed=self.is_closed,
            lacks=self.lacks,
        )

    def _check_report(self, report: ShiftReport, sequence: int) -> None:
        ours = self.report(sequence)
        wrong = [
            name
            for name, said, found in (
                ("first", report.first, ours.first),
                ("last", report.last, ours.last),
                ("totals/sales", report.totals.sales, ours.totals.sales),
                ("totals/refunds", report.totals.refunds, ours.totals.refunds),
                ("totals/corrections_up", report.totals.corrections_up, ours.totals.corrections_up),
                ("totals/corrections_down", report.totals.corrections_down, ours.totals.corrections_down),
                ("totals/taxes", _without_noughts(report.totals.taxes), _without_noughts(ours.totals.taxes)),
                ("totals/payments", _without_noughts(report.totals.payments), _without_noughts(ours.totals.payments)),
                ("cash", report.cash, ours.cash),
                ("turnover", report.turnover, ours.turnover),
            )
            if said != found
        ]
        if wrong:
            fields = tuple(FieldFault(f"/{name}", "differs") for name in wrong)
            raise Fault("TS-2409", detail="the report is not the sum of the shift's documents", fields=fields)

    def _check_closure(self, closure: Closure) -> None:
        if closure.documents != self.documents or closure.turnover != self.turnover:
            raise Fault("TS-2409", detail="the closure does not count what the register has made")


def _add(sums: dict[str, Money], key: str, scaled: int) -> None:
    """Add to one of the sums; a new one begins at nought."""
    before = sums.get(key, ZERO_MONEY)
    sums[key] = Money(before.scaled + scaled)


def _without_noughts(amounts: Amounts) -> Amounts:
    return tuple(sorted(pair for pair in amounts if pair[1].scaled))
