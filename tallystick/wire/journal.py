"""The journal: an invoice as text of 40 columns, line for line as genuine devices print it (S2-062 to S2-068; wire: 5).

Widths count code points. Lines end with CRLF, the last one too. Only item names and continued lines are padded on the
right. The QR code is never part of the text.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, tzinfo
from functools import lru_cache

import attrs

from tallystick.kernel.fixed_point import FixedPoint, Money, Quantity, round_half_up
from tallystick.kernel.identifiers import SdcInvoiceNumber
from tallystick.kernel.invoice import (
    InvoiceItem,
    InvoiceRequest,
    InvoiceType,
    Seller,
    TaxCategoryType,
    TaxItem,
    TransactionType,
)
from tallystick.wire.journal_languages import LANGUAGES, WIDTH, JournalLanguage
from tallystick.wire.journal_text import JournalText, read_journal

__all__ = [
    "LANGUAGES",
    "JournalFacts",
    "JournalLanguage",
    "JournalText",
    "counter_extension",
    "read_journal",
    "render_journal",
    "type_line",
]

_DOUBLE_RULE = "=" * WIDTH
_RULE = "-" * WIDTH
_HUNDREDTH = 10 ** (Money.places - 2)
_PRICE_COLUMNS, _QUANTITY_COLUMNS, _TOTAL_COLUMNS = 13, 11, 16
_NAME_END_COLUMN, _RATE_COLUMNS, _TAX_COLUMNS = 17, 9, 14
# Anything that a printer or a reader could take for the end of a line would let a name forge the lines after it.
_LINE_BREAKS = dict.fromkeys(map(ord, "\t\n\v\f\r\x1c\x1d\x1e\x85\u2028\u2029"), " ")


@attrs.frozen(slots=True, kw_only=True)
class JournalFacts:
    """What the journal shows beside the request.

    ``currency`` follows the rates that are amounts; without it the language's sign does.
    """

    seller: Seller
    tax_items: tuple[TaxItem, ...]
    total: Money
    sdc_time: datetime
    number: SdcInvoiceNumber
    type_counter: int
    counter_extension: str
    currency: str | None = None


def counter_extension(invoice_type: InvoiceType, transaction_type: TransactionType, language: JournalLanguage) -> str:
    """The letters after the invoice counter, for example ``NS`` (S2-067)."""
    return language.invoice_letters[invoice_type] + language.transaction_letters[transaction_type]


def render_journal(request: InvoiceRequest, facts: JournalFacts, language: JournalLanguage, zone: tzinfo) -> str:
    """The text of an invoice in a language; times are the local times of ``zone``, the authority's (S2-063)."""
    fiscal = request.invoice_type.is_fiscal
    lines = [language.fiscal_title if fiscal else language.non_fiscal_title]
    lines += _seller(facts.seller, language)
    lines += _heading(request, language, zone)
    lines += _items(request, language)
    lines += _payments(request, facts.total, language)
    if not fiscal:
        lines += (language.notice, _DOUBLE_RULE)
    lines += _taxes(facts, language)
    lines += _signing(facts, language, zone)
    lines.append(language.fiscal_end if fiscal else language.non_fiscal_title)
    lines.append("")
    return "\r\n".join(lines)


def _seller(seller: Seller, language: JournalLanguage) -> Iterator[str]:
    values = (seller.tin, seller.business_name, seller.location_name, seller.address, seller.district)
    for number, value in enumerate(values):
        text = _one_line(value)
        if language.seller_labels is None:
            yield from _centred(text)
        else:
            yield from _labelled(language.seller_labels[number], text)


def _heading(request: InvoiceRequest, language: JournalLanguage, zone: tzinfo) -> Iterator[str]:
    issued, referent = request.date_and_time_of_issue, request.referent_document_dt
    lines = (
        (language.cashier, request.cashier or ""),
        (language.buyer_id, request.buyer_id),
        (language.cost_center, request.buyer_cost_center_id),
        (language.pos_number, request.invoice_number),
        (language.pos_time, None if issued is None else language.time(issued.astimezone(zone))),
        (language.referent_number, request.referent_document_number),
        (language.referent_time, None if referent is None else language.time(referent.astimezone(zone))),
    )
    for label, value in lines:
        if value is not None:
            yield from _labelled(label, _one_line(value))
    yield type_line(request.invoice_type, request.transaction_type, language)


def type_line(invoice_type: InvoiceType, transaction_type: TransactionType, language: JournalLanguage) -> str:
    """The line that names the kind of the invoice, centred with the smaller half of the dashes on the left."""
    words = f"{language.invoice_words[invoice_type]} {language.transaction_words[transaction_type]}"
    left = (WIDTH - len(words)) // 2
    return "-" * left + words + "-" * (WIDTH - left - len(words))


def _items(request: InvoiceRequest, language: JournalLanguage) -> Iterator[str]:
    yield language.items_title
    yield _DOUBLE_RULE
    yield language.items_head
    sign = -1 if request.transaction_type is TransactionType.REFUND else 1
    for item in request.items:
        title = f"{_one_line(item.name)} ({', '.join(map(_one_line, item.labels))})"
        if len(title) <= WIDTH:
            yield title.ljust(WIDTH)
        else:
            yield from _broken(title)
        yield from _item_numbers(item, sign, language)
    yield _RULE


