"""Reads a journal back into its values: in any of our languages, from devices old and new, saved with or without care.

Seller lines may be centred, left-aligned or labelled (wire: 5.5); blanks at line ends may be missing.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from datetime import datetime, tzinfo
from decimal import Decimal

import attrs

from tallystick.kernel.faults import Fault, FieldFault
from tallystick.kernel.invoice import InvoiceType, TransactionType
from tallystick.kernel.limits import LIMITS
from tallystick.wire.journal_languages import LANGUAGES, WIDTH, JournalLanguage

_CHARACTERS_MAX = LIMITS.audit_package_bytes
_LINE_CHARACTERS_MAX = 4 * WIDTH
_VALUE_CHARACTERS_MAX = 4 * 1024
_DOUBLE_RULE, _RULE = "=" * WIDTH, "-" * WIDTH
_QR_IMAGE = re.compile(r"<br\s?/?>\s{0,4}<img[^>]*+>", re.IGNORECASE)
_NUMBER = re.compile(r"-?\d[\d.,]{0,39}", re.ASCII)
_SERBIAN_TIME = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})\.? (\d{1,2}):(\d{2}):(\d{2})", re.ASCII)
_ENGLISH_TIME = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4}) (\d{1,2}):(\d{2}):(\d{2})", re.ASCII)
_OLD_SELLER_LABELS = ("ПИБ:", "Предузеће:", "Место продаје:", "Адреса:", "Општина:")

Types = tuple[InvoiceType, TransactionType]


@attrs.frozen(slots=True)
class JournalItem:
    """One line of the sale as printed; the total of a refund is negative."""

    name: str
    labels: tuple[str, ...]
    unit_price: Decimal
    quantity: Decimal
    total: Decimal


@attrs.frozen(slots=True)
class JournalPayment:
    """One payment; ``label`` as printed, with its colon."""

    label: str
    amount: Decimal


@attrs.frozen(slots=True)
class JournalTax:
    """One tax line; ``sign`` is the per cent sign or a currency."""

    label: str
    name: str
    rate: Decimal
    sign: str
    amount: Decimal


@attrs.frozen(slots=True, kw_only=True)
class JournalText:
    """What a journal says. Times are local times as printed (`read_local_time` gives moments).

    ``seller`` holds the values of TIN, company, shop, address and district; where they stand centred, each printed
    line is one entry, because a broken name cannot be told from two values.
    """

    language: str
    is_fiscal: bool
    seller: tuple[str, ...]
    cashier: str
    buyer_id: str | None
    cost_center: str | None
    pos_number: str | None
    pos_time: str | None
    referent_number: str | None
    referent_time: str | None
    invoice_type: InvoiceType
    transaction_type: TransactionType
    items: tuple[JournalItem, ...]
    total: Decimal
    payments: tuple[JournalPayment, ...]
    taxes: tuple[JournalTax, ...]
    total_tax: Decimal
    sdc_time: str
    invoice_number: str
    counter: str


def read_journal(text: str, *, escaped: bool = False) -> JournalText:
    """Read a journal; ``escaped`` when it was taken from a page, with HTML entities and the QR image inside.

    Raises `TS-1220` when the text is not a journal of a language that we know.
    """
    if len(text) > _CHARACTERS_MAX:
        raise _fault("/", "too long for a journal")
    if escaped:
        text = html.unescape(_QR_IMAGE.sub("\n", text))
    lines = [line.rstrip() for line in text.replace("\r\n", "\n").split("\n")]
    lines = [line for line in lines if line]
    if not lines or max(map(len, lines)) > _LINE_CHARACTERS_MAX:
        raise _fault("/", "not the lines of a journal")
    language = _language(lines[0])
    return _read(lines, language)


def read_local_time(text: str, zone: tzinfo) -> datetime:
    """The moment that a printed local time means in ``zone``; raises `TS-1220`."""
    found = _SERBIAN_TIME.fullmatch(text) or _ENGLISH_TIME.fullmatch(text)
    if found is None:
        raise _fault("/time", "not a printed time")
    day, month, year, hour, minute, second = map(int, found.groups())
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=zone)
    except ValueError:
        raise _fault("/time", "not a printed time") from None


def _read(lines: Sequence[str], language: JournalLanguage) -> JournalText:
    type_line = _find_type_line(lines, language)
    header, rest = lines[1:type_line], _Lines(lines[type_line:])
    invoice_type, transaction_type = _types(language)[_type_words(rest.take())]
    seller, values = _header(header, language)
    for expected in (language.items_title, _DOUBLE_RULE, language.items_head):
        rest.skip(expected)
    items = _items(rest.until(_RULE), language)
    total, *payments = _amounts(rest.until(_DOUBLE_RULE), language)
    notice = rest.until(language.taxes_head)
    if any(line.strip() != language.notice.strip() for line in notice if line != _DOUBLE_RULE):
        raise _fault("/notice", "an unknown line before the taxes")
    taxes = _taxes(rest.until(_RULE), language)
    total_tax = _amounts(rest.until(_DOUBLE_RULE), language)[0]
    ending = _labelled(rest.until(_DOUBLE_RULE), (language.sdc_time, language.invoice_number, language.counter))
    return JournalText(
        language=language.tag,
        is_fiscal=lines[0] == language.fiscal_title,
        seller=seller,
        cashier=values.get(language.cashier, ""),
        buyer_id=values.get(language.buyer_id),
        cost_center=values.get(language.cost_center),
        pos_number=values.get(language.pos_number),
        pos_time=values.get(language.pos_time),
        referent_number=values.get(language.referent_number),
        referent_time=values.get(language.referent_time),
        invoice_type=invoice_type,
        transaction_type=transaction_type,
        items=items,
        total=total.amount,
        payments=tuple(payments),
        taxes=taxes,
        total_tax=total_tax.amount,
        sdc_time=ending.get(language.sdc_time, ""),
        invoice_number=ending.get(language.invoice_number, ""),
        counter=ending.get(language.counter, ""),
    )


class _Lines:
    """The lines that are still to be read."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = lines
        self._at = 0

    def take(self) -> str:
        if self._at == len(self._lines):
            raise _fault("/", "the journal ends too early")
        self._at += 1
        return self._lines[self._at - 1]

    def skip(self, expected: str) -> None:
        if self.take() != expected:
            raise _fault("/", "a line of the frame is missing")

    def until(self, end: str) -> list[str]:
        """All lines before ``end``, which is taken too."""
        taken = []
        while (line := self.take()) != end:
            taken.append(line)
        return taken


