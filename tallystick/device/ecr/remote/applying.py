"""What commands make of a register's setup: limits only ever narrower than its own, rates added, a text on receipts."""

from __future__ import annotations

from datetime import datetime

import attrs

from tallystick.device.ecr.remote.store import CommandStore, Control
from tallystick.device.ecr.setup import RegisterSetup
from tallystick.kernel.device_commands import RateChange
from tallystick.kernel.faults import Fault
from tallystick.kernel.fixed_point import Rate
from tallystick.kernel.instants import from_unix_ms
from tallystick.kernel.tax_rates import TaxCategory, TaxRate, TaxRateGroup


@attrs.frozen
class StandingOrders:
    """What the register asks before each document; see `register.Orders`."""

    store: CommandStore

    @property
    def why_held(self) -> str:
        """Why it may sell nothing; empty where it may."""
        control = self.store.control()
        if control.is_lost:
            return (
                "the record of the authority's commands is lost: nothing is sold until the authority releases this till"
            )
        return "the authority holds this register: nothing is sold" if control.is_held else ""

    @property
    def to_install(self) -> tuple[str, datetime] | None:
        """The build (hex) that shall be installed, and until when; none where it runs, or none is wanted."""
        control = self.store.control()
        return (control.build, from_unix_ms(control.install_by_ms)) if control.build else None

    def applied(self, setup: RegisterSetup) -> RegisterSetup:
        """The setup as it holds now."""
        return applied(setup, self.store.control())

    def close(self) -> None:
        """Close the file."""
        self.store.close()


def applied(setup: RegisterSetup, control: Control) -> RegisterSetup:
    """The setup as it holds now."""
    limits = attrs.evolve(
        setup.limits,
        continuous_hours=_least(setup.limits.continuous_hours, control.offline_hours),
        rolling_hours=_least(setup.limits.rolling_hours, control.rolling_hours),
        rolling_days=max(setup.limits.rolling_days, control.rolling_days or 0),
    )
    known = {group.group_id for group in setup.rate_groups}
    told = tuple(rate_group(setup, change) for change in control.rates if change.group not in known)
    return attrs.evolve(
        setup,
        limits=limits,
        shift_hours_most=_least(setup.shift_hours_most, control.shift_hours),
        rate_groups=(*setup.rate_groups, *told),
        receipt_text=control.receipt_text,
    )


def rate_group(setup: RegisterSetup, change: RateChange) -> TaxRateGroup:
    """The group that a command tells: labels keep the category that they have in the register's newest group.

    Raises ``TS-3257`` for a label of which the register knows no category.
    """
    newest = max(setup.rate_groups, key=lambda group: (group.valid_from, group.group_id))
    unknown = set(change.labels) - newest.labels()
    if unknown:
        raise Fault("TS-3257", detail=f"no category is known of {', '.join(sorted(unknown))}")
    categories = tuple(
        TaxCategory(category.name, category.category_type, category.order_id, rates)
        for category in newest.categories
        if (rates := _rates(category, change))
    )
    return TaxRateGroup(from_unix_ms(change.valid_from_ms), change.group, categories)


def _rates(category: TaxCategory, change: RateChange) -> tuple[TaxRate, ...]:
    said = change.labels
    return tuple(TaxRate(one.label, Rate.of(said[one.label])) for one in category.rates if one.label in said)


def _least(own: int, told: int | None) -> int:
    return own if told is None else min(own, told)
