"""Answers of an SDC for the tests of paper: signed for real, the journal in any language, as the POS gets them."""

from __future__ import annotations

from functools import cache

import attrs
from journal_values import FACTS, REQUEST, ZONE
from public_bench import rsa_keys

from benchmarks.package_maker import Card
from tallystick.kernel.invoice import InvoiceRequest, InvoiceResult
from tallystick.ops.packs import load_pack
from tallystick.wire.journal import LANGUAGES, counter_extension, render_journal
from tallystick.wire.pos_result import invoice_result_json
from tallystick.wire.pos_values import encode_json

PREFIX = "https://verify.example/v/?vl="


@cache
def card() -> Card:
    """One card of the Serbia-like country."""
    first, second = rsa_keys()
    return Card("ABCD1234", "123456789", first, second.public, load_pack("RS").tax_groups[-1])


def signed(request: InvoiceRequest = REQUEST, tag: str = "sr-Cyrl-RS") -> InvoiceResult:
    """A result whose journal says what was signed, in a language."""
    _, result = card().invoice(request)
    language = LANGUAGES[tag]
    facts = attrs.evolve(
        FACTS,
        number=result.number,
        sdc_time=result.sdc_time,
        type_counter=result.type_counter,
        tax_items=result.tax_items,
        total=result.total_amount,
        counter_extension=counter_extension(request.invoice_type, request.transaction_type, language),
    )
    return attrs.evolve(result, journal=render_journal(request, facts, language, ZONE))


def answer(request: InvoiceRequest = REQUEST, tag: str = "sr-Cyrl-RS", *, journal: bool = True) -> bytes:
    """The JSON that a POS gets."""
    members = invoice_result_json(signed(request, tag), offset_minutes=60, include_qr=False, include_journal=journal)
    return encode_json(members)
