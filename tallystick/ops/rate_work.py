"""Published rates on their way to every till: commands in the outbox of a card, signed commands to a register."""

from __future__ import annotations

from typing import Any

import attrs
import psycopg

from tallystick.authority.reference.commands.tasks import CardRateTeller
from tallystick.authority.reference.remote.rates import RateTeller
from tallystick.authority.reference.taxrates.queries import current_groups
from tallystick.kernel.instants import Clock
from tallystick.ops.remote_devices import DEVICES
from tallystick.wire.tax_rates import write_tax_rate_groups

Connection = psycopg.Connection[Any]


@attrs.define
class RateWork:
    """What the worker does about it, in two duties: neither waits for the other."""

    clock: Clock
    registers: RateTeller = attrs.field(factory=lambda: RateTeller(DEVICES))
    cards: CardRateTeller = attrs.field(factory=CardRateTeller)

    def tell_registers(self, conn: Connection) -> None:
        """A page of the registers of the national channels."""
        self.registers.round(conn, current_groups(conn), self.clock())

    def tell_cards(self, conn: Connection) -> None:
        """Pages of the devices with a card."""
        if groups := current_groups(conn):
            self.cards.round(conn, write_tax_rate_groups(groups), self.clock())
