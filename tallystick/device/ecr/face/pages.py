"""The till's pages: sale, receipt, documents, giving back and correcting, shift; each a function of what it shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import attrs

from tallystick.device.ecr.basket import Basket
from tallystick.device.ecr.catalogue import Product
from tallystick.device.ecr.compose import Original
from tallystick.device.ecr.face.parts import field, form, hidden, money, quantity, sign, text
from tallystick.device.ecr.register import Status
from tallystick.device.ecr.setup import RegisterSetup
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
    if status.open_fate:
        parts.append(_state("warn", frame.say("open_fate")))
    if status.trouble:
        parts.append(_state("warn", frame.say("no_connection")))
    if status.waiting:
        parts.append(_state("work", f"{frame.say('waiting')} {words.number(status.waiting)}"))
    if status.works_offline and (status.waiting or status.window.warns):
        hours = max(0, int(status.window.left / timedelta(hours=1)))
        tone = "stop" if status.window.is_over else "warn" if status.window.warns else "good"
        parts.append(_state(tone, f"{frame.say('hours_left')} {words.number(hours)}"))
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


def _state(tone: str, words: str) -> str:
    return f'<li class="{tone}">{sign(tone)}<span>{words}</span></li>'


# Selling


def sale_page(frame: Frame, basket: Basket, found: Sequence[Product], sought: str, request_id: str) -> str:
    """The basket and the field for codes; before it, whatever the register needs to sell."""
    state = frame.status.state
    if state.is_closed:
        return page(frame, "sale", f"<h1>{frame.say('memory_closed')}</h1>")
    if not state.is_registered:
        begin = form("/register", frame.token, hidden(request=request_id), frame.words.say("till", "register"))
        return page(frame, "sale", f"<h1>{frame.say('not_registered')}</h1><p>{frame.say('register_hint')}</p>{begin}")
    if not state.is_open:
        return page(frame, "sale", opening_part(frame, request_id, basket.cashier))
    if basket.paid:
        return page(frame, "sale", _retry_part(frame, basket))
    parts = [_scan_part(frame, sought, not found), _found_part(frame, found), _basket_part(frame, basket)]
    if basket.lines:
        parts.append(_pay_part(frame, basket))
    parts.append(_free_part(frame))
    return page(frame, "sale", "".join(parts))


def opening_part(frame: Frame, request_id: str, cashier: str) -> str:
    """The form that opens a shift."""
    fields = field("cash", frame.words.say("till", "cash_at_start"), value="0", mode="decimal", focus=True)
    fields += field("cashier", frame.words.say("till", "cashier"), value=cashier, required=False)
    button = frame.words.say("till", "open_shift")
    opening = form("/shift/open", frame.token, hidden(request=request_id) + fields, button, kind="stack")
    return f"<h1>{frame.say('open_shift')}</h1>{opening}"


def _scan_part(frame: Frame, sought: str, focus: bool) -> str:
    scan = field("code", frame.words.say("till", "code"), value=sought, focus=focus, mode="search")
    return form("/scan", frame.token, scan, frame.words.say("till", "add"), kind="scan code")


def _found_part(frame: Frame, found: Sequence[Product]) -> str:
    if not found:
        return ""
    rows = "".join(
        "<li>"
        + form("/scan", frame.token, hidden(code=one.code), f"{one.name}  {frame.money(one.price)}", kind="wide")
        + "</li>"
        for one in found
    )
    return f'<h2>{frame.say("found")}</h2><ul class="found">{rows}</ul>'


def _basket_part(frame: Frame, basket: Basket) -> str:
    if not basket.lines:
        return f'<p class="hint">{frame.say("empty")}</p>'
    rows = "".join(_line(frame, place, basket) for place in range(len(basket.lines)))
    heading = f'{frame.say("total")} <b id="total">{frame.money(total(frame, basket))}</b>'
    return f'<h1 class="total">{heading}</h1><ul class="basket">{rows}</ul>'


def total(frame: Frame, basket: Basket) -> Money:
    """The sum of the lines."""
    return Money(sum(frame.setup.price(line.price, line.quantity).scaled for line in basket.lines))


def _line(frame: Frame, place: int, basket: Basket) -> str:
    line = basket.lines[place]
    words = frame.words
    count = quantity(words, line.quantity)
    buttons = "".join(
        form(
            "/line",
            frame.token,
            hidden(place=place, change=change),
            shown,
            name=f"{words.say('till', name)}: {line.name}",
            kind="small",
        )
        for change, shown, name in (("1", "+", "more"), ("-1", "−", "less"), ("0", "×", "remove"))
    )
    price = frame.money(frame.setup.price(line.price, line.quantity))
    return (
        f'<li><span class="name">{text(line.name)} <small>({text(", ".join(line.labels))})</small></span>'
        f'<span class="count">{count} × {money(words, line.price, frame.setup.currency_places)}</span>'
        f'<b>{price}</b><span class="buttons">{buttons}</span></li>'
    )


def _pay_part(frame: Frame, basket: Basket) -> str:
    words = frame.words
    due = f"{total(frame, basket).rounded(frame.setup.currency_places):f}"
    cash = field("amount", words.say("till", "handed_over"), value=due, mode="decimal")
    paid = form("/pay", frame.token, hidden(kind="cash") + cash, words.say("payment", "cash"), kind="scan")
    others = "".join(
        form("/pay", frame.token, hidden(kind=kind, amount=due), words.say("payment", kind), kind="plain")
        for kind in PAY_BY
        if kind != "cash"
    )
    ways = f'{paid}<div class="row">{others}</div>'
    return f'<section aria-label="{frame.say("pay")}"><h2>{frame.say("pay")}</h2>{ways}</section>'


def _retry_part(frame: Frame, basket: Basket) -> str:
    """A payment was tried and has no answer: nothing but trying again may be done."""
    again = form("/pay/again", frame.token, "", frame.words.say("till", "try_again"))
    return f"<h1>{frame.say('no_answer')}</h1><p>{frame.say('no_answer_hint')}</p>{again}"


def _free_part(frame: Frame) -> str:
    words = frame.words
    labels = "".join(f"<option>{text(label)}</option>" for label in known_labels(frame.setup))
    fields = field("name", words.say("till", "name")) + field("price", words.say("till", "price"), mode="decimal")
    fields += field("quantity", words.say("till", "quantity"), value="1", mode="decimal")
    fields += f'<label>{frame.say("label")}<select name="label">{labels}</select></label>'
    added = form("/free", frame.token, fields, words.say("till", "add"), kind="stack")
    return f"<details><summary>{frame.say('free_line')}</summary>{added}</details>"


def known_labels(setup: RegisterSetup) -> list[str]:
    """The labels of the newest rates, in their order."""
    if not setup.rate_groups:
        return []
    newest = max(setup.rate_groups, key=lambda group: (group.valid_from, group.group_id))
    return [rate.label for category in newest.categories for rate in category.rates]


# Documents


def receipt_page(frame: Frame, answer: Mapping[str, Any], original: Original | None, *, prints: bool) -> str:
    """A document: its text, its code, and what can be done with it."""
    words, sequence = frame.words, answer["sequence"]
    parts = []
    if answer.get("change", "0").strip("0."):
        change = f"{words.say('text', 'change')}: {answer['change']} {answer['currency']}"
        parts.append(f'<p class="change">{text(change)}</p>')
    parts.append(f'<p><a class="button" href="/" autofocus>{frame.say("next_sale")}</a></p>')
    parts.append(f'<pre class="journal">{text(str(answer["journal"]).replace(chr(13), ""))}</pre>')
    if "verification_url" in answer:
        parts.append(f'<p><img class="qr" src="/code/{sequence}.gif" alt="{frame.say("qr")}"></p>')
        parts.append(f'<p class="address">{text(answer["verification_url"])}</p>')
    if prints:
        parts.append(form("/print", frame.token, hidden(sequence=sequence), words.say("till", "print"), kind="plain"))
    if "verification_url" in answer:
        by = f'<label>{frame.say("by")}<select name="by"><option value="email">{frame.say("email")}</option>'
        by += f'<option value="sms">{frame.say("sms")}</option></select></label>'
        to = by + field("to", words.say("till", "to"))
        parts.append(
            form("/link", frame.token, hidden(sequence=sequence) + to, words.say("till", "send"), kind="stack")
        )
    if original is not None and frame.status.state.is_open:
        parts.append(_after_part(frame, sequence, original))
    return page(frame, "documents", "".join(parts))


def _after_part(frame: Frame, sequence: str, original: Original) -> str:
    rest = f"<p>{frame.say('rest')} {frame.money(original.rest)}</p>"
    links = f'<p><a class="button plain" href="/back/{sequence}">{frame.say("give_back")}</a> '
    links += f'<a class="button plain" href="/correct/{sequence}">{frame.say("correct")}</a></p>'
    return rest + links


def documents_page(frame: Frame, answers: Sequence[Mapping[str, Any]], heading: str) -> str:
    """A list of documents, the newest first."""
    words = frame.words
    rows = "".join(
        f'<li><a href="/receipt/{one["sequence"]}">{text(one["number"])}</a> '
        f"<span>{text(words.say('title', one['kind']))}</span> <b>{text(one.get('total', ''))}</b></li>"
        for one in answers
    )
    find = f'<form method="get" action="/find" class="scan">{field("number", words.say("till", "number"), focus=True)}'
    find += f"<button>{frame.say('show')}</button></form>"
    return page(frame, "documents", f'<h1>{frame.say(heading)}</h1>{find}<ul class="documents">{rows}</ul>')


def back_page(frame: Frame, sequence: int, original: Original, request_id: str) -> str:
    """What of a sale comes back: quantities of its lines."""
    words = frame.words
    rows = "".join(
        field(f"q{place}", f"{item.name} ({quantity(words, item.quantity)})", value="0", mode="decimal")
        for place, item in enumerate(original.sale.items)
    )
    content = hidden(request=request_id, sequence=sequence) + rows + _paid_by(frame)
    some = form("/back", frame.token, content, words.say("till", "give_back"), kind="stack")
    everything = form(
        "/back",
        frame.token,
        hidden(request=request_id, sequence=sequence, all="1") + _paid_by(frame),
        words.say("till", "give_back_all"),
        kind="stack",
    )
    rest = f"<p>{frame.say('rest')} {frame.money(original.rest)}</p>"
    return page(frame, "documents", f"<h1>{frame.say('give_back')}</h1>{rest}{everything}<hr>{some}")


def correct_page(frame: Frame, sequence: int, original: Original, request_id: str) -> str:
    """A correction document: up or down, by what, and why."""
    words = frame.words
    ways = f'<label>{frame.say("direction")}<select name="direction"><option value="up">{frame.say("up")}</option>'
    ways += f'<option value="down">{frame.say("down")}</option></select></label>'
    labels = "".join(f"<option>{text(label)}</option>" for label in known_labels(frame.setup))
    fields = hidden(request=request_id, sequence=sequence) + ways
    fields += field("name", words.say("till", "name")) + field("price", words.say("till", "price"), mode="decimal")
    fields += f'<label>{frame.say("label")}<select name="label">{labels}</select></label>'
    fields += field("reason", words.say("text", "reason")) + _paid_by(frame)
    corrected = form("/correct", frame.token, fields, words.say("till", "correct"), kind="stack")
    return page(frame, "documents", f"<h1>{frame.say('correct')}</h1>{corrected}")


def _paid_by(frame: Frame) -> str:
    words = frame.words
    kinds = "".join(f'<option value="{kind}">{text(words.say("payment", kind))}</option>' for kind in PAY_BY)
    return f'<label>{frame.say("pay_by")}<select name="kind">{kinds}</select></label>'


# The shift


def shift_page(frame: Frame, request_id: str) -> str:
    """How the shift stands, and what can be done with it."""
    words, state = frame.words, frame.status.state
    if not state.is_registered or state.is_closed or not state.is_open:
        content = opening_part(frame, request_id, "") if state.is_registered and not state.is_closed else ""
        return page(frame, "shift", content or f"<h1>{frame.say('shift_closed')}</h1>")
    totals = state.totals
    rows = [
        (words.say("text", "shift"), str(state.shift)),
        (words.say("text", "sales"), f"{totals.sales.count} / {frame.money(totals.sales.total)}"),
        (words.say("text", "refunds"), f"{totals.refunds.count} / {frame.money(totals.refunds.total)}"),
        (words.say("text", "cash_in_drawer"), frame.money(state.cash)),
        (words.say("text", "turnover"), frame.money(state.turnover)),
    ]
    if frame.status.closes_by is not None:
        by = frame.status.closes_by.astimezone(frame.setup.zone)
        rows.append((words.say("till", "close_by"), words.moment(by)))
    told = "".join(f"<div><dt>{text(name)}</dt><dd>{text(value)}</dd></div>" for name, value in rows)
    x = form("/shift/x", frame.token, hidden(request=f"{request_id}x"), words.say("till", "x"), kind="plain")
    z = form("/shift/close", frame.token, hidden(request=f"{request_id}z"), words.say("till", "z"))
    return page(frame, "shift", f"<h1>{frame.say('shift')}</h1><dl>{told}</dl>{x}{z}")


def trouble_page(frame: Frame, code: str, title: str) -> str:
    """What could not be done, and the way back."""
    back = f'<p><a class="button" href="/">{frame.say("back")}</a></p>'
    return page(frame, "sale", f"<h1>{text(code)}</h1><p>{text(title)}</p>{back}")
