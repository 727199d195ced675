"""The journal: whole receipts in three languages, all ten type pairs, centring, breaking, numbers (wire: chapter 5).

The expected lines of whole receipts stand in journal_values.
"""

from __future__ import annotations

from zoneinfo import ZoneInfo

import attrs
import pytest
from journal_values import (
    CYRILLIC_SALE,
    ENGLISH_FACTS,
    ENGLISH_REQUEST,
    ENGLISH_SALE,
    FACTS,
    REFUND,
    REQUEST,
    SELLER,
    ZONE,
    lines_between_bars,
)

from tallystick.kernel.fixed_point import Money, Quantity, Rate
from tallystick.kernel.invoice import (
    InvoiceItem,
    InvoiceRequest,
    InvoiceType,
    Payment,
    PaymentType,
    TaxCategoryType,
    TaxItem,
    TransactionType,
)
from tallystick.wire.journal import LANGUAGES, JournalFacts, counter_extension, render_journal

CYRILLIC, LATIN, ENGLISH = (LANGUAGES[tag] for tag in ("sr-Cyrl-RS", "sr-Latn-RS", "en-US"))


def lines_of(request: InvoiceRequest = REQUEST, facts: JournalFacts = FACTS, tag: str = "sr-Cyrl-RS") -> list[str]:
    """The lines; every line must end with CRLF, the last one too."""
    text = render_journal(request, facts, LANGUAGES[tag], ZONE)
    assert text.endswith("\r\n")
    assert text.count("\r\n") == text.count("\n") == text.count("\r")
    return text.split("\r\n")[:-1]


def test_s2_062_a_sale_in_serbian_line_by_line() -> None:
    assert lines_of() == lines_between_bars(CYRILLIC_SALE)
    assert {len(line) for line in lines_of()} == {40, len("Артикли")}


def test_a_refund_in_serbian_only_item_totals_are_negative() -> None:
    lines = lines_of(REFUND)
    assert lines[7:12] == [
        "ИД купца:                   10:123456789",
        "ЕСИР број:                       123/1.0",
        "Реф. број:          AB12CD34-AB12CD34-77",
        "Реф. време:          02.07.2026. 0:30:00",
        "-----------ПРОМЕТ РЕФУНДАЦИЈА-----------",
    ]
    assert "        89,99         12       -1.079,88" in lines
    assert "     1.450,00      2,010       -2.914,50" in lines
    assert "Укупна рефундација:             3.994,38" in lines
    assert "Пренос на рачун:                3.994,38" in lines
    assert "Е           П-ПДВ   10,00%         98,17" in lines


@pytest.mark.parametrize("invoice_type", [InvoiceType.COPY, InvoiceType.TRAINING, InvoiceType.PROFORMA])
def test_documents_that_are_not_fiscal_say_so_three_times(invoice_type: InvoiceType) -> None:
    lines = lines_of(attrs.evolve(REQUEST, invoice_type=invoice_type))
    title = "======== ОВО НИЈЕ ФИСКАЛНИ РАЧУН ======="
    assert (lines[0], lines[-1], lines.count(title)) == (title, title, 2)
    notice = lines.index("        ОВО НИЈЕ ФИСКАЛНИ РАЧУН")
    assert lines[notice - 1] == lines[notice + 1] == "=" * 40
    assert lines[notice + 2] == "Ознака       Име      Стопа        Порез"


