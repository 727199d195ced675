"""Pieces of the till's pages: escaped text, signs in their shapes, forms, amounts."""

from __future__ import annotations

from decimal import Decimal
from html import escape

from tallystick.device.ecr.words import Words
from tallystick.kernel.fixed_point import Money, Quantity

_SIGNS = {
    "good": '<circle cx="12" cy="12" r="10"/><path d="M7 12l4 4 6-8"/>',
    "warn": '<path d="M12 2l11 20H1z"/><path d="M12 9v6M12 18v1"/>',
    "stop": '<path d="M8 1h8l7 7v8l-7 7H8l-7-7V8z"/><path d="M8 8l8 8M16 8l-8 8"/>',
    "work": '<rect x="2" y="2" width="20" height="20" rx="3"/><path d="M8 17V7l-3 3M8 7l3 3M16 7v10l-3-3M16 17l3-3"/>',
}


def text(value: object) -> str:
    """A value as text of a page: escaped, and nothing in it that steers or hides."""
    plain = "".join(one if one.isprintable() or one == "\n" else f"[U+{ord(one):04X}]" for one in str(value))
    return escape(plain)


def sign(tone: str) -> str:
    """A shape for each tone, so that colour alone says nothing; the words stand beside it."""
    return f'<svg class="sign" viewBox="0 0 24 24" aria-hidden="true">{_SIGNS[tone]}</svg>'


def form(action: str, token: str, content: str, button: str, *, name: str = "", kind: str = "") -> str:
    """A form that is sent to the till; ``button`` is escaped here, ``content`` is HTML."""
    label = f' aria-label="{text(name)}"' if name else ""
    style = f' class="{kind}"' if kind else ""
    return (
        f'<form method="post" action="{action}" autocomplete="off"{style}>'
        f'<input type="hidden" name="token" value="{token}">{content}'
        f"<button{label}>{text(button)}</button></form>"
    )


def hidden(**values: object) -> str:
    """Fields that nobody sees."""
    return "".join(f'<input type="hidden" name="{name}" value="{text(value)}">' for name, value in values.items())


def field(
    name: str, label: str, *, value: str = "", mode: str = "text", required: bool = True, focus: bool = False
) -> str:
    """A labelled field; ``mode`` is the keyboard that a phone shows."""
    more = (" required" if required else "") + (" autofocus" if focus else "")
    return (
        f'<label>{text(label)}<input name="{name}" value="{text(value)}" inputmode="{mode}" maxlength="200"{more}>'
        "</label>"
    )


def money(words: Words, amount: Money, places: int) -> str:
    """An amount as people here write it."""
    return words.number(amount.rounded(places), places)


def written(words: Words, amount: object, places: int) -> str:
    """An amount of an answer, as people here write it; empty where the document has none."""
    return words.number(Decimal(str(amount)), places) if amount else ""


def quantity(words: Words, amount: Quantity) -> str:
    """A quantity: whole, or with three decimals."""
    places = 3 if amount.scaled % 1000 else 0
    return words.number(amount.rounded(places), places)
