"""Tax rate groups: which rate a label has at a moment (S2-042 to S2-044)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import attrs

from tallystick.kernel.fixed_point import Rate
from tallystick.kernel.invoice import InvoiceRequest, TaxCategoryType

_MKHEDRULI = frozenset(map(chr, range(0x10D0, 0x1100)))


def label_case(label: str) -> str:
    """A label in the spelling in which it is stored and compared: upper case, but Georgian in its ordinary letters.

    Georgian text has one case. Its capitals (Mtavruli), which ``upper`` gives, are for headlines and missing in fonts.
    """
    upper = label.upper()
    return upper if upper.isascii() else "".join(map(_letter_case, label))


def _letter_case(letter: str) -> str:
    lower = letter.lower()
    return lower if lower in _MKHEDRULI else letter.upper()


@attrs.frozen(slots=True)
class TaxRate:
    """One label and its rate: per cent, or currency units per quantity."""

    label: str
    rate: Rate


@attrs.frozen(slots=True)
class TaxCategory:
    """A family of labels; ``order_id`` is the category's number on the card."""

    name: str
    category_type: TaxCategoryType
    order_id: int
    rates: tuple[TaxRate, ...]


@attrs.frozen(slots=True, cache_hash=True)
class TaxRateGroup:
    """All rates that hold from a moment on; ``group_id`` is the revision printed in results (S2-054).

    The hash is kept, because plans of the tax calculation are looked up by group for every invoice.
    """

    valid_from: datetime
    group_id: int
    categories: tuple[TaxCategory, ...]

    def labels(self) -> frozenset[str]:
        """Every label that the group knows."""
        return frozenset(rate.label for category in self.categories for rate in category.rates)


def group_at(groups: Iterable[TaxRateGroup], moment: datetime) -> TaxRateGroup | None:
    """The group in force: the latest ``valid_from`` up to the moment, then the highest ``group_id``; may be none."""
    in_force = [group for group in groups if group.valid_from <= moment]
    return max(in_force, key=lambda group: (group.valid_from, group.group_id), default=None)


def moment_for_rates(request: InvoiceRequest, now: datetime) -> datetime:
    """The moment whose rates apply (S2-042 to S2-044): a copy's or refund's reference if it has number and time."""
    if request.refers_back and request.referent_document_number and request.referent_document_dt is not None:
        return request.referent_document_dt
    return now
