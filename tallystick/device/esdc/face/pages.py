"""The three pages of the device's face: device, log, clock. Without script they work; with it the state is renewed."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

import attrs

from tallystick.device.esdc.device_log import Entry
from tallystick.device.esdc.face.notices import Notice
from tallystick.device.esdc.face.parts import facts, form, notice_lines, symbol, text
from tallystick.device.esdc.face.view import CardView, FaceView
from tallystick.device.esdc.face.words import Words
from tallystick.kernel.fixed_point import Money


@attrs.frozen(slots=True, kw_only=True)
class Frame:
    """What stands around a page's content. `message` is a name of the words' table of messages, or empty."""

    words: Words
    offered: Sequence[Words]
    token: str
    message: str = ""


def _page(frame: Frame, place: str, content: str) -> str:
    words = frame.words
    links = "".join(
        f'<li><a href="{path}"{_current(name == place)}>{text(words.say("page", name))}</a></li>'
        for name, path in (("device", "/"), ("log", "/log"), ("clock", "/clock"))
    )
    tongues = "".join(
        f'<li><a href="/language?tag={one.tag}" lang="{one.tag}" hreflang="{one.tag}"'
        f"{_current(one.tag == words.tag)}>{text(one.name)}</a></li>"
        for one in frame.offered
    )
    told = f'<p class="message" role="status">{text(words.say("message", frame.message))}</p>' if frame.message else ""
    title = words.say("page", place) if place else words.say("trouble", "title")
    return (
        f'<!doctype html><html lang="{words.tag}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{text(title)} - {text(words.say('page', 'title'))}</title>"
        '<link rel="stylesheet" href="/face.css"><script src="/face.js" defer></script></head><body>'
        f'<a class="skip" href="#content">{text(words.say("page", "skip"))}</a>'
        f'<header><nav aria-label="{text(words.say("page", "title"))}"><ul>{links}</ul></nav></header>'
        f'<main id="content" tabindex="-1">{told}{content}</main>'
        f'<footer><nav aria-label="{text(words.say("page", "language"))}"><ul>{tongues}</ul></nav></footer>'
        "</body></html>"
    )


def _current(here: bool) -> str:
    return ' aria-current="true"' if here else ""


# The device


def device_page(frame: Frame, view: FaceView, *, online: bool | None) -> str:
    """State, PIN, audit."""
    words = frame.words
    told = '<p class="unseen" id="told" role="status"></p>'  # the script puts a new headline here, for readers
    parts = [told, notices_part(words, view), _pin_part(frame, view), facts_part(words, view, online=online)]
    if online is not None:
        hint = f'<p class="hint">{text(words.say("audit", "hint"))}</p>'
        ask = form("/audit", frame.token, hint, words.say("audit", "submit"), identity="audit", plain=True)
        parts.append(f"<section><h2>{text(words.say('audit', 'heading'))}</h2>{ask}</section>")
    return _page(frame, "device", "".join(parts))


def notices_part(words: Words, view: FaceView) -> str:
    """What matters most, in large, and what else holds. Renews itself."""
    head, *others = sorted(view.notices, key=lambda one: one is not Notice.READY) or [Notice.BUSY]
    title, advice = notice_lines(head, words, view.missing)
    more = "".join(_small_notice(notice, words, view.missing) for notice in others)
    also = f'<ul class="also" aria-label="{text(words.say("page", "also"))}">{more}</ul>' if more else ""
    return (
        f'<div id="notices"><section class="head {head.tone}" id="notice-{head}">{symbol(head)}'
        f"<div><h1>{title}</h1><p>{advice}</p></div></section>{also}</div>"
    )


def facts_part(words: Words, view: FaceView, *, online: bool | None) -> str:
    """Card, store, authority, last error. Renews itself."""
    return (
        f'<section id="facts"><h2>{text(words.say("fact", "heading"))}</h2>{facts(_rows(words, view, online))}'
        f'<p class="hint">{text(words.say("page", "as_of"))} {text(words.moment(view.now))}. '
        f'<a href="/" id="refresh">{text(words.say("page", "refresh"))}</a></p></section>'
    )


def _small_notice(notice: Notice, words: Words, missing: tuple[str, ...]) -> str:
    title, advice = notice_lines(notice, words, missing)
    return f'<li class="{notice.tone}" id="notice-{notice}">{symbol(notice)}<div><b>{title}</b> {advice}</div></li>'


def _rows(words: Words, view: FaceView, online: bool | None) -> list[tuple[str, str, str]]:
    state = "none" if online is None else "connected" if online else "away"
    error = view.last_error
    rows = _card_rows(words, view.card) if view.card is not None else []
    rows.append(("connection", words.say("fact", "connection"), words.say("fact", state)))
    if view.ledger_size is not None:
        rows.append(("ledger", words.say("fact", "ledger"), words.number(view.ledger_size)))
    told = f"{error.at}: {error.text}" if error is not None else words.say("fact", "no_error")
    rows.append(("last-error", words.say("fact", "last_error"), told))
    return rows


def _card_rows(words: Words, card: CardView) -> list[tuple[str, str, str]]:
    values = [
        ("card", card.uid),
        ("shop", card.shop),
        ("limit", _limit(words, card)),
        ("waiting", words.number(card.waiting)),
    ]
    values += [("left_same", words.number(card.left_same))] if card.left_same else []
    values += [("left_other", words.number(card.left_other))] if card.left_other else []
    values += [
        ("fits", words.number(card.invoices_left)),
        ("last_invoice", card.last_invoice or "-"),
        ("environment", card.environment),
        ("valid_until", card.not_after.strftime(words.date)),
    ]
    return [(name.replace("_", "-"), words.say("fact", name), value) for name, value in values]


def _limit(words: Words, card: CardView) -> str:
    if card.amounts is None:
        return "-"
    used, limit = card.amounts.sum, card.amounts.limit
    share = used.scaled * 100 // limit.scaled if limit.scaled else 100
    return f"{share} % ({_money(words, used)} / {_money(words, limit)})"


def _money(words: Words, amount: Money) -> str:
    return words.number(amount.rounded(2), 2)


def _pin_part(frame: Frame, view: FaceView) -> str:
    words = frame.words
    if not view.wants_pin:
        return ""
    if view.card is not None and view.card.pin_paused:
        hint = f'<p class="hint">{text(words.say("pin", "confirm_hint"))}</p>'
        ask = form("/pin/confirm", frame.token, hint, words.say("pin", "confirm"), identity="confirm-pin")
    else:
        field = (
            f'<label for="pin-field">{text(words.say("pin", "label"))}</label>'
            f'<p class="hint" id="pin-hint">{text(words.say("pin", "hint"))}</p>'
            '<input id="pin-field" name="pin" type="password" inputmode="numeric" pattern="[0-9]{4}" maxlength="4" '
            'size="6" required autocomplete="off" aria-describedby="pin-hint">'
        )
        ask = form("/pin", frame.token, field, words.say("pin", "submit"), identity="pin")
    return f"<section><h2>{text(words.say('pin', 'heading'))}</h2>{ask}</section>"


# The log


def log_page(frame: Frame, entries: Sequence[Entry], sought: str) -> str:
    """Search, the newest entries, and the way to save them."""
    words = frame.words
    search = (
        f'<form method="get" action="/log" role="search"><label for="q">{text(words.say("log", "search"))}</label>'
        f'<input id="q" name="q" type="search" maxlength="80" value="{text(sought)}">'
        f"<button>{text(words.say('log', 'submit'))}</button></form>"
    )
    export = f'<p><a href="/log.txt?q={quote(sought)}" id="export">{text(words.say("log", "export"))}</a></p>'
    rows = "".join(
        f"<tr><td>{text(one.at)}</td><td>{'<b>! </b>' if one.error else ''}{_kind(words, one)}</td>"
        f"<td>{text(one.text)}</td></tr>"
        for one in entries
    )
    heads = "".join(f'<th scope="col">{text(words.say("log", name))}</th>' for name in ("when", "what", "text"))
    table = f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
    found = table if rows else f"<p>{text(words.say('log', 'nothing'))}</p>"
    hint = f'<p class="hint">{text(words.say("log", "newest"))}</p>'
    return _page(frame, "log", f"<h1>{text(words.say('log', 'heading'))}</h1>{search}{export}{hint}{found}")


def _kind(words: Words, entry: Entry) -> str:
    name = words.tables["kind"].get(entry.kind, entry.kind)
    return text(f"{name}, {words.say('kind', 'error' if entry.error else 'event')}")


# The clock


def clock_page(frame: Frame, view: FaceView, *, synchronises: bool) -> str:
    """How the clock stands, and three ways to set it (S2-019)."""
    words = frame.words
    heading = f"<h1>{text(words.say('clock', 'heading'))}</h1>"
    told = "".join(
        f'<li class="{notice.tone}">{symbol(notice)}<div><b>{title}</b> {advice}</div></li>'
        for notice in view.notices
        if notice in (Notice.CLOCK_WRONG, Notice.CLOCK_DIFFERS, Notice.CLOCK_OVERDUE)
        for title, advice in (notice_lines(notice, words, ()),)
    )
    parts = [heading, f'<ul class="also">{told}</ul>' if told else "", facts(_clock_rows(words, view))]
    clock = view.clock
    if clock is not None and clock.proposed is not None:
        step = f"{clock.proposed.total_seconds():+,.1f}"
        hint = f'<p class="hint">{text(words.say("clock", "take_hint"))} <b>{step}</b></p>'
        parts.append(form("/clock/take", frame.token, hint, words.say("clock", "take"), identity="take-time"))
    if synchronises:
        parts.append(form("/clock/sync", frame.token, "", words.say("clock", "sync"), identity="sync", plain=True))
    field = (
        f'<label for="time-field">{text(words.say("clock", "set_label"))}</label>'
        f'<p class="hint" id="time-hint">{text(words.say("clock", "set_hint"))}</p>'
        f'<input id="time-field" name="time" type="datetime-local" step="1" required aria-describedby="time-hint" '
        f'value="{view.now.replace(tzinfo=None).isoformat(timespec="seconds")}">'
    )
    ask = form("/clock/set", frame.token, field, words.say("clock", "set"), identity="set-time", plain=True)
    parts.append(f"<section><h2>{text(words.say('clock', 'set_heading'))}</h2>{ask}</section>")
    return _page(frame, "clock", "".join(parts))


def _clock_rows(words: Words, view: FaceView) -> list[tuple[str, str, str]]:
    rows = [("now", f"{words.moment(view.now)} ({view.now:%z})")]
    clock = view.clock
    if clock is not None:
        at = clock.synchronised_at
        last = words.say("clock", "never") if at is None else words.moment(at.astimezone(view.now.tzinfo))
        by = words.say("clock", "person") if clock.by == "person" else clock.by or "-"
        offset = f"{clock.offset.total_seconds():+,.3f} {words.say('clock', 'seconds')}"
        rows += [("offset", offset), ("last", last), ("by", by), ("problem", clock.problem or "-")]
    rows.append(("servers", ", ".join(view.time_servers) or "-"))
    return [(f"clock-{name}", words.say("clock", name), value) for name, value in rows]


def trouble_page(frame: Frame, code: str, title: str) -> str:
    """What could not be done, and the way back."""
    words = frame.words
    content = (
        f"<h1>{text(words.say('trouble', 'title'))}</h1><p>{text(code)}: {text(title)}</p>"
        f'<p><a href="/">{text(words.say("trouble", "back"))}</a></p>'
    )
    return _page(frame, "", content)