def _item_numbers(item: InvoiceItem, sign: int, language: JournalLanguage) -> tuple[str, ...]:
    """Price, quantity and total; only the total of a refund is negative."""
    price = _amount(item.unit_price, language)
    quantity = _quantity(item.quantity, language)
    total = _number(sign * round_half_up(item.total_amount.scaled, _HUNDREDTH), 2, language)
    line = f"{price:>{_PRICE_COLUMNS}}{quantity:>{_QUANTITY_COLUMNS}}{total:>{_TOTAL_COLUMNS}}"
    if len(line) == WIDTH and len(quantity) < _QUANTITY_COLUMNS and len(total) < _TOTAL_COLUMNS:
        return (line,)
    return tuple(number.rjust(WIDTH) for number in (price, quantity, total))


def _payments(request: InvoiceRequest, total: Money, language: JournalLanguage) -> Iterator[str]:
    yield from _amount_line(language.totals[request.transaction_type], _amount(total, language))
    if language.rule_after_total:
        yield _RULE
    for payment in request.payments:
        yield from _amount_line(language.payments[payment.payment_type], _amount(payment.amount, language))
    yield _DOUBLE_RULE


def _taxes(facts: JournalFacts, language: JournalLanguage) -> Iterator[str]:
    """One line a label. The printed total is the sum of the printed lines, as on genuine receipts (wire: chapter 1)."""
    yield language.taxes_head
    hundredths = 0
    for item in facts.tax_items:
        hundredths += round_half_up(item.amount.scaled, 100)
        yield from _tax_line(item, facts.currency, language)
    yield _RULE
    yield from _amount_line(language.total_tax, _number(hundredths, 2, language))
    yield _DOUBLE_RULE


def _tax_line(item: TaxItem, currency: str | None, language: JournalLanguage) -> Iterator[str]:
    sign = "%"
    if item.category_type is TaxCategoryType.AMOUNT_PER_QUANTITY:
        sign = language.currency_sign if currency is None else currency
    rate, amount = f"{_amount(item.rate, language)}{sign}", _amount(item.amount, language)
    label, name = _one_line(item.label), _one_line(item.category_name)
    blanks = _NAME_END_COLUMN - len(label) - len(name)
    if blanks > 0 and len(rate) < _RATE_COLUMNS and len(amount) < _TAX_COLUMNS:
        yield f"{label}{' ' * blanks}{name}{rate:>{_RATE_COLUMNS}}{amount:>{_TAX_COLUMNS}}"
    else:
        yield from _broken(f"{label} {name}")
        yield f"{rate} {amount:>{_TAX_COLUMNS}}".rjust(WIDTH)


def _signing(facts: JournalFacts, language: JournalLanguage, zone: tzinfo) -> Iterator[str]:
    yield from _labelled(language.sdc_time, language.time(facts.sdc_time.astimezone(zone)))
    yield from _labelled(language.invoice_number, str(facts.number))
    counter = f"{facts.type_counter}/{facts.number.ordinal}{facts.counter_extension}"
    yield from _labelled(language.counter, counter)
    yield _DOUBLE_RULE


def _labelled(label: str, value: str) -> Iterator[str]:
    """Label left and value right, or both in one text that is broken hard."""
    blanks = WIDTH - len(label) - len(value)
    if blanks > 0:
        yield f"{label}{' ' * blanks}{value}"
    else:
        yield from _broken(f"{label} {value}")


def _amount_line(label: str, amount: str) -> Iterator[str]:
    """Label left and amount right; an amount is never broken, it takes a line of its own."""
    blanks = WIDTH - len(label) - len(amount)
    if blanks > 0:
        yield f"{label}{' ' * blanks}{amount}"
    else:
        yield label
        yield amount.rjust(WIDTH)


def _broken(text: str) -> Iterator[str]:
    """Pieces of exactly 40 code points, the last one padded."""
    for start in range(0, len(text), WIDTH):
        yield text[start : start + WIDTH].ljust(WIDTH)


def _centred(text: str) -> Iterator[str]:
    """Broken at words where it is too long, each line centred with the smaller half of the blanks on the left."""
    for line in [text] if len(text) <= WIDTH else _lines_of_words(text):
        left = (WIDTH - len(line)) // 2
        yield f"{' ' * left}{line}".ljust(WIDTH)


def _lines_of_words(text: str) -> Iterator[str]:
    """Lines of fewer than 40: genuine devices count the blank after the last word."""
    line = ""
    for word in text.split():
        if line and len(line) + 1 + len(word) >= WIDTH:
            yield line
            line = ""
        line = f"{line} {word}" if line else word
        while len(line) > WIDTH:
            yield line[:WIDTH]
            line = line[WIDTH:]
    if line:
        yield line


def _one_line(text: str) -> str:
    return text if text.isprintable() else text.translate(_LINE_BREAKS)


def _amount(value: FixedPoint, language: JournalLanguage) -> str:
    """Two decimals, rounded half up only here (S2-064)."""
    return _number(round_half_up(value.scaled, 10 ** (value.places - 2)), 2, language)


def _quantity(quantity: Quantity, language: JournalLanguage) -> str:
    """Whole, or with exactly three decimals; never with a thousands separator, which would read as decimals."""
    whole, thousandths = divmod(quantity.scaled, 1000)
    return f"{whole}{language.decimal_point}{thousandths:03d}" if thousandths else str(whole)


def _number(scaled: int, places: int, language: JournalLanguage) -> str:
    return _written(scaled, places, language.decimal_point, language.thousands)


@lru_cache(maxsize=8192)
def _written(scaled: int, places: int, decimal_point: str, thousands: str) -> str:
    """Prices come again and again, so their writing is remembered."""
    whole, fraction = divmod(abs(scaled), 10**places)
    grouped = f"{whole:,}".replace(",", thousands) if whole >= 1000 else str(whole)
    return f"{'-' if scaled < 0 else ''}{grouped}{decimal_point}{fraction:0{places}d}"
