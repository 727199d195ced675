"""The page of one verification, for a phone, without script; element ids are those that readers of such pages know."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from datetime import datetime, tzinfo
from decimal import ROUND_HALF_UP, Decimal
from html import escape
from urllib.parse import quote

import attrs

from tallystick.authority.projections.verification.check import State, Verdict
from tallystick.authority.projections.verification.words import PAGE_LANGUAGES, PageLanguage
from tallystick.kernel.instants import from_unix_ms
from tallystick.kernel.invoice import InvoiceRequest, InvoiceResult

CENT = Decimal("0.01")
STYLE_PATH = "/v/style.css"
VALID_IMAGE_PATH = "/Content/Images/Verification/Valid.png"


@attrs.frozen(slots=True, kw_only=True)
class Proof:
    """Where a document stands in the log: entry, size of the signed tree, hashes of the path, the signed note."""

    index: int
    size: int
    path: tuple[bytes, ...]
    checkpoint: str


@attrs.frozen(slots=True, kw_only=True)
class PageFacts:
    """Everything that the page shows; what is absent is left out."""

    verdict: Verdict
    query: str
    language: PageLanguage
    zone: tzinfo
    request: InvoiceRequest | None = None
    result: InvoiceResult | None = None
    rows: tuple[Mapping[str, object], ...] = ()
    qr_gif: bytes = b""
    token: str = ""
    proof: Proof | None = None


def amount_text(value: Decimal, language: PageLanguage) -> str:
    """An amount with two decimals in the page's language: ``8.960,00`` or ``8,960.00``."""
    text = f"{value.quantize(CENT, rounding=ROUND_HALF_UP):,.2f}"
    return text.translate(str.maketrans({",": language.thousands_sign, ".": language.decimal_sign}))


def time_text(moment: datetime, language: PageLanguage, zone: tzinfo) -> str:
    """A moment in the authority's zone, in the page's pattern."""
    local = moment.astimezone(zone)
    return language.time_pattern.format(
        day=local.day,
        month=local.month,
        year=local.year,
        hour=local.hour,
        minute=local.minute,
        second=local.second,
    )


def render(facts: PageFacts) -> str:
    """The whole HTML document."""
    words = facts.language
    body = [_status(facts)]
    if facts.verdict.data is not None:
        body += [
            _request(facts),
            _result(facts),
            _items(facts),
            _journal(facts),
            _print(facts),
            _proof(facts),
            _data(facts),
        ]
    title = escape(words.states[facts.verdict.state])
    return (
        f'<!doctype html><html lang="{words.tag}"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="robots" content="noindex">'
        f'<link rel="stylesheet" href="{STYLE_PATH}"></head><body>'
        f"{_languages(facts)}<main>{''.join(body)}</main></body></html>"
    )


def _languages(facts: PageFacts) -> str:
    here = quote(f"/v/?{facts.query}", safe="")
    links = []
    for tag, language in PAGE_LANGUAGES.items():
        if tag == facts.language.tag:
            links.append(f'<span aria-current="true" lang="{tag}">{language.own_name}</span>')
        else:
            target = f"/Home/ChangeLanguage/{tag}?returnUrl={here}"
            links.append(f'<a href="{escape(target)}" lang="{tag}" hreflang="{tag}">{language.own_name}</a>')
    return f'<nav aria-label="{escape(facts.language.sections["language"])}">{" ".join(links)}</nav>'


def _status(facts: PageFacts) -> str:
    state, words = facts.verdict.state, facts.language
    picture = f'<img src="{VALID_IMAGE_PATH}" alt="" width="40" height="40">' if state is State.VALID else ""
    return (
        f'<section class="status {state}"><h2>{escape(words.sections["status"])}</h2>'
        f'<h1>{picture}<span id="invoiceStatusLabel">{escape(words.states[state])}</span></h1>'
        f"<p>{escape(words.explanations[state])}</p></section>"
    )


def _rows(words: PageLanguage, values: Iterable[tuple[str, str]]) -> str:
    return "".join(
        f'<div><dt>{escape(words.fields[name])}</dt><dd id="{name}">{escape(value)}</dd></div>'
        for name, value in values
    )


def _section(title: str, content: str, identity: str = "") -> str:
    mark = f' id="{identity}"' if identity else ""
    return f"<section{mark}><h2>{escape(title)}</h2>{content}</section>"


