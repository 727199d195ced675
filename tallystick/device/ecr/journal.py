"""A fiscal document as text of 40 columns (S0-096): the receipt of a sale, and the reports of a shift and a register.

Lines end with CRLF, the last one too; widths count code points. The QR code stands beside it, never in it. Nothing here
knows whether the document was made with a network or without.
"""

from __future__ import annotations

from collections.abc import Iterator

from tallystick.device.ecr.setup import RegisterSetup
from tallystick.device.ecr.words import Words, offered
from tallystick.kernel.fixed_point import FixedPoint, Money, Quantity
from tallystick.kernel.invoice import InvoiceItem, TransactionType
from tallystick.kernel.national_document import (
    Closure,
    NationalDocument,
    RegisterReport,
    Sale,
    ShiftOpening,
    ShiftReport,
)
from tallystick.kernel.shifts import PAYMENT_WORDS
from tallystick.wire.document_jws import SignedDocument

WIDTH = 40
_RULE, _DOUBLE_RULE = "-" * WIDTH, "=" * WIDTH
_UNSEEN = "\ufffd"


def render(
    signed: SignedDocument, document: NationalDocument, change: Money, setup: RegisterSetup, language: str
) -> str:
    """The text in a language, or in English where there are no words of it."""
    writer = _Writer(offered([language])[0], setup)
    lines = [
        writer.title(str(document.kind), "="),
        *writer.seller(),
        _RULE,
        *writer.content(document, change),
        _DOUBLE_RULE,
        *writer.signing(signed, document),
        *writer.message(document),
        writer.title("end", "="),
        "",
    ]
    return "\r\n".join(lines)


