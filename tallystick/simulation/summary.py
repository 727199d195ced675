"""The end of a run: every basket and every card accounted for, in numbers that must add up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import attrs

from tallystick.simulation.accounting import CardAccount, table_lines
from tallystick.simulation.baskets import MappingCounts
from tallystick.simulation.market import Market
from tallystick.simulation.national.account import DeviceAccount, device_lines
from tallystick.simulation.national.fleet import Fleet
from tallystick.simulation.national.sellers import FleetFigures


@attrs.frozen(kw_only=True)
class Account:
    """Where the baskets of the run's shops are. All of them together are ``planned``."""

    planned: int
    without_lines: int
    sold: int
    sold_before: int
    refused: Counter[str]
    not_offered: int
    mapping: MappingCounts
    cards: Sequence[CardAccount]
    national: FleetFigures
    devices: Sequence[DeviceAccount]
    failures: Sequence[str]

    @property
    def adds_up(self) -> bool:
        """Whether every planned basket is in exactly one of the groups."""
        refused = sum(self.refused.values())
        return self.planned == self.without_lines + self.sold + self.sold_before + refused + self.not_offered

    @property
    def nothing_lost(self) -> bool:
        """Whether every invoice that a card has signed is in the ledger, or waits at a place that was looked at; and
        every document of a national device is, waits, or is kept apart."""
        cards = not any(card.lost or card.contradiction for card in self.cards)
        return cards and all(device.nothing_lost for device in self.devices)

    @property
    def whole(self) -> bool:
        """Whether nothing is lost, nothing waits and every basket is accounted for."""
        cards = all(card.is_whole for card in self.cards)
        return self.adds_up and cards and all(device.is_whole for device in self.devices) and not self.failures


def take_account(
    market: Market,
    fleet: Fleet,
    cards: Sequence[CardAccount],
    devices: Sequence[DeviceAccount],
    failures: Sequence[str] = (),
) -> Account:
    """Count, after the tills have ended."""
    mapping = MappingCounts()
    refused: Counter[str] = Counter()
    for shop in market.open_shops:
        mapping.add(shop.counts)
        refused.update(shop.till.figures.refused)
    sold = sum(shop.till.figures.sold for shop in market.open_shops)
    trouble = [shop.till.figures.failure for shop in market.open_shops if shop.till.figures.failure]
    sold_before = sum(shop.till.figures.sold_before for shop in market.open_shops)
    planned = market.baskets_planned
    known = mapping.baskets_without_lines + sold + sold_before + sum(refused.values())
    finished = all(shop.till.figures.finished for shop in market.open_shops) and not market.stop.is_set()
    complete = finished and len(market.open_shops) == market.planned and market.baskets_each is None
    return Account(
        planned=planned,
        without_lines=mapping.baskets_without_lines,
        sold=sold,
        sold_before=sold_before,
        refused=refused,
        not_offered=0 if complete else planned - known,
        mapping=mapping,
        cards=cards,
        national=fleet.figures(),
        devices=devices,
        failures=[*market.failures, *fleet.failures, *failures, *trouble],
    )


def summary_lines(account: Account) -> list[str]:
    """The account for people."""
    lines = [
        f"baskets of the shops          {account.planned:>9,}",
        f"  sold in this run            {account.sold:>9,}",
        f"  sold before                 {account.sold_before:>9,}",
        f"  nothing in them to sell     {account.without_lines:>9,}",
        *(f"  refused with {code:<15}{count:>9,}" for code, count in sorted(account.refused.items())),
        f"  not offered                 {account.not_offered:>9,}",
        f"  accounted for               {'yes' if account.adds_up else 'NO':>9}",
        "",
        "every card, from its own counter to the ledger:",
        *table_lines(account.cards),
        "",
        "every national device, from its own records to the ledger:",
        *device_lines(account.devices),
        "",
        *account.national.lines(),
        "",
    ]
    lines += [f"  failed: {failure}" for failure in account.failures]
    lines.append("how the data was mended:")
    lines += [f"  {name:<28}{count:>9,}" for name, count in account.mapping.rows()]
    return lines
