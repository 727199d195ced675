"""The page of a sale: the field for codes, the basket, and the ways to pay."""

from __future__ import annotations

from collections.abc import Sequence

from tallystick.device.ecr.basket import Basket
from tallystick.device.ecr.catalogue import Product
from tallystick.device.ecr.face.frame import PAY_BY, Frame, known_labels, page
from tallystick.device.ecr.face.parts import field, form, hidden, money, quantity, text
from tallystick.kernel.fixed_point import Money


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
    shown = due.replace(".", words.decimal_mark)
    cash = field("amount", words.say("till", "handed_over"), value=shown, mode="decimal")
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
