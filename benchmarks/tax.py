"""Claim: a core calculates the taxes of at least 250,000 basket lines a second, and judges an invoice in 50 us."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from random import Random

from benchmarks.claim import Claim, duration, per_second
from benchmarks.limits import best_seconds, multiplication_seconds
from tallystick.kernel.fixed_point import Money, Quantity
from tallystick.kernel.instants import unix_ms
from tallystick.kernel.invoice import (
    InvoiceItem,
    InvoiceRequest,
    InvoiceType,
    Payment,
    PaymentType,
    TransactionType,
)
from tallystick.kernel.judgement import (
    check_categories,
    check_group,
    check_labels,
    check_ranges,
    check_reference,
    check_reference_time,
    check_taxes,
    check_time,
    check_totals,
)
from tallystick.kernel.tax import calculate_taxes, category_totals
from tallystick.ops.packs import load_pack

LINES_A_SECOND = 250_000
JUDGEMENT_SECONDS = 50e-6
# Lines a department has among ten thousand of a grocery's, and lines a basket has, as in the demonstration's data.
DEPARTMENTS = {
    "GROCERY": 6348, "DRUG GM": 1067, "PRODUCE": 1009, "MEAT-PCKGD": 431, "MEAT": 340, "DELI": 242, "PASTRY": 148,
    "NUTRITION": 127, "FUEL": 89, "SALAD BAR": 38, "SPIRITS": 8, "RESTAURANT": 2,
}  # fmt: skip
LINES_A_BASKET = 9


def run(full: bool) -> Iterable[Claim]:
    """Both claims; ``full`` takes more baskets."""
    pack = load_pack("AQ")
    group = pack.tax_groups[-1]
    random = Random(2026)
    baskets = [
        tuple(_item(random, pack.label_for(department)) for department in _departments(random))
        for _ in range(5_000 if full else 500)
    ]
    lines = sum(map(len, baskets))

    def all_taxes() -> None:
        for basket in baskets:
            category_totals(calculate_taxes(basket, group))

    rate = lines / best_seconds(all_taxes, calls=2)
    limit = 1 / multiplication_seconds()
    yield Claim(
        "kernel tax calculation, a core",
        per_second(rate, "lines"),
        per_second(limit, "bare divisions"),
        rate / limit,
        f">= {LINES_A_SECOND:,} lines/s",
        rate >= LINES_A_SECOND,
    )
    yield _judgement(pack.label_for("GROCERY"))


def _departments(random: Random) -> list[str]:
    lines = 1 + int(random.expovariate(1 / LINES_A_BASKET))
    return random.choices(list(DEPARTMENTS), weights=list(DEPARTMENTS.values()), k=lines)


def _item(random: Random, label: str) -> InvoiceItem:
    quantity, price = random.randint(1, 4), random.randint(50, 2_000) * 100
    return InvoiceItem("Item", Quantity(quantity * 1000), Money(price), (label,), Money(price * quantity))


def _judgement(label: str) -> Claim:
    """All rules over a signed sale of three items, as the authority runs them for every package."""
    pack = load_pack("AQ")
    group, now, random = pack.tax_groups[-1], datetime(2026, 3, 2, tzinfo=UTC), Random(1)
    request = InvoiceRequest(
        invoice_type=InvoiceType.NORMAL,
        transaction_type=TransactionType.SALE,
        payments=(Payment(Money(100_000), PaymentType.CASH),),
        items=tuple(_item(random, label) for _ in range(3)),
    )
    taxes, total, signed_ms = calculate_taxes(request.items, group), request.total_amount, unix_ms(now)

    def judge() -> None:
        check_group(group, group)
        check_labels(request.items, taxes, group)
        check_categories((1, 4), group)
        check_time(now, signed_ms, now, pack.tolerances)
        check_reference_time(request, now, pack.tolerances)
        check_ranges(request)
        check_taxes(request.items, taxes, group)
        check_totals(request.items, total)
        check_reference(request)

    took = best_seconds(judge, calls=2_000)
    limit = best_seconds(lambda: calculate_taxes(request.items, group), calls=2_000)
    return Claim(
        "judgement of a signed sale of three items",
        duration(took),
        f"{duration(limit)} (its taxes alone)",
        took / limit,
        f"<= {duration(JUDGEMENT_SECONDS)}",
        took <= JUDGEMENT_SECONDS,
    )