TYPE_LINES = {
    (InvoiceType.NORMAL, TransactionType.SALE): ("-------------ПРОМЕТ ПРОДАЈА-------------", "ПП", "NS", "PP"),
    (InvoiceType.NORMAL, TransactionType.REFUND): ("-----------ПРОМЕТ РЕФУНДАЦИЈА-----------", "ПР", "NR", "PR"),
    (InvoiceType.PROFORMA, TransactionType.SALE): ("-----------ПРЕДРАЧУН ПРОДАЈА------------", "РП", "PS", "RP"),
    (InvoiceType.PROFORMA, TransactionType.REFUND): ("---------ПРЕДРАЧУН РЕФУНДАЦИЈА----------", "РР", "PR", "RR"),
    (InvoiceType.COPY, TransactionType.SALE): ("-------------КОПИЈА ПРОДАЈА-------------", "КП", "CS", "KP"),
    (InvoiceType.COPY, TransactionType.REFUND): ("-----------КОПИЈА РЕФУНДАЦИЈА-----------", "КР", "CR", "KR"),
    (InvoiceType.TRAINING, TransactionType.SALE): ("-------------ОБУКА ПРОДАЈА--------------", "ОП", "TS", "OP"),
    (InvoiceType.TRAINING, TransactionType.REFUND): ("-----------ОБУКА РЕФУНДАЦИЈА------------", "ОР", "TR", "OR"),
    (InvoiceType.ADVANCE, TransactionType.SALE): ("-------------АВАНС ПРОДАЈА--------------", "АП", "AS", "AP"),
    (InvoiceType.ADVANCE, TransactionType.REFUND): ("-----------АВАНС РЕФУНДАЦИЈА------------", "АР", "AR", "AR"),
}


@pytest.mark.parametrize("types", TYPE_LINES)
def test_s2_067_ten_type_pairs_with_their_lines_and_extensions(types: tuple[InvoiceType, TransactionType]) -> None:
    line, *extensions = TYPE_LINES[types]
    request = attrs.evolve(REQUEST, invoice_type=types[0], transaction_type=types[1])
    assert line in lines_of(request)
    assert [counter_extension(*types, language) for language in (CYRILLIC, ENGLISH, LATIN)] == extensions


def test_extension_letters_of_the_serbian_language_are_cyrillic() -> None:
    letters = {letter for types in TYPE_LINES for letter in counter_extension(*types, CYRILLIC)}
    assert sorted(map(ord, letters)) == [0x410, 0x41A, 0x41E, 0x41F, 0x420]


@pytest.mark.parametrize(
    ("line", "left", "right"),
    [
        (CYRILLIC.fiscal_title, 12, 12),
        (CYRILLIC.fiscal_end, 8, 9),
        (CYRILLIC.non_fiscal_title, 8, 7),
        (LATIN.fiscal_title, 12, 12),
        (LATIN.fiscal_end, 8, 9),
        (LATIN.non_fiscal_title, 8, 7),
        (ENGLISH.fiscal_title, 12, 12),
        (ENGLISH.fiscal_end, 8, 9),
        (ENGLISH.non_fiscal_title, 5, 5),
    ],
)
def test_titles_are_centred_in_their_own_way(line: str, left: int, right: int) -> None:
    assert len(line) == 40
    assert len(line) - len(line.lstrip("=")) == left
    assert len(line) - len(line.rstrip("=")) == right


def test_a_sale_in_english_line_by_line() -> None:
    assert lines_of(ENGLISH_REQUEST, ENGLISH_FACTS, "en-US") == lines_between_bars(ENGLISH_SALE)


def test_refund_and_copy_in_english() -> None:
    request = attrs.evolve(ENGLISH_REQUEST, invoice_type=InvoiceType.COPY, transaction_type=TransactionType.REFUND)
    lines = lines_of(request, ENGLISH_FACTS, "en-US")
    assert lines[0] == lines[-1] == "===== THIS IS NOT A FISCAL RECEIPT ====="
    assert "--------------COPY REFUND---------------" in lines
    assert "Total Refund:                     637.25" in lines
    assert "     1,234.50      0.500         -617.25" in lines
    assert "      THIS IS NOT A FISCAL RECEIPT" in lines


