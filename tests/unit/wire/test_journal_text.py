"""The journal's reader: our own journals, the header variants in the wild, careless copies, and what is no journal."""

from __future__ import annotations

import html
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from journal_values import ENGLISH_FACTS, ENGLISH_REQUEST, FACTS, REFUND, REQUEST, ZONE

from tallystick.kernel.faults import Fault
from tallystick.kernel.invoice import InvoiceType, TransactionType
from tallystick.wire.journal import LANGUAGES, read_journal, render_journal
from tallystick.wire.journal_text import JournalItem, JournalPayment, JournalTax, read_local_time

SERBIAN = render_journal(REQUEST, FACTS, LANGUAGES["sr-Cyrl-RS"], ZONE)
ENGLISH = render_journal(ENGLISH_REQUEST, ENGLISH_FACTS, LANGUAGES["en-US"], ZONE)


def test_everything_that_a_journal_says() -> None:
    read = read_journal(SERBIAN)
    assert (read.language, read.is_fiscal) == ("sr-Cyrl-RS", True)
    assert read.seller == ("123456789", "Узор д.о.о.", "1000001-Узор продавница", "ПРВА УЛИЦА 1", "Узор-Град")
    assert (read.cashier, read.buyer_id, read.cost_center) == ("Ана", "10:123456789", "50:77")
    assert (read.pos_number, read.pos_time) == ("123/1.0", "02.03.2026. 9:05:09")
    assert (read.referent_number, read.referent_time) == (None, None)
    assert (read.invoice_type, read.transaction_type) == (InvoiceType.NORMAL, TransactionType.SALE)
    assert read.items == (
        JournalItem("Хлеб/ком", ("Е",), Decimal("89.99"), Decimal(12), Decimal("1079.88")),
        JournalItem("Кафа у зрну пржена и одмерена (кг)", ("Ђ",), Decimal(1450), Decimal("2.010"), Decimal("2914.50")),
    )
    assert read.total == Decimal("3994.38")
    assert read.payments == (
        JournalPayment("Готовина:", Decimal(5000)),
        JournalPayment("Друго безготовинско плаћање:", Decimal("0.50")),
    )
    assert read.taxes == (
        JournalTax("Е", "П-ПДВ", Decimal(10), "%", Decimal("98.17")),
        JournalTax("Ђ", "О-ПДВ", Decimal(20), "%", Decimal("485.75")),
    )
    assert read.total_tax == Decimal("583.92")
    assert (read.sdc_time, read.invoice_number) == ("02.03.2026. 9:05:10", "AB12CD34-AB12CD34-214275")
    assert read.counter == "1132/214275ПП"


def test_a_refund() -> None:
    read = read_journal(render_journal(REFUND, FACTS, LANGUAGES["sr-Latn-RS"], ZONE))
    assert (read.language, read.transaction_type) == ("sr-Latn-RS", TransactionType.REFUND)
    assert (read.referent_number, read.referent_time) == ("AB12CD34-AB12CD34-77", "02.07.2026. 0:30:00")
    assert [item.total for item in read.items] == [Decimal("-1079.88"), Decimal("-2914.50")]


def test_english_labels_and_the_currency_of_a_rate() -> None:
    read = read_journal(ENGLISH)
    assert read.seller == ("123456789", "Sample Ltd", "Sample Store", "1 Sample Street", "Sample")
    assert read.items[1].labels == ("A", "P")
    assert read.taxes[1] == JournalTax("P", "PBL", Decimal("0.50"), "", Decimal("0.25"))
    assert read.total_tax == Decimal("52.85")


def test_blanks_cut_off_by_a_careless_saver_change_nothing() -> None:
    careless = "\n".join(line.strip() if "  " not in line.strip() else line.rstrip() for line in SERBIAN.split("\r\n"))
    assert read_journal(careless) == read_journal(SERBIAN)


def test_older_headers_left_aligned_or_labelled() -> None:
    lines = SERBIAN.split("\r\n")
    left = [line.strip() for line in lines[1:6]]
    assert read_journal("\r\n".join([lines[0], *left, *lines[6:]])) == read_journal(SERBIAN)
    labels = ("ПИБ:", "Предузеће:", "Место продаје:", "Адреса:", "Општина:")
    labelled = [f"{label}{value:>{40 - len(label)}}" for label, value in zip(labels, left, strict=True)]
    assert read_journal("\r\n".join([lines[0], *labelled, *lines[6:]])) == read_journal(SERBIAN)


def test_a_copy_from_the_page_with_entities_and_the_image() -> None:
    lines = html.escape(SERBIAN.replace("Узор д.о.о.", "Узор & д.")).split("\r\n")
    image = "<br/><img src=data:image/gif;base64,R0lGODlh>"
    page = "\r\n".join(lines[:-2]) + image + lines[-2]
    assert read_journal(page, escaped=True).seller[1] == "Узор & д."
    with pytest.raises(Fault):
        read_journal(page)


def test_a_dash_between_the_words_of_the_type_c_27() -> None:
    dashed = SERBIAN.replace("-------------ПРОМЕТ ПРОДАЈА-------------", "------------ПРОМЕТ - ПРОДАЈА------------")
    assert read_journal(dashed) == read_journal(SERBIAN)


@pytest.mark.parametrize("text", [SERBIAN, ENGLISH])
def test_a_journal_that_ends_too_early_is_refused(text: str) -> None:
    lines = text.split("\r\n")
    for kept in range(len(lines) - 3):
        with pytest.raises(Fault) as caught:
            read_journal("\r\n".join(lines[:kept]))
        assert caught.value.code == "TS-1220"


@pytest.mark.parametrize("text", ["", "x", "\n" * 100, SERBIAN.replace("ФИСКАЛНИ", "ФИСКАЛАН"), "=" * 100_000])
def test_what_is_no_journal(text: str) -> None:
    with pytest.raises(Fault) as caught:
        read_journal(text)
    assert caught.value.code == "TS-1220"


@pytest.mark.parametrize(
    "text", ["08.11.2023. 9:29:00", "08.11.2023 09:29:00", "8.11.2023. 9:29:00", "08/11/2023 09:29:00"]
)
def test_printed_times_old_and_new(text: str) -> None:
    assert read_local_time(text, ZoneInfo("Europe/Belgrade")) == datetime(2023, 11, 8, 8, 29, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "31.02.2023. 9:29:00", "08.11.2023. 25:00:00", "yesterday"])
def test_what_is_no_printed_time(text: str) -> None:
    with pytest.raises(Fault) as caught:
        read_local_time(text, UTC)
    assert caught.value.code == "TS-1220"
