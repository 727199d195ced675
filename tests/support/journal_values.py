"""Receipts for the tests of the journal: requests, facts, and the expected lines.

The lines were typed by hand from the published anatomy (wire: chapter 5), a bar marks where each one ends; names and
figures are made up.
"""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import attrs

from tallystick.kernel.fixed_point import Money, Quantity, Rate
from tallystick.kernel.identifiers import SdcInvoiceNumber, Tin, Uid
from tallystick.kernel.invoice import (
    InvoiceItem,
    InvoiceRequest,
    InvoiceType,
    Payment,
    PaymentType,
    Seller,
    TaxCategoryType,
    TaxItem,
    TransactionType,
)
from tallystick.wire.journal import JournalFacts

ZONE = ZoneInfo("Europe/Belgrade")

SELLER = Seller(
    tin=Tin("123456789"),
    business_name="Узор д.о.о.",
    location_name="1000001-Узор продавница",
    address="ПРВА УЛИЦА 1   ",
    district="Узор-Град",
)
REQUEST = InvoiceRequest(
    invoice_type=InvoiceType.NORMAL,
    transaction_type=TransactionType.SALE,
    payments=(Payment(Money.of("5000"), PaymentType.CASH), Payment(Money.of("0.5"), PaymentType.OTHER)),
    items=(
        InvoiceItem("Хлеб/ком", Quantity.of(12), Money.of("89.99"), ("Е",), Money.of("1079.88")),
        InvoiceItem(
            "Кафа у зрну пржена и одмерена (кг)", Quantity.of("2.01"), Money.of("1450"), ("Ђ",), Money.of("2914.5")
        ),
    ),
    cashier="Ана",
    buyer_id="10:123456789",
    buyer_cost_center_id="50:77",
    invoice_number="123/1.0",
    date_and_time_of_issue=datetime(2026, 3, 2, 8, 5, 9, tzinfo=UTC),
)
FACTS = JournalFacts(
    seller=SELLER,
    tax_items=(
        TaxItem("Е", "П-ПДВ", TaxCategoryType.TAX_ON_NET, 1, Rate.of(10), Money.of("98.1709")),
        TaxItem("Ђ", "О-ПДВ", TaxCategoryType.TAX_ON_NET, 1, Rate.of(20), Money.of("485.75")),
    ),
    total=Money.of("3994.38"),
    sdc_time=datetime(2026, 3, 2, 8, 5, 10, 123_000, tzinfo=UTC),
    number=SdcInvoiceNumber(Uid("AB12CD34"), Uid("AB12CD34"), 214275),
    type_counter=1132,
    counter_extension="ПП",
)

CYRILLIC_SALE = """\
============ ФИСКАЛНИ РАЧУН ============|
               123456789                |
              Узор д.о.о.               |
        1000001-Узор продавница         |
            ПРВА УЛИЦА 1                |
               Узор-Град                |
Касир:                               Ана|
ИД купца:                   10:123456789|
Опционо поље купца:                50:77|
ЕСИР број:                       123/1.0|
ЕСИР време:          02.03.2026. 9:05:09|
-------------ПРОМЕТ ПРОДАЈА-------------|
Артикли|
========================================|
Назив   Цена         Кол.         Укупно|
Хлеб/ком (Е)                            |
        89,99         12        1.079,88|
Кафа у зрну пржена и одмерена (кг) (Ђ)  |
     1.450,00      2,010        2.914,50|
----------------------------------------|
Укупан износ:                   3.994,38|
Готовина:                       5.000,00|
Друго безготовинско плаћање:        0,50|
========================================|
Ознака       Име      Стопа        Порез|
Е           П-ПДВ   10,00%         98,17|
Ђ           О-ПДВ   20,00%        485,75|
----------------------------------------|
Укупан износ пореза:              583,92|
========================================|
ПФР време:           02.03.2026. 9:05:10|
ПФР број рачуна: AB12CD34-AB12CD34-21427|
5                                       |
Бројач рачуна:             1132/214275ПП|
========================================|
======== КРАЈ ФИСКАЛНОГ РАЧУНА =========|
"""

