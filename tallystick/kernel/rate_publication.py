"""What must hold of rate groups before they are published, and what would change with them (E-06, S2-042, S2-054).

A published group is for ever and hits every till, so whatever can be seen beforehand is looked at before anyone signs.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from itertools import pairwise

from tallystick.kernel.device_commands import rate_change
from tallystick.kernel.faults import Fault
from tallystick.kernel.fixed_point import Rate
from tallystick.kernel.invoice import TaxCategoryType
from tallystick.kernel.tax_rates import TaxCategory, TaxRateGroup, group_at, label_case

GROUP_ID_MAX = 2**31 - 1
CATEGORY_NAME_CHARACTERS = 40
"""A receipt for paper of 80 mm has that many in a line."""
PER_CENT_MOST = Rate.of(1_000)
"""More than any excise that is reckoned on the net price; a missing decimal point shows."""


def require_sound(group: TaxRateGroup, highest_order_id: int) -> None:
    """Raise ``TS-2010`` unless every device of the country can work with the group.

    ``highest_order_id`` is the last category that the country's cards count. What cannot be said to a register of the
    national channels (`device_commands.RateChange`) is no group either: it would reach half of the tills.
    """
    if not 1 <= group.group_id <= GROUP_ID_MAX:
        raise malformed(f"the number of a group lies between 1 and {GROUP_ID_MAX}")
    where = f"group {group.group_id}"
    if group.valid_from.microsecond:
        raise malformed(f"{where} begins at a whole second")
    if not group.categories:
        raise malformed(f"{where} has no category")
    _require_distinct([one.name for one in group.categories], f"{where}: name of a category")
    _require_distinct([one.order_id for one in group.categories], f"{where}: order id")
    for category in group.categories:
        _require_category(category, highest_order_id, where)
    _require_distinct([rate.label for one in group.categories for rate in one.rates], f"{where}: label")
    try:
        rate_change(group)
    except Fault as fault:
        raise malformed(f"{where}: {fault.detail}") from None


def _require_category(category: TaxCategory, highest_order_id: int, where: str) -> None:
    name = category.name
    if not name or name != name.strip() or not name.isprintable() or len(name) > CATEGORY_NAME_CHARACTERS:
        raise malformed(f"{where}: a category has a printable name of at most {CATEGORY_NAME_CHARACTERS} characters")
    if not 0 <= category.order_id <= highest_order_id:
        raise malformed(f"{where}: {name} has the order id {category.order_id}; cards count up to {highest_order_id}")
    if not category.rates:
        raise malformed(f"{where}: {name} has no rate")
    for rate in category.rates:
        label = rate.label
        if len(label) != 1 or label != label_case(label) or not label.isprintable() or label.isspace():
            raise malformed(f"{where}: label {label!r} must be one upper-case character")
        per_cent = category.category_type is not TaxCategoryType.AMOUNT_PER_QUANTITY
        if rate.rate.scaled < 0 or (per_cent and rate.rate.scaled > PER_CENT_MOST.scaled):
            raise malformed(f"{where}: rate of {label} is {rate.rate}; a percentage lies between 0 and {PER_CENT_MOST}")


def _require_distinct(values: Sequence[object], what: str) -> None:
    for place, value in enumerate(values):
        if value in values[:place]:
            raise malformed(f"{what} {value} stands twice")


def require_in_order(
    wanted: Sequence[TaxRateGroup], published: Collection[TaxRateGroup], despite: Collection[int], at: datetime
) -> None:
    """Raise ``TS-2011`` unless the groups may be published at ``at``, after those that are.

    Numbers and beginnings rise. A beginning lies ahead, or receipts of the past would get other rates; only the first
    groups of all, which no receipt can name yet, may have begun. An announced group that begins then or later would
    be replaced, or take over: whoever wants that names it in ``despite``, and names no other.
    """
    known = [one.group_id for one in published]
    for before, after in pairwise(wanted):
        if after.group_id <= before.group_id or after.valid_from <= before.valid_from:
            raise contradictory(f"groups {before.group_id} and {after.group_id}: numbers and beginnings rise")
    if not wanted:
        raise malformed("there is no group")
    first = wanted[0]
    if known and first.group_id <= max(known):
        raise contradictory(f"group {first.group_id}: numbers rise, and {max(known)} is published")
    if known and first.valid_from <= at:
        raise contradictory(f"group {first.group_id} would begin in the past: {first.valid_from:%Y-%m-%d %H:%M:%S} UTC")
    announced = {one.group_id for one in published if one.valid_from > at and one.valid_from >= first.valid_from}
    if announced != set(despite):
        named = ", ".join(map(str, sorted(announced))) or "none"
        raise contradictory(f"announced for then or later: {named}; exactly those are named if it shall be so")


def changes(published: Collection[TaxRateGroup], group: TaxRateGroup) -> list[str]:
    """What is other than just before the group begins, a line each: for the eyes of who decides."""
    before = group_at([one for one in published if one.valid_from < group.valid_from], group.valid_from)
    old, new = {} if before is None else _lines(before), _lines(group)
    gone = [f"{label}: {what} ends" for label, what in old.items() if label not in new]
    came = [f"{label}: {what}, new" for label, what in new.items() if label not in old]
    other = [f"{label}: {old[label]} -> {what}" for label, what in new.items() if label in old and old[label] != what]
    return sorted(other) + sorted(came) + sorted(gone)


def _lines(group: TaxRateGroup) -> dict[str, str]:
    return {
        rate.label: f"{category.name} {_plain(rate.rate)}{_UNITS[category.category_type]}"
        for category in group.categories
        for rate in category.rates
    }


def _plain(rate: Rate) -> str:
    text = str(rate)
    return text.rstrip("0").rstrip(".") if "." in text else text


_UNITS = {
    TaxCategoryType.TAX_ON_NET: " % on net",
    TaxCategoryType.TAX_ON_TOTAL: " % on total",
    TaxCategoryType.AMOUNT_PER_QUANTITY: " per quantity",
}


def malformed(detail: str) -> Fault:
    """``TS-2010``."""
    return Fault("TS-2010", detail=detail)


def contradictory(detail: str) -> Fault:
    """``TS-2011``."""
    return Fault("TS-2011", detail=detail)
