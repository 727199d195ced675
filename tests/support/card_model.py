"""A small model of a secure element: what its counters, sums and refusals must be, in plain numbers."""

from __future__ import annotations

import attrs

from tallystick.device.applet.state import CardState
from tallystick.kernel.invoice import counter_index
from tallystick.wire.apdu import StatusWord
from tallystick.wire.card import SignRequest


@attrs.define
class CardModel:
    """Changes only by what the card accepted; `expect_sign` says what it must answer."""

    limit: int
    total: int = 0
    kinds: list[int] = attrs.Factory(lambda: [0] * 10)
    turnover: int = 0
    released: int = 0
    tries: int = 5
    is_verified: bool = False
    audit_sequence: int = 0
    frozen: int | None = None
    last: bytes = b""

    @property
    def unaudited(self) -> int:
        """Sum of all fiscal receipts less what proofs released (I-09)."""
        return self.turnover - self.released

    def expect_sign(self, request: SignRequest) -> int:
        """The status word for a well-formed request within the validity."""
        if self.tries == 0:
            return StatusWord.PIN_TRIES_EXCEEDED
        if not self.is_verified:
            return StatusWord.PIN_REQUIRED
        if request.encode() == self.last:
            return StatusWord.OK
        return StatusWord.LIMIT_REACHED if self.unaudited >= self.limit else StatusWord.OK

    def signed(self, request: SignRequest) -> None:
        """Count a signed invoice; a repeat of the last bytes counts nothing."""
        if request.encode() == self.last:
            return
        self.last = request.encode()
        self.total += 1
        self.kinds[counter_index(request.invoice_type, request.transaction_type)] += 1
        if request.invoice_type.is_fiscal:
            self.turnover += request.amount.scaled

    def expect_pin(self, is_right: bool) -> int:
        """Present a PIN: the status word, and the tries counted."""
        if self.tries == 0:
            return StatusWord.PIN_TRIES_EXCEEDED
        self.is_verified = is_right
        self.tries = 5 if is_right else self.tries - 1
        if is_right:
            return StatusWord.OK
        return StatusWord.PIN_WRONG if self.tries else StatusWord.PIN_TRIES_EXCEEDED

    def started(self) -> None:
        """An audit began; an older one is void."""
        self.audit_sequence += 1
        self.frozen = self.unaudited

    def ended(self, released: int) -> None:
        """A proof was taken."""
        assert self.frozen is not None
        self.released += min(released, self.frozen)
        self.frozen = None

    def agrees_with(self, state: CardState) -> None:
        """Every number of the card is the model's."""
        assert state.total_counter == self.total == sum(state.type_counters)
        assert list(state.type_counters) == self.kinds
        assert state.unaudited == self.unaudited
        assert state.sales + state.refunds == self.turnover
        assert (state.pin_tries, state.limit) == (self.tries, self.limit)
        assert (state.audit.sequence, state.audit.is_open) == (self.audit_sequence, self.frozen is not None)


def never_back(before: CardState, after: CardState) -> None:
    """Nothing that may only grow has shrunk, and one command signs at most one invoice (I-09)."""
    assert 0 <= after.total_counter - before.total_counter <= 1
    assert all(new >= old for old, new in zip(before.type_counters, after.type_counters, strict=True))
    assert after.sales >= before.sales
    assert after.refunds >= before.refunds
    assert all(new >= old for old, new in zip(before.sale_taxes, after.sale_taxes, strict=True))
    assert all(new >= old for old, new in zip(before.refund_taxes, after.refund_taxes, strict=True))
    assert after.audit.sequence >= before.audit.sequence
    assert after.directive_number >= before.directive_number
    assert after.proven_counter >= before.proven_counter
    assert 0 <= after.pin_tries <= 5
    if before.pin_tries == 0:
        assert after.pin_tries == 0