def _request(facts: PageFacts) -> str:
    data, signer, words = facts.verdict.data, facts.verdict.signer, facts.language
    assert data is not None
    assert signer is not None
    seller = facts.result.seller if facts.result is not None else signer.seller
    buyer = data.buyer_id.decode("utf-8", "replace")
    values = [
        ("tinLabel", seller.tin),
        ("shopFullNameLabel", seller.location_name),
        ("addressLabel", seller.address),
        ("cityLabel", seller.city),
        ("administrativeUnitLabel", seller.district),
        ("buyerIdLabel", buyer),
        ("requestedByLabel", data.requested_by),
        ("invoiceTypeId", words.invoice_types[data.invoice_type]),
        ("transactionTypeId", words.transaction_types[data.transaction_type]),
    ]
    return _section(words.sections["request"], f"<dl>{_rows(words, values)}</dl>")


def _result(facts: PageFacts) -> str:
    data, words = facts.verdict.data, facts.language
    assert data is not None
    extension = facts.result.counter_extension if facts.result is not None else ""
    values = [
        ("totalAmountLabel", amount_text(data.amount.decimal, words)),
        ("transactionTypeCounterLabel", str(data.type_counter)),
        ("totalCounterLabel", str(data.total_counter)),
        ("invoiceCounterExtensionLabel", extension),
        ("invoiceNumberLabel", f"{data.requested_by}-{data.signed_by}-{data.total_counter}"),
        ("signedByLabel", data.signed_by),
        ("sdcDateTimeLabel", time_text(from_unix_ms(data.time_ms), words, facts.zone)),
    ]
    return _section(words.sections["result"], f"<dl>{_rows(words, values)}</dl>")


def _items(facts: PageFacts) -> str:
    if not facts.rows:
        return ""
    words = facts.language
    keys = ("name", "quantity", "unitPrice", "total", "taxBaseAmount", "vatAmount", "label")
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in words.columns)
    lines = "".join(
        "<tr>" + "".join(f"<td>{escape(_cell(row[key], words))}</td>" for key in keys) + "</tr>" for row in facts.rows
    )
    table = f'<div class="wide" tabindex="0"><table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table></div>'
    return _section(words.sections["items"], table)


def _cell(value: object, words: PageLanguage) -> str:
    return amount_text(value, words) if isinstance(value, Decimal) else str(value)


def _journal(facts: PageFacts) -> str:
    if facts.result is None or not facts.result.journal:
        return ""
    text = facts.result.journal.replace("\r\n", "\n").rstrip("\n")
    before, _, last = text.rpartition("\n")
    image = ""
    if facts.qr_gif:
        source = base64.b64encode(facts.qr_gif).decode("ascii")
        image = f'<img class="qr" src="data:image/gif;base64,{source}" alt="QR" width="250" height="250">\n'
    return _section(facts.language.sections["journal"], f"<pre>{escape(before)}\n{image}{escape(last)}</pre>")


def _print(facts: PageFacts) -> str:
    request, result, words = facts.request, facts.result, facts.language
    if request is None or result is None:
        return ""
    tax = sum((item.amount.rounded(2) for item in result.tax_items), Decimal(0))
    payments = ", ".join(
        f"{words.payment_types[payment.payment_type]} {amount_text(payment.amount.decimal, words)}"
        for payment in request.payments
    )
    kind = f"{words.invoice_types[request.invoice_type]} {words.transaction_types[request.transaction_type]}"
    issued = request.date_and_time_of_issue
    values = [
        ("tinLabel", result.seller.tin),
        ("company", result.seller.business_name),
        ("store", result.seller.location_name),
        ("addressLabel", result.seller.address),
        ("administrativeUnitLabel", result.seller.district),
        ("cashier", request.cashier),
        ("buyerIdLabel", request.buyer_id),
        ("costCenter", request.buyer_cost_center_id),
        ("posNumber", request.invoice_number),
        ("posTime", time_text(issued, words, facts.zone) if issued is not None else None),
        ("number", str(result.number)),
        ("total", amount_text(result.total_amount.decimal, words)),
        ("tax", amount_text(tax, words)),
        ("payment", payments),
        ("kind", kind),
    ]
    lines = "".join(
        f"<p><strong>{escape(words.fields[name])}:</strong> <span>{escape(value)}</span></p>"
        for name, value in values
        if value
    )
    return _section(words.sections["print"], lines, "PrintInvoice")


