"""What whoever stands at the till asks of it. Amounts are positive; a refund's direction is in its kind."""

from __future__ import annotations

import attrs

from tallystick.kernel.fixed_point import ZERO_MONEY, Money, Quantity
from tallystick.kernel.identifiers import SdcInvoiceNumber
from tallystick.kernel.invoice import Payment, TransactionType
from tallystick.kernel.national_document import FormNumber


@attrs.frozen(slots=True, kw_only=True)
class Line:
    """One thing sold; the total is ``price`` by ``quantity``."""

    name: str
    quantity: Quantity
    price: Money
    labels: tuple[str, ...]
    gtin: str | None = None


@attrs.frozen(slots=True, kw_only=True)
class Sell:
    """A sale. ``payments`` are what was handed over: cash beyond the total is change, printed and not signed.

    With a ``form`` the sale is on an accountable form (S1-026).
    """

    lines: tuple[Line, ...]
    payments: tuple[Payment, ...]
    cashier: str = ""
    buyer_id: str = ""
    form: FormNumber | None = None


@attrs.frozen(slots=True, kw_only=True)
class Refund:
    """Goods come back: ``original`` is a sale of this register. Without ``lines`` all of it is given back."""

    original: SdcInvoiceNumber
    payments: tuple[Payment, ...]
    lines: tuple[Line, ...] = ()
    cashier: str = ""


@attrs.frozen(slots=True, kw_only=True)
class Correct:
    """A correction document (S1-027): up or down, of what, and why."""

    original: SdcInvoiceNumber
    direction: TransactionType
    lines: tuple[Line, ...]
    payments: tuple[Payment, ...]
    reason: str
    cashier: str = ""


@attrs.frozen(slots=True, kw_only=True)
class OpenShift:
    """A shift begins with so much cash in the drawer (S1-028)."""

    cash: Money = ZERO_MONEY
    cashier: str = ""


@attrs.frozen(slots=True)
class ReportX:
    """Totals so far, without closing (S1-030)."""


@attrs.frozen(slots=True)
class CloseShift:
    """The Z-report (S1-029)."""


@attrs.frozen(slots=True)
class Register:
    """The register's first document (S1-031)."""


@attrs.frozen(slots=True, kw_only=True)
class Reregister:
    """What the register is has changed, and why it is reported anew (S1-032)."""

    reason: str


@attrs.frozen(slots=True, kw_only=True)
class CloseMemory:
    """The register's last document (S1-033)."""

    reason: str


Order = Sell | Refund | Correct | OpenShift | ReportX | CloseShift | Register | Reregister | CloseMemory
