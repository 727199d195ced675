"""What stands around every page of the till: the state that is always shown, the places, the languages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import attrs

from tallystick.device.ecr.face.parts import money, sign, text
from tallystick.device.ecr.setup import RegisterSetup
from tallystick.device.ecr.standing import Status
from tallystick.device.ecr.words import Words
from tallystick.kernel.fixed_point import Money

MESSAGES = frozenset(
    {"registered", "opened", "reported", "closed", "sold", "given_back", "corrected", "link_sent", "printed", "unknown"}
)
PAY_BY = ("cash", "card", "mobile-money", "voucher")


@attrs.frozen(slots=True, kw_only=True)
class Frame:
    """What stands around every page. ``message`` and ``fault`` are what was done or refused before."""

    words: Words
    offered: Sequence[Words]
    token: str
    setup: RegisterSetup
    status: Status
    message: str = ""
    fault: str = ""

    def say(self, name: str) -> str:
        """A word of the till, escaped."""
        return text(self.words.say("till", name))

    def money(self, amount: Money) -> str:
        """An amount with its currency."""
        return f"{money(self.words, amount, self.setup.currency_places)} {self.setup.currency}"


def page(frame: Frame, place: str, content: str) -> str:
    """A whole page: state, content, places, languages."""
    words = frame.words
    links = "".join(
        f'<li><a href="{path}"{_current(name == place)}>{frame.say(name)}</a></li>'
        for name, path in (("sale", "/"), ("documents", "/documents"), ("shift", "/shift"))
    )
    tongues = "".join(
        f'<li><a href="/language?tag={one.tag}" lang="{one.tag}" hreflang="{one.tag}"'
        f"{_current(one.tag == words.tag)}>{text(one.name)}</a></li>"
        for one in frame.offered
    )
    told = ""
    if frame.fault:
        told = f'<p class="told stop" role="alert">{sign("stop")}<span>{text(frame.fault)}</span></p>'
    elif frame.message:
        told = f'<p class="told good" role="status">{sign("good")}<span>{frame.say(frame.message)}</span></p>'
    return (
        f'<!doctype html><html lang="{words.tag}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{frame.say(place)} - {frame.say('title')}</title>"
        '<link rel="stylesheet" href="/till.css"><script src="/till.js" defer></script></head><body>'
        f'<a class="skip" href="#content">{frame.say("skip")}</a>'
        f'<header>{state_part(frame)}<nav aria-label="{frame.say("title")}"><ul>{links}</ul></nav></header>'
        f'<main id="content" tabindex="-1">{told}{content}</main>'
        f'<footer><nav aria-label="{frame.say("language")}"><ul>{tongues}</ul></nav></footer></body></html>'
    )


def _current(here: bool) -> str:
    return ' aria-current="true"' if here else ""


# The state, which is always there


def state_part(frame: Frame) -> str:
    """Class, shift, waiting documents, hours left; renews itself."""
    status, words = frame.status, frame.words
    parts = [_state("good", frame.say("class_offline" if status.works_offline else "class_online"))]
    if status.stopped:
        parts = [_state("stop", f"{frame.say('stopped')} {text(status.stopped)}")]
    if status.barred:
        parts.append(_state("stop", f"{frame.say('revoked')} {text(status.barred)}"))
    if status.open_fate:
        parts.append(_state("warn", frame.say("open_fate")))
    if status.trouble:
        is_coded = status.trouble.startswith("TS-")
        parts.append(_state("warn", text(status.trouble) if is_coded else frame.say("no_connection")))
    if status.apart:
        parts.append(_state("stop", f"{frame.say('kept_apart')} {text(status.apart)}"))
    parts += _waiting_parts(frame)
    if status.memory_almost_full:
        parts.append(_state("warn", frame.say("memory_almost_full")))
    if status.must_close:
        parts.append(_state("stop", frame.say("must_close")))
    opened = status.state.opened_at
    if opened is None:
        parts.append(_state("warn", frame.say("shift_closed")))
    else:
        since = text(words.moment(opened.astimezone(frame.setup.zone)))
        parts.append(_state("good", f"{frame.say('shift')} {status.state.shift}, {frame.say('since')} {since}"))
    late = ""
    if status.late:
        late = f'<p class="told warn">{sign("warn")}<a href="/late">{frame.say("late")}</a></p>'
    return f'<div id="state"><ul class="state">{"".join(parts)}</ul>{late}</div>'


def _waiting_parts(frame: Frame) -> list[str]:
    """What waits, and for how long it may; no hours run out for what is with the authority until it ends a hold."""
    status, words, parts = frame.status, frame.words, list[str]()
    if status.waiting:
        parts.append(_state("work", f"{frame.say('waiting')} {words.number(status.waiting)}"))
    if status.awaits_release:
        parts.append(_state("warn", frame.say("awaits_release")))
    elif status.works_offline and (status.waiting or status.window.warns):
        hours = max(0, int(status.window.left / timedelta(hours=1)))
        tone = "stop" if status.window.is_over else "warn" if status.window.warns else "good"
        parts.append(_state(tone, f"{frame.say('hours_left')} {words.number(hours)}"))
    return parts


def _state(tone: str, words: str) -> str:
    return f'<li class="{tone}">{sign(tone)}<span>{words}</span></li>'


def known_labels(setup: RegisterSetup) -> list[str]:
    """The labels of the newest rates, in their order."""
    if not setup.rate_groups:
        return []
    newest = max(setup.rate_groups, key=lambda group: (group.valid_from, group.group_id))
    return [rate.label for category in newest.categories for rate in category.rates]


def trouble_page(frame: Frame, code: str, title: str) -> str:
    """What could not be done, and the way back."""
    back = f'<p><a class="button" href="/">{frame.say("back")}</a></p>'
    return page(frame, "sale", f"<h1>{text(code)}</h1><p>{text(title)}</p>{back}")
