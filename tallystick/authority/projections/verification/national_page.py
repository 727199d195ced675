"""The page of a national receipt: the same as of every other, with what its code carries and its kind of document."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta, tzinfo

import attrs

from tallystick.authority.projections.verification.check import State
from tallystick.authority.projections.verification.claims import NOTHING_CLAIMED, Claims
from tallystick.authority.projections.verification.ledger_view import Proof
from tallystick.authority.projections.verification.national_check import NationalVerdict
from tallystick.authority.projections.verification.number_check import NumberVerdict
from tallystick.authority.projections.verification.page import state_page
from tallystick.authority.projections.verification.page_parts import checkpoint_part, section, shown_proof
from tallystick.authority.projections.verification.texts import amount_text, html_text, number_text, time_text
from tallystick.authority.projections.verification.words import PageLanguage
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.instants import from_unix_ms
from tallystick.kernel.invoice import Seller
from tallystick.kernel.national_document import DocumentKind, DocumentType, Sale
from tallystick.wire.receipt_code import ReceiptCode

_HOUR = timedelta(hours=1)
_KINDS = {
    DocumentType.RECEIPT: DocumentKind.RECEIPT,
    DocumentType.ACCOUNTABLE_FORM: DocumentKind.ACCOUNTABLE_FORM,
    DocumentType.CORRECTION: DocumentKind.CORRECTION,
}


@attrs.frozen(slots=True, kw_only=True)
class ReceiptView:
    """Everything that the page shows of one receipt; ``offline_limit`` is how long a device may be without contact."""

    verdict: NationalVerdict
    language: PageLanguage
    zone: tzinfo
    offline_limit: timedelta
    claims: Claims = NOTHING_CLAIMED
    proof: Proof | None = None

    @property
    def sale(self) -> Sale | None:
        """What our record says was sold."""
        return self.verdict.said.sale if self.verdict.said is not None else None


def national_page(view: ReceiptView, *, query: str, checkpoint: str = "") -> str:
    """The page of a verdict; ``query`` and ``checkpoint`` as on the page of every other receipt."""
    verdict, words = view.verdict, view.language
    told = "".join(f"<p>{html_text(text)}</p>" for text in _told(view))
    if verdict.code is not None and verdict.register is not None:
        told += _summary(view, verdict.code, verdict.register.seller)
    parts = ""
    if verdict.code is not None and verdict.register is not None:
        parts = _receipt_part(view, verdict.code, verdict.register.seller)
    parts += _items_part(view) + _taxes_part(view)
    if view.proof is not None:
        parts += shown_proof(view.proof, words)
    elif checkpoint:
        parts += checkpoint_part(words, checkpoint)
    return state_page(verdict.state, words, query=query, told=told, parts=parts)


def _told(view: ReceiptView) -> Iterable[str]:
    verdict, words = view.verdict, view.language
    national = words.national
    if verdict.other:
        yield national["otherAct"]
    elif verdict.differs:
        yield national["codeDiffers"].format(what=", ".join(national[name] for name in verdict.differs))
    else:
        yield words.explanations[verdict.state]
    if verdict.is_here:
        yield national["arrivedNote"]
    elif verdict.state is State.PENDING and not verdict.arriving:
        yield national["pendingNote"].format(hours=view.offline_limit // _HOUR)
    back, corrected = view.claims.given_back, view.claims.corrected
    if verdict.document is not None and back.scaled:
        total = _total(verdict)
        whole = total is not None and back.scaled >= total
        yield (
            national["refundedFully"]
            if whole
            else national["refundedPartly"].format(amount=amount_text(back.decimal, words))
        )
    if verdict.document is not None and corrected.scaled:
        yield national["corrected"].format(amount=amount_text(corrected.decimal, words))
    if verdict.document is not None and verdict.said is None:
        yield national["erased"]


def _total(verdict: NationalVerdict) -> int | None:
    """The total of our record (x 10000)."""
    return int(verdict.document.facts.total or "0") if verdict.document is not None else None


def _summary(view: ReceiptView, code: ReceiptCode, seller: Seller) -> str:
    """How much, where and when, as the code says: what a buyer compares with the paper in his hand."""
    words = view.language
    moment = time_text(from_unix_ms(code.time_ms), words, view.zone)
    place = html_text(seller.location_name or seller.business_name)
    amount = amount_text(code.total.decimal, words)
    is_booked = view.verdict.document is not None and not view.verdict.differs
    label = "" if is_booked else f'<span class="kind">{html_text(words.national["shown"])}: </span>'
    return f'<p class="summary">{label}<strong>{amount}</strong> {place}, {moment}</p>'


def _receipt_part(view: ReceiptView, code: ReceiptCode, seller: Seller) -> str:
    words, sale = view.language, view.sale
    national, fields = words.national, words.fields
    document_type, total, time_ms = code.document_type, code.total, code.time_ms
    if view.verdict.document is not None:
        facts = view.verdict.document.facts
        document_type, total, time_ms = int(facts.type), Money(int(facts.total or "0")), int(facts.issued_at)
    operation = document_type & 1
    values = [
        ("tinLabel", fields["tinLabel"], seller.tin),
        ("seller", national["seller"], seller.business_name),
        ("shopFullNameLabel", fields["shopFullNameLabel"], seller.location_name),
        ("addressLabel", fields["addressLabel"], seller.address),
        ("cityLabel", fields["cityLabel"], seller.city),
        ("invoiceTypeId", fields["invoiceTypeId"], words.kinds[_KINDS[DocumentType(document_type - operation)]]),
        ("transactionTypeId", fields["transactionTypeId"], words.transaction_types[operation]),
        ("totalAmountLabel", fields["totalAmountLabel"], amount_text(total.decimal, words)),
        ("invoiceNumberLabel", national["number"], code.number),
        ("sdcDateTimeLabel", fields["sdcDateTimeLabel"], time_text(from_unix_ms(time_ms), words, view.zone)),
    ]
    if sale is not None:
        payments = (
            f"{words.payment_types[one.payment_type]} {amount_text(one.amount.decimal, words)}" for one in sale.payments
        )
        form = f"{sale.form.series} {sale.form.number}" if sale.form is not None else ""
        values += [
            ("payment", fields["payment"], ", ".join(payments)),
            ("refersTo", national["refersTo"], str(sale.refers_to or "")),
            ("reason", national["reason"], sale.reason),
            ("form", national["form"], form),
        ]
    title = words.sections["result"] if view.verdict.document is not None else national["shown"]
    return section(title, _definitions(values))


def _definitions(values: Iterable[tuple[str, str, str]]) -> str:
    lines = (
        f'<div><dt>{html_text(word)}</dt><dd id="{name}">{html_text(value)}</dd></div>'
        for name, word, value in values
        if value
    )
    return f"<dl>{''.join(lines)}</dl>"


def _items_part(view: ReceiptView) -> str:
    sale, words = view.sale, view.language
    if sale is None:
        return ""
    columns = (*words.columns[:4], words.national["label"])
    rows = (
        (
            item.name,
            number_text(item.quantity.decimal, words),
            amount_text(item.unit_price.decimal, words),
            amount_text(item.total_amount.decimal, words),
            ", ".join(item.labels),
        )
        for item in sale.items
    )
    return section(words.sections["items"], _table(columns, rows))


def _taxes_part(view: ReceiptView) -> str:
    sale, words = view.sale, view.language
    if sale is None or not sale.taxes:
        return ""
    national = words.national
    columns = (national["label"], national["rate"], national["amount"])
    rows = (
        (one.label, f"{number_text(one.rate.decimal, words)}", amount_text(one.amount.decimal, words))
        for one in sale.taxes
    )
    return section(national["taxes"], _table(columns, rows))


def _table(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """On a phone each row is a block with its words; the roles keep it a table for those who listen."""
    head = "".join(f'<th scope="col" role="columnheader">{html_text(column)}</th>' for column in columns)
    lines = "".join(
        '<tr role="row">'
        + "".join(
            f'<td role="cell" data-label="{html_text(column)}">{html_text(value)}</td>'
            for column, value in zip(columns, row, strict=True)
        )
        + "</tr>"
        for row in rows
    )
    return (
        f'<table role="table"><thead role="rowgroup"><tr role="row">{head}</tr></thead>'
        f'<tbody role="rowgroup">{lines}</tbody></table>'
    )


def number_page(
    verdict: NumberVerdict, language: PageLanguage, *, query: str, proof: Proof | None, checkpoint: str = ""
) -> str:
    """The page for a number and an amount: whether the ledger holds such a receipt, and where."""
    unknown = verdict.state is State.UNCONFIRMED
    text = language.national["numberUnknown"] if unknown else language.explanations[verdict.state]
    parts = shown_proof(proof, language) if proof is not None else checkpoint_part(language, checkpoint)
    return state_page(verdict.state, language, query=query, told=f"<p>{html_text(text)}</p>", parts=parts)
