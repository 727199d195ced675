"""What the instructions of the applet work on: chip, durable state, volatile session; and how they refuse."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from tallystick.device.applet.identity import Chip
from tallystick.device.applet.memory import Memory
from tallystick.device.applet.state import CardState
from tallystick.device.secure_element.port import CardUnavailable
from tallystick.kernel.fixed_point import Money
from tallystick.wire.apdu import StatusWord
from tallystick.wire.card import CategoryTotal, InternalData

Random = Callable[[int], bytes]


class Refusal(Exception):
    """The instruction ends with this status word and has changed nothing but what it committed before."""

    def __init__(self, status_word: int) -> None:
        super().__init__(f"{status_word:04X}")
        self.status_word = status_word


class Core:
    """The card's inside. `pin_verified` is volatile, `state` is what the last commit made durable."""

    __slots__ = ("chip", "memory", "pin_verified", "random", "state")

    def __init__(self, chip: Chip, memory: Memory, random: Random) -> None:
        self.chip = chip
        self.memory = memory
        self.random = random
        try:
            self.state = CardState.decode(memory.content)
        except msgspec.DecodeError as error:
            raise CardUnavailable(f"card memory is of another format: {error}") from error
        self.pin_verified = False

    def commit(self, state: CardState) -> None:
        """Make the state durable, then adopt it; raises `MemoryFailure`."""
        self.memory.commit(state.encode())
        self.state = state

    def require_pin(self) -> None:
        """Refuse with 6310 when the card is locked, with 6301 when no PIN was verified in this session."""
        if self.state.pin_tries == 0:
            raise Refusal(StatusWord.PIN_TRIES_EXCEEDED)
        if not self.pin_verified:
            raise Refusal(StatusWord.PIN_REQUIRED)


def internal_data(chip: Chip, state: CardState) -> InternalData:
    """The counters of a state, as they go into an invoice (wire: 15.2)."""
    return InternalData(
        uid=chip.uid,
        time_ms=state.last_time_ms,
        total_counter=state.total_counter,
        type_counters=state.type_counters,
        sales=Money(state.sales),
        refunds=Money(state.refunds),
        unaudited=Money(state.unaudited),
        limit=Money(state.limit),
        audit_sequence=state.audit.sequence,
        categories=tuple(
            CategoryTotal(order_id, Money(sale), Money(refund))
            for order_id, (sale, refund) in enumerate(zip(state.sale_taxes, state.refund_taxes, strict=True), 1)
        ),
    )