class _Writer:
    """Lines in one language for one register."""

    def __init__(self, words: Words, setup: RegisterSetup) -> None:
        self._words = words
        self._setup = setup

    def title(self, name: str, rule: str) -> str:
        """A title in the middle of a rule."""
        return _within(f" {self._words.say('title', name)} ", rule)

    def seller(self) -> Iterator[str]:
        """Who sells, and where."""
        seller = self._setup.seller
        yield from self._pair("tin", seller.tin)
        for text in (seller.business_name, seller.location_name, seller.address, seller.district):
            yield from _centred(_shown(text))

    def content(self, document: NationalDocument, change: Money) -> Iterator[str]:
        """What the document says."""
        match document.content:
            case Sale() as sale:
                yield from self._sale(sale, change)
            case ShiftOpening(cash=cash, cashier=cashier):
                yield from self._pair("shift", str(document.shift))
                yield from self._said("cashier", cashier)
                yield from self._pair("cash_in_drawer", self._money(cash))
            case ShiftReport() as report:
                yield from self._pair("shift", str(document.shift))
                yield from self._report(report)
            case RegisterReport() as report:
                for name in ("maker", "model", "serial_number", "memory_number", "premises", "reason"):
                    yield from self._said(name, getattr(report, name))
            case Closure() as closure:
                yield from self._pair("documents", str(closure.documents))
                yield from self._pair("turnover", self._money(closure.turnover))
                yield from self._said("reason", closure.reason)

    def signing(self, signed: SignedDocument, document: NationalDocument) -> Iterator[str]:
        """When it was signed, and its fiscal number."""
        yield from self._pair("time", self._words.moment(signed.header.time.astimezone(self._setup.zone)))
        yield from self._pair("number", signed.header.number)

    def message(self, document: NationalDocument) -> Iterator[str]:
        """The text that stands on every receipt, if there is one."""
        if document.sale is not None:
            yield from _centred(_shown(self._setup.receipt_text))

    def _sale(self, sale: Sale, change: Money) -> Iterator[str]:
        operation = "refund" if sale.operation is TransactionType.REFUND else "sale"
        yield from self._said("cashier", sale.cashier)
        yield from self._said("buyer", sale.buyer_id)
        if sale.form is not None:
            yield from self._pair("form", f"{sale.form.series} {sale.form.number}")
        yield from self._said("refers_to", str(sale.refers_to or ""))
        yield from self._said("reason", sale.reason)
        yield _within(f" {self._words.say('text', operation)} ", "-")
        for item in sale.items:
            yield from self._item(item)
        yield _RULE
        yield from self._pair(f"total_{operation}", self._money(sale.total))
        for payment in sale.payments:
            name = self._words.say("payment", PAYMENT_WORDS[payment.payment_type])
            yield from _labelled(name, self._money(payment.amount))
        if change.scaled:
            yield from self._pair("handed_over", self._money(sale.total + change))
            yield from self._pair("change", self._money(change))
        yield _RULE
        yield from self._taxes(sale)

    def _item(self, item: InvoiceItem) -> Iterator[str]:
        yield from _pieces(f"{_shown(item.name)} ({', '.join(map(_shown, item.labels))})")
        price = f"{self._quantity(item.quantity)} x {self._money(item.unit_price)}"
        yield from _labelled(f"  {price}", self._money(item.total_amount))

    def _taxes(self, sale: Sale) -> Iterator[str]:
        word = self._words.say("text", "tax")
        for tax in sale.taxes:
            rate = self._words.number(tax.rate.rounded(2), 2)
            yield from _labelled(f"{word} {_shown(tax.label)} {rate}", self._money(tax.amount))
        total = Money(sum(tax.amount.scaled for tax in sale.taxes))
        yield from self._pair("total_tax", self._money(total))

    def _report(self, report: ShiftReport) -> Iterator[str]:
        yield from self._pair("documents", f"{report.first}-{report.last}")
        totals = report.totals
        for name in ("sales", "refunds", "corrections_up", "corrections_down"):
            counted = getattr(totals, name)
            yield from self._pair(name, f"{counted.count} / {self._money(counted.total)}")
        yield _RULE
        for kind, amount in totals.payments:
            yield from _labelled(self._words.say("payment", kind), self._money(amount))
        for label, amount in totals.taxes:
            yield from _labelled(f"{self._words.say('text', 'tax')} {_shown(label)}", self._money(amount))
        yield _RULE
        yield from self._pair("cash_in_drawer", self._money(report.cash))
        yield from self._pair("turnover", self._money(report.turnover))

    def _said(self, name: str, value: str) -> Iterator[str]:
        if value:
            yield from self._pair(name, value)

    def _pair(self, name: str, value: str) -> Iterator[str]:
        yield from _labelled(f"{self._words.say('text', name)}:", _shown(value))

    def _money(self, amount: FixedPoint) -> str:
        places = self._setup.currency_places
        return self._words.number(amount.rounded(places), places)

    def _quantity(self, quantity: Quantity) -> str:
        places = 3 if quantity.scaled % 1000 else 0
        return self._words.number(quantity.rounded(places), places)


def _labelled(label: str, value: str) -> Iterator[str]:
    """Label left and value right; a value that does not fit beside it stands below, on the right."""
    blanks = WIDTH - len(label) - len(value)
    if blanks > 0:
        yield f"{label}{' ' * blanks}{value}"
        return
    yield from _pieces(label)
    yield from (piece.strip().rjust(WIDTH) for piece in _pieces(value))


def _pieces(text: str) -> Iterator[str]:
    for start in range(0, max(len(text), 1), WIDTH):
        yield text[start : start + WIDTH]


def _centred(text: str) -> Iterator[str]:
    if text:
        yield from (piece.strip().center(WIDTH).rstrip() for piece in _pieces(text))


def _within(text: str, rule: str) -> str:
    return text.center(WIDTH, rule)[:WIDTH]


def _shown(text: str) -> str:
    """Nothing that could end a line, steer a printer or turn the direction: a name must not forge lines."""
    return text if text.isprintable() else "".join(one if one.isprintable() else _UNSEEN for one in text)
