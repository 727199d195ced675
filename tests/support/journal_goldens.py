"""The golden receipts: one rich invoice in each of the ten type pairs, and the files in which their lines stand.

A file holds ten receipts of one language; a bar marks the end of each line. They were made by the program and compared
line by line with the published anatomy (wire: chapter 5); names and figures are made up.
`python tests/support/journal_goldens.py` writes them anew: read every difference before it is kept.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import attrs
from journal_values import FACTS, REQUEST, SELLER, ZONE

from tallystick.kernel.fixed_point import Money, Quantity, Rate
from tallystick.kernel.invoice import (
    InvoiceItem,
    InvoiceType,
    Payment,
    PaymentType,
    TaxCategoryType,
    TaxItem,
    TransactionType,
)
from tallystick.wire.journal import LANGUAGES, counter_extension, render_journal

FOLDER = Path(__file__).resolve().parents[1] / "vectors/journals"
PAIRS = [(kind, direction) for kind in InvoiceType for direction in TransactionType]

_LONG_NAME = "ხაჭაპური, a name of more than forty columns (kg)"
_ITEMS = (
    InvoiceItem("Хлеб/ком", Quantity.of(12), Money.of("89.99"), ("Е",), Money.of("1079.88")),
    InvoiceItem(_LONG_NAME, Quantity.of("2.01"), Money.of(1450), ("Ђ", "P"), Money.of("2914.5")),
    InvoiceItem("Kesa", Quantity.of(1), Money.of("0.5"), ("P",), Money.of("0.5")),
)
_TAXES = (
    TaxItem("Е", "П-ПДВ", TaxCategoryType.TAX_ON_NET, 1, Rate.of(10), Money.of("98.1709")),
    TaxItem("Ђ", "О-ПДВ", TaxCategoryType.TAX_ON_NET, 2, Rate.of(20), Money.of("485.575")),
    TaxItem("P", "PBL", TaxCategoryType.AMOUNT_PER_QUANTITY, 3, Rate.of("0.5"), Money.of("1.505")),
)
RICH = attrs.evolve(
    REQUEST,
    items=_ITEMS,
    payments=(
        *(Payment(Money.of(amount), kind) for kind, amount in zip(PaymentType, range(1, 8), strict=True)),
        Payment(Money.of("3966.88"), PaymentType.CASH),
    ),
    buyer_id="10:123456789",
    buyer_cost_center_id="50:77",
    date_and_time_of_issue=datetime(2026, 3, 2, 8, 5, 9, tzinfo=UTC),
    referent_document_number="AB12CD34-AB12CD34-77",
    referent_document_dt=datetime(2026, 3, 1, 22, 30, tzinfo=UTC),
)
RICH_FACTS = attrs.evolve(
    FACTS,
    seller=attrs.evolve(SELLER, business_name="Узорно предузеће за производњу и промет робе на велико д.о.о."),
    tax_items=_TAXES,
    total=RICH.total_amount,
)


def name_of(kind: InvoiceType, direction: TransactionType) -> str:
    """`normal-sale`."""
    return f"{kind.name}-{direction.name}".lower()


def rendered(tag: str, kind: InvoiceType, direction: TransactionType) -> str:
    """The journal of the rich invoice."""
    request = attrs.evolve(RICH, invoice_type=kind, transaction_type=direction)
    language = LANGUAGES[tag]
    facts = attrs.evolve(RICH_FACTS, counter_extension=counter_extension(kind, direction, language))
    return render_journal(request, facts, language, ZONE)


def goldens(tag: str) -> dict[str, str]:
    """The receipts of a file by the name of their pair, as the journal has them."""
    found: dict[str, list[str]] = {}
    for line in (FOLDER / f"{tag}.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("# "):
            found[line[2:]] = []
        else:
            assert line.endswith("|"), line
            found[next(reversed(found))].append(line[:-1] + "\r\n")
    return {name: "".join(lines) for name, lines in found.items()}


def main() -> None:
    """Write every file anew."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for tag in LANGUAGES:
        parts = []
        for pair in PAIRS:
            lines = rendered(tag, *pair).removesuffix("\r\n").split("\r\n")
            parts += [f"# {name_of(*pair)}", *(f"{line}|" for line in lines)]
        (FOLDER / f"{tag}.txt").write_text("\n".join(parts) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
