"""How values become text on the page: escaped, with hidden characters made visible, in the page's language."""

from __future__ import annotations

import re
from datetime import datetime, tzinfo
from decimal import ROUND_HALF_UP, Decimal
from html import escape

from tallystick.authority.projections.verification.words import PageLanguage

CENT = Decimal("0.01")
# Controls, soft hyphen, zero-width and bidirectional characters, line separators, tags: nobody sees them, yet they
# can make a line read as something else. Tab and newline are left.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)


def visible(text: str) -> str:
    """The text with every hidden character as its code in brackets, such as ``[U+202E]``."""
    return _HIDDEN.sub(lambda found: f"[U+{ord(found[0]):04X}]", text)


def html_text(text: str) -> str:
    """What may stand between tags and inside quoted attributes: hidden characters shown, markup escaped."""
    return escape(visible(text))


def amount_text(value: Decimal, language: PageLanguage) -> str:
    """An amount with two decimals in the page's language: ``8.960,00`` or ``8,960.00``."""
    return _in_language(f"{value.quantize(CENT, rounding=ROUND_HALF_UP):,.2f}", language)


def number_text(value: Decimal, language: PageLanguage) -> str:
    """A quantity or a rate without needless zeros: ``2``, ``0.75`` or ``0,75``."""
    text = f"{value:,f}"
    return _in_language(text.rstrip("0").rstrip(".") if "." in text else text, language)


def _in_language(text: str, language: PageLanguage) -> str:
    return text.translate({ord(","): language.thousands_sign, ord("."): language.decimal_sign})


def time_text(moment: datetime, language: PageLanguage, zone: tzinfo) -> str:
    """A moment in the authority's zone, in the page's pattern; near the ends of the calendar it stays in UTC."""
    try:
        local = moment.astimezone(zone)
    except OverflowError:
        local = moment
    return language.time_pattern.format(
        day=local.day,
        month=local.month,
        year=local.year,
        hour=local.hour,
        minute=local.minute,
        second=local.second,
    )
