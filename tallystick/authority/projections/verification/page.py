"""The one HTML page outside the portals: what a buyer lands on, on a phone, without script, in four languages."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from io import BytesIO
from urllib.parse import quote

from PIL import Image, ImageDraw

from tallystick.authority.projections.verification.check import Source, State
from tallystick.authority.projections.verification.page_parts import InvoiceView, checkpoint_part, invoice_parts
from tallystick.authority.projections.verification.texts import amount_text, html_text, time_text
from tallystick.authority.projections.verification.words import PAGE_LANGUAGES, PageLanguage
from tallystick.kernel.instants import from_unix_ms

STYLE_PATH = "/v/style.css"
VALID_PICTURE_PATH = "/Content/Images/Verification/Valid.png"
LANGUAGE_PATH = "/Home/ChangeLanguage/"

# Told by shape as well as by colour and words. The picture of *valid* is one that readers look for.
_MARKS = {
    State.PENDING: "…",
    State.MISMATCH: "≠",
    State.NOT_FISCAL: "i",
    State.INVALID: "!",
    State.NOT_VERIFIABLE: "×",
    State.UNCONFIRMED: "?",
    State.OVERDUE: "!",
    State.NOT_FOUND: "∅",
    State.FORGED: "×",
    State.QUARANTINED: "…",
}
_PICTURE = f'<img class="mark" src="{VALID_PICTURE_PATH}" alt="" width="40" height="40">'
_GREEN, _WHITE = (0, 112, 60, 255), (255, 255, 255, 255)


def verification_page(
    state: State, language: PageLanguage, *, query: str, view: InvoiceView | None = None, checkpoint: str = ""
) -> str:
    """The page of a verdict; ``query`` is what the visitor asked, to ask it again in another language.

    ``checkpoint`` is the newest signed head of the ledger, shown where no proof shows it: who saves the page can hold
    it against us.
    """
    summary = _summary(view) if view is not None else ""
    parts = invoice_parts(view) if view is not None else ""
    shown = checkpoint_part(language, checkpoint) if checkpoint and (view is None or view.proof is None) else ""
    explanation = html_text(_explanation(state, language, view))
    return state_page(state, language, query=query, told=f"<p>{explanation}</p>{summary}", parts=f"{parts}{shown}")


def state_page(state: State, language: PageLanguage, *, query: str, told: str, parts: str) -> str:
    """The page of an answer: its mark and words, what is ``told`` beside them, and then ``parts``; both are HTML."""
    mark = _PICTURE if state is State.VALID else f'<span class="mark" aria-hidden="true">{_MARKS[state]}</span>'
    title = language.states[state]
    status = (
        f'<section class="status {state}"><p class="kind">{html_text(language.sections["status"])}</p>'
        f'<h1>{mark}<span id="invoiceStatusLabel">{html_text(title)}</span></h1>{told}</section>'
    )
    return _document(title, language, query, f"{status}{parts}")


def _explanation(state: State, language: PageLanguage, view: InvoiceView | None) -> str:
    if state is State.MISMATCH and view is not None and view.source is Source.LEDGER:
        return language.compact_mismatch
    return language.explanations[state]


def _summary(view: InvoiceView) -> str:
    """How much, where and when, as signed: what a buyer compares with the paper in his hand."""
    data, words = view.facts.data, view.language
    amount, moment = amount_text(data.amount.decimal, words), time_text(from_unix_ms(data.time_ms), words, view.zone)
    place = html_text(view.facts.requester.seller.location_name)
    source = f'<p id="source" class="kind">{html_text(words.compact_note)}</p>' if view.source is Source.LEDGER else ""
    return f'<p class="summary"><strong>{amount}</strong> {place}, {moment}</p>{source}'


def trouble_page(trouble: str, language: PageLanguage, *, code: str) -> str:
    """The page for a person where there is nothing to verify: ``missing`` or ``away``, and the fault's code."""
    title, advice = language.troubles[trouble]
    content = (
        f'<section class="status trouble"><h1>{html_text(title)}</h1><p>{html_text(advice)}</p>'
        f'<p class="kind">{html_text(code)}</p></section>'
    )
    return _document(title, language, "", content)


def _document(title: str, language: PageLanguage, query: str, content: str) -> str:
    return (
        f'<!doctype html><html lang="{language.tag}"><head><meta charset="utf-8"><title>{html_text(title)}</title>'
        '<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="robots" content="noindex">'
        f'<link rel="stylesheet" href="{STYLE_PATH}"></head><body>'
        f"{_languages(language, query)}<main>{content}</main></body></html>"
    )


def _languages(present: PageLanguage, query: str) -> str:
    here = quote(f"/v/?{query}", safe="")
    links = []
    for tag, language in PAGE_LANGUAGES.items():
        if tag == present.tag:
            links.append(f'<li><span aria-current="true" lang="{tag}">{language.own_name}</span></li>')
        else:
            target = html_text(f"{LANGUAGE_PATH}{tag}?returnUrl={here}")
            links.append(f'<li><a href="{target}" lang="{tag}" hreflang="{tag}">{language.own_name}</a></li>')
    return f'<nav aria-label="{html_text(present.sections["language"])}"><ul>{"".join(links)}</ul></nav>'


@cache
def style() -> bytes:
    """The style sheet."""
    return files(__package__).joinpath("verification.css").read_bytes()


@cache
def valid_picture() -> bytes:
    """A white tick on a green disc, PNG."""
    image = Image.new("RGBA", (80, 80), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    draw.ellipse((2, 2, 78, 78), fill=_GREEN)
    draw.line(((22, 42), (35, 56), (60, 28)), fill=_WHITE, width=9, joint="curve")
    stream = BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()