def _proof(facts: PageFacts) -> str:
    proof, words = facts.proof, facts.language
    if proof is None:
        return ""
    path = "\n".join(base64.b64encode(node).decode("ascii") for node in proof.path)
    content = (
        f"<dl><div><dt>{escape(words.proof['index'])}</dt><dd>{proof.index}</dd></div>"
        f"<div><dt>{escape(words.proof['size'])}</dt><dd>{proof.size}</dd></div></dl>"
        f'<p><a href="/proof/document/{proof.index}">{escape(words.proof["file"])}</a></p>'
        f"<details><summary>{escape(words.proof['path'])}</summary><pre>{path}</pre></details>"
        f"<details><summary>{escape(words.proof['checkpoint'])}</summary><pre>{escape(proof.checkpoint)}</pre></details>"
    )
    return _section(words.sections["proof"], content, "proof")


def _data(facts: PageFacts) -> str:
    data = facts.verdict.data
    assert data is not None
    number = f"{data.requested_by}-{data.signed_by}-{data.total_counter}"
    fiscal = str(data.invoice_type.is_fiscal).lower()
    normal_sale = str(data.invoice_type == 0 and data.transaction_type == 0).lower()
    return (
        '<script type="text/plain">'
        f"viewModel.InvoiceNumber('{number}');viewModel.Token('{facts.token}');"
        f"viewModel.IsNormalOrAdvance({fiscal});viewModel.IsNormalSale({normal_sale});</script>"
    )


STYLE = """
:root{color-scheme:light dark;--ink:#0b0c0c;--paper:#fff;--soft:#f3f2f1;--line:#b1b4b6;--link:#1d70b8;
--good:#00703c;--wait:#594d00;--bad:#942514}
@media(prefers-color-scheme:dark){:root{--ink:#f3f2f1;--paper:#141414;--soft:#242424;--line:#5a5d60;--link:#7cb8ee;
--good:#6fd3a0;--wait:#ffdd00;--bad:#ff9a86}}
*{box-sizing:border-box}
body{margin:0;font:1rem/1.5 "Noto Sans",system-ui,sans-serif;color:var(--ink);background:var(--paper)}
main,nav{max-width:44rem;margin:0 auto;padding:0 1rem}
nav{padding-top:.75rem;display:flex;flex-wrap:wrap;gap:1rem}
nav a,nav span{padding:.5rem 0;min-height:2.75rem}
a{color:var(--link)}
a:focus-visible,summary:focus-visible,.wide:focus-visible{outline:3px solid #fd0;outline-offset:2px}
section{border-top:1px solid var(--line);padding:1rem 0}
h1{font-size:1.5rem;line-height:1.2;margin:.25rem 0;display:flex;gap:.5rem;align-items:center}
h2{font-size:1rem;margin:0 0 .5rem}
.status{border:0;border-left:.5rem solid var(--bad);padding:.75rem 1rem;margin:1rem 0;background:var(--soft)}
.status.valid{border-color:var(--good)}.status.valid h1{color:var(--good)}
.status.pending,.status.not-fiscal{border-color:var(--wait)}
.status.pending h1,.status.not-fiscal h1{color:var(--wait)}
.status.mismatch h1,.status.invalid h1,.status.not-verifiable h1{color:var(--bad)}
dl{margin:0}dl div{display:flex;flex-wrap:wrap;gap:0 1rem;padding:.25rem 0;border-bottom:1px solid var(--soft)}
dt{flex:1 1 12rem;opacity:.85}dd{flex:1 1 12rem;margin:0;overflow-wrap:anywhere;font-weight:600}
p{margin:.25rem 0}
pre{font:.8125rem/1.35 "Noto Sans Mono",ui-monospace,monospace;overflow-x:auto;background:var(--soft)}
pre{padding:.75rem;margin:0}
pre .qr{background:#fff;padding:16px;image-rendering:pixelated;max-width:100%;height:auto;display:block;margin:.5rem 0}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%}
th,td{text-align:right;padding:.35rem .5rem;border-bottom:1px solid var(--line);white-space:nowrap}
th:first-child,td:first-child{text-align:left;white-space:normal;min-width:9rem}
summary{padding:.6rem 0;cursor:pointer}
"""