REFUND = attrs.evolve(
    REQUEST,
    transaction_type=TransactionType.REFUND,
    payments=(Payment(Money.of("3994.38"), PaymentType.WIRE_TRANSFER),),
    referent_document_number="AB12CD34-AB12CD34-77",
    referent_document_dt=datetime(2026, 7, 1, 22, 30, 0, tzinfo=UTC),
    buyer_cost_center_id=None,
    date_and_time_of_issue=None,
)


ENGLISH_SALE = """\
============ FISCAL INVOICE ============|
TIN:                           123456789|
Company:                      Sample Ltd|
Store:                      Sample Store|
Address:                 1 Sample Street|
District:                         Sample|
Cashier TIN:                       12345|
Buyer TIN:                  10:987654321|
Buyer's Cost Center:                  77|
POS Number:                        1/1.0|
POS Time:            01/02/2024 08:05:09|
Ref. No.:            AAAA1111-BBBB2222-3|
Ref. Time:           31/01/2024 18:00:00|
--------------NORMAL SALE---------------|
Items|
========================================|
Name    Price        Qty.          Total|
Bread (A)                               |
        10.00          2           20.00|
Spirits (A, P)                          |
     1,234.50      0.500          617.25|
----------------------------------------|
Total Purchase:                   637.25|
----------------------------------------|
Cash:                             700.00|
========================================|
Label        Name     Rate           Tax|
A             VAT    9.00%         52.60|
P             PBL     0.50          0.25|
----------------------------------------|
Total Tax:                         52.85|
========================================|
SDC Time:            01/02/2024 08:05:10|
SDC Invoice No:      AAAA1111-AAAA1111-1|
Invoice Counter:                   1/1NS|
========================================|
======== END OF FISCAL INVOICE =========|
"""
ENGLISH_REQUEST = InvoiceRequest(
    invoice_type=InvoiceType.NORMAL,
    transaction_type=TransactionType.SALE,
    payments=(Payment(Money.of(700), PaymentType.CASH),),
    items=(
        InvoiceItem("Bread", Quantity.of(2), Money.of(10), ("A",), Money.of(20)),
        InvoiceItem("Spirits", Quantity.of("0.5"), Money.of("1234.5"), ("A", "P"), Money.of("617.25")),
    ),
    date_and_time_of_issue=datetime(2024, 2, 1, 7, 5, 9, tzinfo=UTC),
    cashier="12345",
    buyer_id="10:987654321",
    buyer_cost_center_id="77",
    invoice_number="1/1.0",
    referent_document_number="AAAA1111-BBBB2222-3",
    referent_document_dt=datetime(2024, 1, 31, 17, 0, 0, tzinfo=UTC),
)
ENGLISH_FACTS = JournalFacts(
    seller=Seller(
        tin=Tin("123456789"),
        business_name="Sample Ltd",
        location_name="Sample Store",
        address="1 Sample Street",
        district="Sample",
    ),
    tax_items=(
        TaxItem("A", "VAT", TaxCategoryType.TAX_ON_NET, 1, Rate.of(9), Money.of("52.5963")),
        TaxItem("P", "PBL", TaxCategoryType.AMOUNT_PER_QUANTITY, 4, Rate.of("0.5"), Money.of("0.25")),
    ),
    total=Money.of("637.25"),
    sdc_time=datetime(2024, 2, 1, 7, 5, 10, tzinfo=UTC),
    number=SdcInvoiceNumber(Uid("AAAA1111"), Uid("AAAA1111"), 1),
    type_counter=1,
    counter_extension="NS",
)


def lines_between_bars(text: str) -> list[str]:
    """The hand-typed lines without their bars."""
    return [line[:-1] for line in text.splitlines()]
