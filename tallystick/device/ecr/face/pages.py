"""The till's pages of documents and of the shift; each a function of what it shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tallystick.device.ecr.compose import Original
from tallystick.device.ecr.face.frame import PAY_BY, Frame, known_labels, page
from tallystick.device.ecr.face.parts import field, form, hidden, quantity, text, written
from tallystick.device.ecr.face.selling import opening_part
from tallystick.kernel.fixed_point import ZERO_MONEY
from tallystick.kernel.invoice import TransactionType

# Documents


def receipt_page(frame: Frame, answer: Mapping[str, Any], original: Original | None, *, prints: bool) -> str:
    """A document: its text, its code, and what can be done with it."""
    words, sequence = frame.words, answer["sequence"]
    parts = []
    if answer.get("change", "0").strip("0."):
        amount = written(words, answer["change"], frame.setup.currency_places)
        change = f"{words.say('text', 'change')}: {amount} {answer['currency']}"
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
    """A sale is given back as far as something is left of it; it and a refund are corrected (S1-027)."""
    rest, links = "", f'<a class="button plain" href="/correct/{sequence}">{frame.say("correct")}</a>'
    if original.sale.operation is TransactionType.SALE:
        rest = f"<p>{frame.say('rest')} {frame.money(original.rest)}</p>"
        if original.rest > ZERO_MONEY:
            links = f'<a class="button plain" href="/back/{sequence}">{frame.say("give_back")}</a> {links}'
    return f"{rest}<p>{links}</p>"


def documents_page(frame: Frame, answers: Sequence[Mapping[str, Any]], heading: str) -> str:
    """A list of documents, the newest first."""
    words = frame.words
    rows = "".join(
        f'<li><a href="/receipt/{one["sequence"]}">{text(one["number"])}</a> '
        f"<span>{text(_kind(frame, one))}</span> "
        f"<b>{text(written(words, one.get('total'), frame.setup.currency_places))}</b></li>"
        for one in answers
    )
    find = f'<form method="get" action="/find" class="scan">{field("number", words.say("till", "number"), focus=True)}'
    find += f"<button>{frame.say('show')}</button></form>"
    return page(frame, "documents", f'<h1>{frame.say(heading)}</h1>{find}<ul class="documents">{rows}</ul>')


def _kind(frame: Frame, answer: Mapping[str, Any]) -> str:
    """What a document is; of a sale that money went out by, that too."""
    words = frame.words
    kind = words.say("title", answer["kind"])
    return f"{kind}: {words.say('text', 'refund')}" if answer.get("operation") == "refund" else kind


def back_page(frame: Frame, sequence: int, original: Original, request_id: str) -> str:
    """What of a sale comes back: quantities of its lines."""
    words = frame.words
    rows = "".join(
        field(
            f"q{place}", f"{item.name} ({quantity(words, item.quantity)})", value="0", mode="decimal", focus=place == 0
        )
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
    fields += field("name", words.say("till", "name"), focus=True)
    fields += field("price", words.say("till", "price"), mode="decimal")
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
