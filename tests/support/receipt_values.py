"""Answers of an SDC for the tests of paper: signed for real, the journal in any language, as the POS gets them."""

from __future__ import annotations

from functools import cache
from random import Random

import attrs
from journal_values import FACTS, REQUEST, ZONE
from public_bench import rsa_keys

from benchmarks.package_maker import Card
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.identifiers import Uid
from tallystick.kernel.invoice import InvoiceRequest, InvoiceResult, InvoiceType, TransactionType
from tallystick.ops.packs import load_pack
from tallystick.wire.journal import LANGUAGES, counter_extension, render_journal
from tallystick.wire.pos_result import invoice_result_json
from tallystick.wire.pos_values import encode_json
from tallystick.wire.verification_url import VerificationData, to_url

PREFIX = "https://verify.example/v/?vl="


def paper_url(prefix: str = PREFIX) -> str:
    """The same verification URL in each run, of the usual length; its signature is nobody's."""
    return to_url(
        prefix,
        VerificationData(
            requested_by=Uid("AB12CD34"),
            signed_by=Uid("ZZ99YYO0"),
            total_counter=7,
            type_counter=5,
            amount=Money.of("3994.88"),
            time_ms=1_772_438_710_123,
            invoice_type=InvoiceType.NORMAL,
            transaction_type=TransactionType.SALE,
            buyer_id=b"",
            encrypted_internal_data=Random(1).randbytes(256),
            signature=Random(2).randbytes(256),
        ),
    )


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