def _language(title: str) -> JournalLanguage:
    for language in LANGUAGES.values():
        if title in (language.fiscal_title, language.non_fiscal_title):
            return language
    raise _fault("/title", "not the title of a journal")


def _types(language: JournalLanguage) -> dict[str, Types]:
    return {
        f"{invoice_word} {transaction_word}": (invoice_type, transaction_type)
        for invoice_type, invoice_word in language.invoice_words.items()
        for transaction_type, transaction_word in language.transaction_words.items()
    }


def _type_words(line: str) -> str:
    """The words of a type line; samples in law texts have a dash between them (C-27)."""
    return line.strip("-").replace(" - ", " ")


def _find_type_line(lines: Sequence[str], language: JournalLanguage) -> int:
    types = _types(language)
    for number, line in enumerate(lines):
        if line.startswith("-") and _type_words(line) in types:
            return number
    raise _fault("/type", "no line with the type of the invoice")


def _header(lines: Sequence[str], language: JournalLanguage) -> tuple[tuple[str, ...], dict[str, str]]:
    """The seller's values, and the labelled values from the cashier on."""
    cashier = next((at for at, line in enumerate(lines) if line.startswith(language.cashier)), len(lines))
    labels = (
        language.cashier,
        language.buyer_id,
        language.cost_center,
        language.pos_number,
        language.pos_time,
        language.referent_number,
        language.referent_time,
    )
    return _seller(lines[:cashier], language), _labelled(lines[cashier:], labels)


def _seller(lines: Sequence[str], language: JournalLanguage) -> tuple[str, ...]:
    for labels in (language.seller_labels, _OLD_SELLER_LABELS):
        if labels is not None and lines and lines[0].startswith(labels[0]):
            values = _labelled(lines, labels)
            return tuple(values.get(label, "") for label in labels)
    return tuple(line.strip() for line in lines)


