"""What a register is and what it must know to sell: who it is, whose, the rates, the log that it signs for."""

from __future__ import annotations

from datetime import datetime, tzinfo

import attrs

from tallystick.crypto.national_oids import DeviceClass
from tallystick.kernel.fixed_point import Money, Quantity, round_half_up
from tallystick.kernel.identifiers import Uid
from tallystick.kernel.invoice import Seller
from tallystick.kernel.shifts import SHIFT_HOURS_MOST
from tallystick.kernel.tax_rates import TaxRateGroup
from tallystick.wire.receipt_code import PATH


@attrs.frozen(slots=True, kw_only=True)
class OfflineLimits:
    """How long the offline class sells without the authority (S0-032, S0-061); a warning comes before the end.

    ``continuous_hours`` from the last contact or the first waiting document, whichever is earlier; ``rolling_hours``
    without contact in sum over the last ``rolling_days``.
    """

    continuous_hours: int = 72
    rolling_hours: int = 144
    rolling_days: int = 30
    warn_percent: int = 80


@attrs.frozen(slots=True, kw_only=True)
class RegisterSetup:
    """One register. ``audience`` is the log's origin; ``genesis`` the link before its first document, if it is known.

    ``verification_page`` is the address before ``/r/``; ``build`` the id of the certified build (hex);
    ``receipt_text`` stands on every receipt where the authority or the taxpayer wants it.
    """

    uid: Uid
    device_class: DeviceClass
    seller: Seller
    maker: str
    model: str
    serial_number: str
    memory_number: str = ""
    premises: str = ""
    build: str
    audience: str
    verification_page: str
    currency: str
    currency_places: int = 2
    zone: tzinfo
    languages: tuple[str, ...]
    rate_groups: tuple[TaxRateGroup, ...]
    genesis: bytes | None = None
    certificate_hash: bytes
    not_after: datetime
    shift_hours_most: int = SHIFT_HOURS_MOST
    limits: OfflineLimits = OfflineLimits()
    receipt_text: str = ""

    @property
    def works_offline(self) -> bool:
        """Whether it belongs to the class with write-once memory (S0-087)."""
        return self.device_class is DeviceClass.HARDWARE

    def verification_url(self, code: str) -> str:
        """Where a receipt with this code is verified."""
        return f"{self.verification_page.rstrip('/')}{PATH}{code}"

    def price(self, unit: Money, quantity: Quantity) -> Money:
        """A line's total: price by quantity, rounded half up once to the currency's places."""
        step = 10 ** (Money.places - self.currency_places)
        return Money(round_half_up(unit.scaled * quantity.scaled, step * 10**Quantity.places) * step)
