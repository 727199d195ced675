"""Pieces of the device's page: escaped text, symbols in their shapes, lists of facts, forms."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from tallystick.device.esdc.face.notices import Notice, Tone
from tallystick.device.esdc.face.words import Words

_SHAPES = {
    Tone.STOP: '<path class="shape" d="M14 2h20l12 12v20L34 46H14L2 34V14z"/>',
    Tone.WARN: '<path class="shape" d="M24 3l22 41H2z"/>',
    Tone.WORK: '<rect class="shape" x="3" y="3" width="42" height="42" rx="4"/>',
    Tone.GOOD: '<circle class="shape" cx="24" cy="24" r="21"/>',
}
_CROSS = '<path d="M16 16l16 16M32 16L16 32"/>'
_MARK = '<path d="M24 17v13M24 36v2"/>'
_CARD = '<path d="M12 18h24v15H12zM12 23h24"/>'
_CLOCK = '<path d="M24 22v9l6 4M24 22"/><circle cx="24" cy="31" r="10"/>'
_STACK = '<path d="M13 19h22M13 25h22M13 31h22"/>'
_ARROWS = '<path d="M17 33V15l-5 6M17 15l5 6M31 15v18l-5-6M31 33l5-6"/>'
_SIGNS = {
    Notice.CARD_MISSING: _CARD,
    Notice.STORAGE_FULL: _STACK,
    Notice.STORAGE_ALMOST_FULL: '<path d="M17 38h14M17 32h14M24 20v6"/>',
    Notice.CLOCK_WRONG: '<circle cx="24" cy="24" r="11"/><path d="M24 17v7l5 3"/>',
    Notice.CLOCK_DIFFERS: _CLOCK,
    Notice.CLOCK_OVERDUE: _CLOCK,
    Notice.ENTER_PIN: '<path d="M16 36h.1M22 36h.1M28 36h.1M34 36h.1M24 20v8"/>',
    Notice.READY: '<path d="M14 25l7 7 14-16"/>',
    Notice.TRANSFER: _ARROWS,
    Notice.MEDIUM: _ARROWS,
    Notice.COMMANDS: '<path d="M14 17l7 7-7 7M25 32h10"/>',
    Notice.UPDATING: '<path d="M33 19a11 11 0 1 0 2 8M35 12v8h-8"/>',
    Notice.BUSY: '<path d="M15 14h18L24 24zM24 24l9 10H15z"/>',
}


def text(value: object) -> str:
    """Text for HTML; what a screen cannot show, or would turn round, is shown as its number."""
    plain = "".join(one if one.isprintable() else f"[U+{ord(one):04X}]" for one in str(value))
    return escape(plain)


def symbol(notice: Notice) -> str:
    """The sign of a notice in the shape of its urgency; hidden from readers, since the words stand beside it."""
    sign = _SIGNS.get(notice, _CROSS if notice.tone is Tone.STOP else _MARK)
    return f'<svg class="symbol" viewBox="0 0 48 48" aria-hidden="true">{_SHAPES[notice.tone]}{sign}</svg>'


def notice_lines(notice: Notice, words: Words, missing: tuple[str, ...]) -> tuple[str, str]:
    """Title and advice of a notice, escaped."""
    told = words.notices[notice]
    advice = told["advice"]
    if notice is Notice.NOT_CONFIGURED and missing == ("no-language",):
        advice = told["no-language"]
    elif notice is Notice.NOT_CONFIGURED and missing:
        advice = f"{told['missing']} {', '.join(told[name] for name in missing)}. {advice}"
    return text(told["title"]), text(advice)


def facts(rows: Iterable[tuple[str, str, str]]) -> str:
    """A list of facts: id, name, value."""
    lines = (
        f'<div><dt>{text(name)}</dt><dd id="{identity}">{text(value)}</dd></div>' for identity, name, value in rows
    )
    return f"<dl>{''.join(lines)}</dl>"


def form(action: str, token: str, content: str, button: str, *, identity: str, plain: bool = False) -> str:
    """A form that is sent to the device."""
    kind = ' class="plain"' if plain else ""
    return (
        f'<form method="post" action="{action}" id="{identity}" autocomplete="off">'
        f'<input type="hidden" name="token" value="{token}">{content}'
        f"<button{kind}>{text(button)}</button></form>"
    )
