"""Claims: the texts of a sale cost little: 5,000 journals a second a core, a request in 100 us, a QR code in 5 ms."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from random import Random
from typing import Any

from benchmarks.claim import Claim, duration, per_second
from benchmarks.limits import best_seconds
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.identifiers import SdcInvoiceNumber, Tin, Uid
from tallystick.kernel.invoice import InvoiceRequest, InvoiceResult, InvoiceType, Seller, TransactionType
from tallystick.kernel.tax import calculate_taxes
from tallystick.ops.packs import load_pack
from tallystick.wire.audit_package import read_audit_data, write_audit_data
from tallystick.wire.journal import LANGUAGES, JournalFacts, counter_extension, render_journal
from tallystick.wire.pos_invoice import parse_invoice_request
from tallystick.wire.qr import qr_gif

JOURNALS_A_SECOND = 5_000
REQUEST_SECONDS = 100e-6
AUDIT_DATA_SECONDS = 100e-6
QR_SECONDS = 5e-3
URL_CHARACTERS = 846  # as of a usual receipt: version 20 of the symbol
LANGUAGE = LANGUAGES["sr-Cyrl-RS"]
NOW = datetime(2026, 3, 2, 9, 15, 30, 123_000, tzinfo=UTC)
BODY: dict[str, Any] = {
    "dateAndTimeOfIssue": "2026-03-02T10:15:30+01:00",
    "invoiceType": "Normal",
    "transactionType": "Sale",
    "payment": [{"amount": 100, "paymentType": "Cash"}],
    "cashier": "Ana",
    "invoiceNumber": "123/1.0",
    "options": {"omitQRCodeGen": "0", "omitTextualRepresentation": "0"},
    "items": [
        {"name": "Bread 500 g", "quantity": 2, "unitPrice": 10.25, "labels": ["A"], "totalAmount": 20.5},
        {"name": "Млеко 1 л", "quantity": 3, "unitPrice": 11.99, "labels": ["A"], "totalAmount": 35.97},
        {"name": "Coffee", "quantity": 0.893, "unitPrice": 40, "labels": ["Ж"], "totalAmount": 35.72},
    ],
}


def run(full: bool) -> Iterable[Claim]:
    """All claims over one sale of three items; ``full`` takes more calls."""
    calls = 2_000 if full else 400
    body = json.dumps(BODY, ensure_ascii=False).encode()
    request = parse_invoice_request(body, zone=UTC)
    facts = _facts(request)
    took = best_seconds(lambda: render_journal(request, facts, LANGUAGE, UTC), calls=calls)
    yield Claim(
        "journal of three items, a core",
        per_second(1 / took, "journals"),
        "",
        None,
        f">= {JOURNALS_A_SECOND:,} journals/s",
        1 / took >= JOURNALS_A_SECOND,
    )
    plain = write_audit_data(request, _result(request, facts))
    yield _reading("POS request read", lambda: parse_invoice_request(body, zone=UTC), body, calls, REQUEST_SECONDS)
    yield _reading("audit data read", lambda: read_audit_data(plain), plain, calls, AUDIT_DATA_SECONDS)
    url = _url()
    drawing = best_seconds(lambda: qr_gif(url), calls=calls // 20)
    yield Claim("QR code drawn", duration(drawing), "", None, f"<= {duration(QR_SECONDS)}", drawing <= QR_SECONDS)


def _reading(name: str, read: Callable[[], object], data: bytes, calls: int, target: float) -> Claim:
    """A reader beside the bare standard parser that gives exact numbers."""
    took = best_seconds(read, calls=calls)
    limit = best_seconds(lambda: json.loads(data, parse_float=Decimal), calls=calls)
    return Claim(
        f"{name}, three items",
        duration(took),
        f"{duration(limit)} (bare json)",
        took / limit,
        f"<= {duration(target)}",
        took <= target,
    )


def _url() -> str:
    """As long as a usual receipt's, with letters as mixed as theirs."""
    random = Random(2026)
    return "https://verify.example/v/?vl=" + random.randbytes(URL_CHARACTERS).hex()[: URL_CHARACTERS - 29]


def _facts(request: InvoiceRequest) -> JournalFacts:
    return JournalFacts(
        seller=Seller(
            tin=Tin("123456789"),
            business_name="Sample Ltd",
            location_name="1001-Sample Store",
            address="1 Sample Street",
            district="Sample",
        ),
        tax_items=calculate_taxes(request.items, load_pack("AQ").tax_groups[-1]),
        total=request.total_amount,
        sdc_time=NOW,
        number=SdcInvoiceNumber(Uid("AB12CD34"), Uid("AB12CD34"), 214_275),
        type_counter=1_132,
        counter_extension=counter_extension(InvoiceType.NORMAL, TransactionType.SALE, LANGUAGE),
    )


def _result(request: InvoiceRequest, facts: JournalFacts) -> InvoiceResult:
    return InvoiceResult(
        number=facts.number,
        sdc_time=NOW,
        type_counter=facts.type_counter,
        counter_extension=facts.counter_extension,
        tax_items=facts.tax_items,
        tax_group_revision=5,
        total_amount=Money(921_900),
        verification_url=_url(),
        verification_qr_code=None,
        journal=render_journal(request, facts, LANGUAGE, UTC),
        encrypted_internal_data=bytes(256),
        signature=bytes(256),
        seller=facts.seller,
        mrc="99-0100-AB12CD34",
    )