def test_latin_serbian_is_the_transliteration_of_the_cyrillic() -> None:
    letters = dict(
        zip(
            "АБВГДЂЕЖЗИЈКЛМНОПРСТЋУФХЦЧШабвгдђежзијклмнопрстћуфхцчш",
            "ABVGDĐEŽZIJKLMNOPRSTĆUFHCČŠabvgdđežzijklmnoprstćufhcčš",
            strict=True,
        )
    )
    table = str.maketrans(letters | {"Љ": "Lj", "Њ": "Nj", "Џ": "Dž", "љ": "lj", "њ": "nj", "џ": "dž"})
    facts = attrs.evolve(FACTS, counter_extension="PP")
    for types in TYPE_LINES:
        request = attrs.evolve(
            REFUND, invoice_type=types[0], transaction_type=types[1], date_and_time_of_issue=FACTS.sdc_time
        )
        request = attrs.evolve(request, payments=tuple(Payment(Money(10_000), kind) for kind in PaymentType), items=())
        cyrillic, latin = lines_of(request), lines_of(request, facts, "sr-Latn-RS")
        texts = [line for line in range(len(latin)) if not 1 <= line <= 6]  # the seller is never transliterated
        for line in texts:
            plain = " ".join(cyrillic[line].translate(table).split())
            if "-ПДВ" not in cyrillic[line]:  # names of taxes come from the rates
                assert " ".join(latin[line].split()) == plain


def test_s2_068_a_language_lacks_nothing() -> None:
    for language in LANGUAGES.values():
        assert set(language.invoice_words) == set(language.invoice_letters) == set(InvoiceType)
        assert set(language.transaction_words) == set(language.transaction_letters) == set(TransactionType)
        assert set(language.totals) == set(TransactionType)
        assert set(language.payments) == set(PaymentType)


def test_s2_071_names_are_never_altered_and_are_broken_hard_at_forty() -> None:
    name = "".join(chr(0x410 + number % 32) for number in range(77))
    item = attrs.evolve(REQUEST.items[0], name=name, labels=("Е", "Ђ"))
    lines = lines_of(attrs.evolve(REQUEST, items=(item,)))
    start = lines.index("Назив   Цена         Кол.         Укупно") + 1
    assert lines[start] == name[:40]
    assert lines[start + 1] == name[40:] + " (Е"
    assert lines[start + 2] == ", Ђ)".ljust(40)


def test_a_value_of_thirty_nine_columns_fits_one_of_forty_is_broken() -> None:
    fits, broken = (lines_of(attrs.evolve(REQUEST, cashier="x" * length))[6:8] for length in (33, 34))
    assert fits[0] == "Касир: " + "x" * 33
    assert broken == ["Касир: " + "x" * 33, "x".ljust(40)]


def test_an_absent_cashier_leaves_an_empty_line_and_other_absent_values_none() -> None:
    request = attrs.evolve(
        REQUEST,
        cashier=None,
        buyer_id=None,
        buyer_cost_center_id=None,
        invoice_number=None,
        date_and_time_of_issue=None,
    )
    assert lines_of(request)[6:8] == ["Касир:".ljust(40), "-------------ПРОМЕТ ПРОДАЈА-------------"]


def test_long_names_of_sellers_are_broken_at_words_and_each_line_centred() -> None:
    name = "АБВГД ПРВИ ДУГАЧКИ НАЗИВ ЗА ПРОМЕТ РОБЕ НА ВЕЛИКО И МАЛО " + "Ш" * 45
    lines = lines_of(facts=attrs.evolve(FACTS, seller=attrs.evolve(SELLER, business_name=name)))
    assert lines[2:6] == [
        "АБВГД ПРВИ ДУГАЧКИ НАЗИВ ЗА ПРОМЕТ РОБЕ ",
        "            НА ВЕЛИКО И МАЛО            ",
        "Ш" * 40,
        "                 ШШШШШ                  ",
    ]


def test_a_word_that_would_fill_the_line_exactly_goes_to_the_next() -> None:
    name = "А" * 28 + " " + "Б" * 11 + " В"
    lines = lines_of(facts=attrs.evolve(FACTS, seller=attrs.evolve(SELLER, business_name=name)))
    assert lines[2:4] == [" " * 6 + "А" * 28 + " " * 6, "             " + "Б" * 11 + " В".ljust(16)]