def _labelled(lines: Sequence[str], labels: Sequence[str]) -> dict[str, str]:
    """Values by label; a line without a label goes on with the value before it, which was broken at column 40."""
    values: dict[str, str] = {}
    current = ""
    for line in lines:
        label = next((label for label in labels if line.startswith(label)), None)
        if label is not None:
            current = label
            values[label] = line[len(label) :]
        elif current:
            values[current] = _continued(current + values[current], line)[len(current) :]
        else:
            raise _fault("/", "a line without a label")
    return {label: value.strip() for label, value in values.items()}


def _continued(text: str, line: str) -> str:
    """A text that was broken hard at column 40, with the blanks that a careless saver cut off."""
    if len(text) > _VALUE_CHARACTERS_MAX:
        raise _fault("/", "a value is too long")
    return text + " " * (-len(text) % WIDTH) + line


def _items(lines: Sequence[str], language: JournalLanguage) -> tuple[JournalItem, ...]:
    items: list[JournalItem] = []
    name = ""
    numbers: list[Decimal] = []
    for line in lines:
        tokens = line.split()
        if name.endswith(")") and all(_NUMBER.fullmatch(token) for token in tokens):
            numbers += [_decimal(token, language) for token in tokens]
        elif numbers:
            raise _fault("/items", "an item has three numbers")
        else:
            name = _continued(name, line)
        if len(numbers) >= 3:
            items.append(_item(name, numbers))
            name, numbers = "", []
    if name or numbers:
        raise _fault("/items", "an item is not complete")
    return tuple(items)


def _item(text: str, numbers: Sequence[Decimal]) -> JournalItem:
    name, separator, labels = text.rpartition(" (")
    if not separator or len(numbers) != 3:
        raise _fault("/items", "an item has a name, labels and three numbers")
    return JournalItem(name, tuple(labels[:-1].split(", ")), *numbers)


def _amounts(lines: Sequence[str], language: JournalLanguage) -> list[JournalPayment]:
    """Lines of a label and an amount, at least one; a long label has its amount on the next line."""
    amounts: list[JournalPayment] = []
    waiting = ""
    for line in lines:
        if line == _RULE:
            continue
        label, colon, amount = f"{waiting}{line}".partition(":")
        waiting = ""
        if not colon:
            raise _fault("/amounts", "an amount without a label")
        if amount.strip():
            amounts.append(JournalPayment(f"{label}:", _decimal(amount.strip(), language)))
        else:
            waiting = f"{label}:"
    if waiting or not amounts:
        raise _fault("/amounts", "a label without an amount")
    return amounts


def _taxes(lines: Sequence[str], language: JournalLanguage) -> tuple[JournalTax, ...]:
    taxes: list[JournalTax] = []
    waiting: list[str] = []
    for line in lines:
        tokens = waiting + line.split()
        if len(tokens) > WIDTH:
            raise _fault("/taxes", "a tax line is too long")
        rate = _NUMBER.match(tokens[-2]) if len(tokens) >= 3 else None
        if rate is None or _NUMBER.fullmatch(tokens[-1]) is None:
            waiting = tokens  # label and name needed lines of their own
            continue
        waiting = []
        name, sign = " ".join(tokens[1:-2]), tokens[-2][rate.end() :]
        taxes.append(JournalTax(tokens[0], name, _decimal(rate[0], language), sign, _decimal(tokens[-1], language)))
    if waiting:
        raise _fault("/taxes", "a tax line is not complete")
    return tuple(taxes)


def _decimal(text: str, language: JournalLanguage) -> Decimal:
    if _NUMBER.fullmatch(text) is None:
        raise _fault("/numbers", "not a number")
    plain = text.replace(language.thousands, "").replace(language.decimal_point, ".")
    try:
        return Decimal(plain)
    except ArithmeticError:
        raise _fault("/numbers", "not a number") from None


def _fault(pointer: str, detail: str) -> Fault:
    return Fault("TS-1220", detail=detail, fields=(FieldFault(pointer, "5"),))
