"""The parts of the verification page that show an invoice; element ids are those that readers of such pages know."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from datetime import tzinfo
from decimal import Decimal

import attrs

from tallystick.authority.projections.verification.check import SignedFacts, Source
from tallystick.authority.projections.verification.items import ItemRow, OpenedInvoice
from tallystick.authority.projections.verification.ledger_view import Proof
from tallystick.authority.projections.verification.texts import amount_text, html_text, number_text, time_text
from tallystick.authority.projections.verification.words import PageLanguage
from tallystick.kernel.instants import from_unix_ms
from tallystick.kernel.invoice import InvoiceType, TransactionType
from tallystick.wire.qr import PIXELS_PER_MODULE

_CODE_PIXELS_PER_MODULE = 3


@attrs.frozen(slots=True, kw_only=True)
class InvoiceView:
    """Everything that the page shows of one invoice; what is absent is left out."""

    facts: SignedFacts
    language: PageLanguage
    zone: tzinfo
    opened: OpenedInvoice | None = None
    rows: tuple[ItemRow, ...] = ()
    qr_gif: bytes = b""
    token: str = ""
    proof: Proof | None = None
    source: Source = Source.SIGNATURE


def section(title: str, content: str, identity: str = "") -> str:
    """A part with its heading."""
    mark = f' id="{identity}"' if identity else ""
    return f"<section{mark}><h2>{html_text(title)}</h2>{content}</section>"


def invoice_parts(view: InvoiceView) -> str:
    """All parts, in the order in which readers know them."""
    parts = (request_part, result_part, items_part, journal_part, print_part, proof_part, data_part)
    return "".join(part(view) for part in parts)


def _definitions(words: PageLanguage, values: Iterable[tuple[str, str]]) -> str:
    lines = (
        f'<div><dt>{html_text(words.fields[name])}</dt><dd id="{name}">{html_text(value)}</dd></div>'
        for name, value in values
    )
    return f"<dl>{''.join(lines)}</dl>"


def request_part(view: InvoiceView) -> str:
    """Who sold, as the registry knows him, and what was asked for."""
    data, seller, words = view.facts.data, view.facts.requester.seller, view.language
    values = (
        ("tinLabel", seller.tin),
        ("shopFullNameLabel", seller.location_name),
        ("addressLabel", seller.address),
        ("cityLabel", seller.city),
        ("administrativeUnitLabel", seller.district),
        ("buyerIdLabel", data.buyer_id.decode("utf-8", "replace")),
        ("requestedByLabel", data.requested_by),
        ("invoiceTypeId", words.invoice_types[data.invoice_type]),
        ("transactionTypeId", words.transaction_types[data.transaction_type]),
    )
    return section(words.sections["request"], _definitions(words, values))


def result_part(view: InvoiceView) -> str:
    """What was signed."""
    data, words = view.facts.data, view.language
    values = (
        ("totalAmountLabel", amount_text(data.amount.decimal, words)),
        ("transactionTypeCounterLabel", str(data.type_counter)),
        ("totalCounterLabel", str(data.total_counter)),
        ("invoiceCounterExtensionLabel", view.opened.result.counter_extension if view.opened else ""),
        ("invoiceNumberLabel", str(data.number)),
        ("signedByLabel", data.signed_by),
        ("sdcDateTimeLabel", time_text(from_unix_ms(data.time_ms), words, view.zone)),
    )
    return section(words.sections["result"], _definitions(words, values))


def items_part(view: InvoiceView) -> str:
    """The lines. On a phone each is a block with its words; the roles keep it a table for those who listen."""
    if not view.rows:
        return ""
    words = view.language
    head = "".join(f'<th scope="col" role="columnheader">{html_text(column)}</th>' for column in words.columns)
    lines = "".join(f'<tr role="row">{_cells(row, words)}</tr>' for row in view.rows)
    table = (
        f'<table role="table"><thead role="rowgroup"><tr role="row">{head}</tr></thead>'
        f'<tbody role="rowgroup">{lines}</tbody></table>'
    )
    return section(words.sections["items"], table)


def _cells(row: ItemRow, words: PageLanguage) -> str:
    values = (
        row.name,
        number_text(row.quantity.decimal, words),
        amount_text(row.unit_price.decimal, words),
        amount_text(row.total.decimal, words),
        amount_text(row.base.decimal, words),
        amount_text(row.tax.decimal, words),
        f"{', '.join(row.labels)} {number_text(row.rate, words)}%" if row.labels else "",
    )
    pairs = zip(words.columns, values, strict=True)
    return "".join(
        f'<td role="cell" data-label="{html_text(column)}">{html_text(value)}</td>' for column, value in pairs
    )


def journal_part(view: InvoiceView) -> str:
    """The journal as the device made it, in its language; the QR code stands before the last line."""
    if view.opened is None or not view.opened.result.journal:
        return ""
    title = view.language.sections["journal"]
    text = view.opened.result.journal.replace("\r\n", "\n").rstrip("\n")
    before, _, last = text.rpartition("\n")
    content = f"{html_text(before)}\n{_code(view)}{html_text(last)}"
    return section(title, f'<pre tabindex="0" role="region" aria-label="{html_text(title)}">{content}</pre>')


def _code(view: InvoiceView) -> str:
    if not view.qr_gif:
        return ""
    side = int.from_bytes(view.qr_gif[6:8], "little") // PIXELS_PER_MODULE * _CODE_PIXELS_PER_MODULE
    source = base64.b64encode(view.qr_gif).decode("ascii")
    alternative = html_text(view.language.sections["code"])
    return f'<img class="qr" src="data:image/gif;base64,{source}" alt="{alternative}" width="{side}" height="{side}">\n'


def print_part(view: InvoiceView) -> str:
    """Everything once more in the form of the printed invoice; company and cashier stand only here."""
    if view.opened is None:
        return ""
    lines = "".join(
        f"<p><strong>{html_text(view.language.fields[name])}:</strong> <span>{html_text(value)}</span></p>"
        for name, value in _printed(view, view.opened)
        if value
    )
    summary = html_text(view.language.sections["print"])
    return f'<section id="PrintInvoice"><details><summary><h2>{summary}</h2></summary>{lines}</details></section>'


def _printed(view: InvoiceView, opened: OpenedInvoice) -> Iterable[tuple[str, str | None]]:
    request, result, words = opened.request, opened.result, view.language
    seller, issued = view.facts.requester.seller, request.date_and_time_of_issue
    tax = sum((item.amount.decimal for item in result.tax_items), Decimal(0))
    payments = (
        f"{words.payment_types[payment.payment_type]} {amount_text(payment.amount.decimal, words)}"
        for payment in request.payments
    )
    return (
        ("tinLabel", seller.tin),
        ("company", seller.business_name),
        ("store", seller.location_name),
        ("addressLabel", seller.address),
        ("administrativeUnitLabel", seller.district),
        ("cashier", request.cashier),
        ("buyerIdLabel", request.buyer_id),
        ("costCenter", request.buyer_cost_center_id),
        ("posNumber", request.invoice_number),
        ("posTime", time_text(issued, words, view.zone) if issued is not None else None),
        ("number", str(result.number)),
        ("total", amount_text(result.total_amount.decimal, words)),
        ("tax", amount_text(tax, words)),
        ("payment", ", ".join(payments)),
        ("kind", f"{words.invoice_types[request.invoice_type]} {words.transaction_types[request.transaction_type]}"),
    )


def proof_part(view: InvoiceView) -> str:
    """Where the ledger holds the document, if it does."""
    return shown_proof(view.proof, view.language) if view.proof is not None else ""


def shown_proof(proof: Proof, language: PageLanguage) -> str:
    """A place in the ledger, so that anybody can recompute it (RFC 6962 section 2.1.1)."""
    words = language.proof
    path = "\n".join(base64.b64encode(node).decode("ascii") for node in proof.path)
    leaf = base64.b64encode(proof.leaf_hash).decode("ascii")
    content = (
        f"<dl><div><dt>{html_text(words['index'])}</dt><dd>{proof.index}</dd></div>"
        f"<div><dt>{html_text(words['size'])}</dt><dd>{proof.size}</dd></div>"
        f"<div><dt>{html_text(words['leaf'])}</dt><dd>{leaf}</dd></div></dl>"
        f'<p><a href="/proof/document/{proof.index}">{html_text(words["file"])}</a></p>'
        f"{_folded(words['path'], path)}{_folded(words['checkpoint'], proof.checkpoint)}"
    )
    return section(language.sections["proof"], content, "proof")


def checkpoint_part(language: PageLanguage, checkpoint: str) -> str:
    """The newest signed head of the ledger, for whoever wants to keep it."""
    return f'<section id="checkpoint">{_folded(language.proof["checkpoint"], checkpoint)}</section>'


def _folded(title: str, text: str) -> str:
    heading = html_text(title)
    content = f'<pre tabindex="0" role="region" aria-label="{heading}">{html_text(text)}</pre>'
    return f"<details><summary>{heading}</summary>{content}</details>"


def data_part(view: InvoiceView) -> str:
    """Texts that readers look for. The block's type is none that a browser runs."""
    data = view.facts.data
    fiscal = str(data.invoice_type.is_fiscal).lower()
    normal_sale = data.invoice_type is InvoiceType.NORMAL and data.transaction_type is TransactionType.SALE
    return (
        '<script type="text/plain">'
        f"viewModel.InvoiceNumber('{data.number}');viewModel.Token('{view.token}');"
        f"viewModel.IsNormalOrAdvance({fiscal});viewModel.IsNormalSale({str(normal_sale).lower()});</script>"
    )