def test_s2_064_the_printed_total_tax_is_the_sum_of_the_printed_lines() -> None:
    taxes = tuple(
        TaxItem(label, "VAT", TaxCategoryType.TAX_ON_NET, 1, Rate.of(10), Money.of("0.0050")) for label in "ABC"
    )
    lines = lines_of(facts=attrs.evolve(FACTS, tax_items=taxes))
    assert "A             VAT   10,00%          0,01" in lines
    assert "Укупан износ пореза:                0,03" in lines  # the exact sum 0.0150 would round to 0,02


def test_no_taxes_at_all() -> None:
    assert "Укупан износ пореза:                0,00" in lines_of(facts=attrs.evolve(FACTS, tax_items=()))


def test_a_rate_that_is_an_amount_shows_a_currency() -> None:
    tax = TaxItem("P", "PBL", TaxCategoryType.AMOUNT_PER_QUANTITY, 1, Rate.of("0.5"), Money.of("0.5"))
    assert "P             PBL  0,50дин          0,50" in lines_of(facts=attrs.evolve(FACTS, tax_items=(tax,)))
    facts = attrs.evolve(FACTS, tax_items=(tax,), currency="XTS")
    assert "P             PBL  0,50XTS          0,50" in lines_of(facts=facts)


def test_a_tax_name_too_long_for_its_column_gets_a_line_of_its_own() -> None:
    tax = TaxItem("A", "A TAX WITH A LONG NAME", TaxCategoryType.TAX_ON_NET, 1, Rate.of(9), Money.of(1))
    lines = lines_of(facts=attrs.evolve(FACTS, tax_items=(tax,)))
    start = lines.index("A A TAX WITH A LONG NAME".ljust(40))
    assert lines[start + 1] == "9,00%           1,00".rjust(40)


def test_a_tax_too_wide_for_its_column_gets_a_line_of_its_own() -> None:
    tax = TaxItem("A", "VAT", TaxCategoryType.TAX_ON_NET, 1, Rate.of(9), Money.of("99999999.995"))
    lines = lines_of(facts=attrs.evolve(FACTS, tax_items=(tax,)))
    assert lines[lines.index("A VAT".ljust(40)) + 1] == "9,00% 100.000.000,00".rjust(40)


def test_figures_too_wide_for_their_columns_get_lines_of_their_own() -> None:
    item = InvoiceItem("x", Quantity.of("99999999999.999"), Money.of("999999999999.99"), ("Е",), Money.of("1e11"))
    lines = lines_of(attrs.evolve(REQUEST, items=(item,)))
    start = lines.index("x (Е)".ljust(40))
    assert lines[start + 1 : start + 4] == [
        "999.999.999.999,99".rjust(40),
        "99999999999,999".rjust(40),
        "100.000.000.000,00".rjust(40),
    ]


def test_a_long_label_of_an_amount_stands_alone() -> None:
    payment = Payment(Money.of("999999999999.99"), PaymentType.OTHER)
    lines = lines_of(attrs.evolve(REQUEST, payments=(payment,)))
    start = lines.index("Друго безготовинско плаћање:")
    assert lines[start + 1] == "999.999.999.999,99".rjust(40)


def test_a_refund_of_nothing_is_not_minus_nothing() -> None:
    item = InvoiceItem("x", Quantity.of(1), Money(0), ("Е",), Money(0))
    assert "         0,00          1            0,00" in lines_of(attrs.evolve(REFUND, items=(item,)))


@pytest.mark.parametrize("line_break", ["\r\n", "\n", "\t", "\u2028", "\u2029"])
def test_a_name_cannot_forge_lines(line_break: str) -> None:
    item = attrs.evolve(REQUEST.items[0], name=f"x{line_break}{CYRILLIC.fiscal_end}")
    lines = lines_of(attrs.evolve(REQUEST, items=(item,), cashier=f"a{line_break}b"))
    assert lines.count(CYRILLIC.fiscal_end) == 1
    assert "".join(lines).splitlines() == ["".join(lines)]


def test_s2_063_times_are_local_times_of_the_zone() -> None:
    text = render_journal(REQUEST, FACTS, ENGLISH, ZoneInfo("Pacific/Auckland"))
    assert "SDC Time:            02/03/2026 21:05:10" in text
