"""The journal's words in each language: data of the receipt's anatomy, nothing else (S2-066 to S2-068).

sr-Cyrl-RS is what genuine devices print, sr-Latn-RS its transliteration. The English labels are proved by a vendor
sample of a sale; those of buyer, cost centre, reference, refund and non-fiscal documents are ours, as is all Georgian.
Georgian is written in Mkhedruli letters and never upper-cased: its capitals (Mtavruli) are missing from most fonts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType

import attrs

from tallystick.kernel.invoice import InvoiceType, PaymentType, TransactionType

WIDTH = 40


@attrs.frozen(slots=True, kw_only=True)
class JournalLanguage:
    """One language. Lines are finished where they never change; labels end with their colon.

    ``seller_labels`` is None where the five seller lines stand centred without labels. ``invoice_letters`` and
    ``transaction_letters`` make the counter extension. ``currency_sign`` follows a rate that is an amount.
    ``buyer_signature`` stands on paper only, on the copy of a refund; it is no part of the journal.
    """

    tag: str
    fiscal_title: str
    fiscal_end: str
    non_fiscal_title: str
    notice: str
    seller_labels: tuple[str, str, str, str, str] | None
    cashier: str
    buyer_id: str
    cost_center: str
    pos_number: str
    pos_time: str
    referent_number: str
    referent_time: str
    invoice_words: Mapping[InvoiceType, str]
    transaction_words: Mapping[TransactionType, str]
    items_title: str
    items_head: str
    totals: Mapping[TransactionType, str]
    rule_after_total: bool
    payments: Mapping[PaymentType, str]
    taxes_head: str
    total_tax: str
    sdc_time: str
    invoice_number: str
    counter: str
    buyer_signature: str
    invoice_letters: Mapping[InvoiceType, str]
    transaction_letters: Mapping[TransactionType, str]
    thousands: str
    decimal_point: str
    currency_sign: str
    time: Callable[[datetime], str]


def _serbian_time(local: datetime) -> str:
    """``08.11.2023. 9:29:00``: the hour without a leading zero."""
    return f"{local:%d.%m.%Y.} {local.hour}:{local:%M:%S}"


def _english_time(local: datetime) -> str:
    return f"{local:%d/%m/%Y %H:%M:%S}"


def _georgian_time(local: datetime) -> str:
    return f"{local:%d.%m.%Y %H:%M:%S}"


_CYRILLIC = JournalLanguage(
    tag="sr-Cyrl-RS",
    fiscal_title="============ ФИСКАЛНИ РАЧУН ============",
    fiscal_end="======== КРАЈ ФИСКАЛНОГ РАЧУНА =========",
    non_fiscal_title="======== ОВО НИЈЕ ФИСКАЛНИ РАЧУН =======",
    notice="        ОВО НИЈЕ ФИСКАЛНИ РАЧУН",
    seller_labels=None,
    cashier="Касир:",
    buyer_id="ИД купца:",
    cost_center="Опционо поље купца:",
    pos_number="ЕСИР број:",
    pos_time="ЕСИР време:",
    referent_number="Реф. број:",
    referent_time="Реф. време:",
    invoice_words={
        InvoiceType.NORMAL: "ПРОМЕТ",
        InvoiceType.PROFORMA: "ПРЕДРАЧУН",
        InvoiceType.COPY: "КОПИЈА",
        InvoiceType.TRAINING: "ОБУКА",
        InvoiceType.ADVANCE: "АВАНС",
    },
    transaction_words={TransactionType.SALE: "ПРОДАЈА", TransactionType.REFUND: "РЕФУНДАЦИЈА"},
    items_title="Артикли",
    items_head="Назив   Цена         Кол.         Укупно",
    totals={TransactionType.SALE: "Укупан износ:", TransactionType.REFUND: "Укупна рефундација:"},
    rule_after_total=False,
    payments={
        PaymentType.OTHER: "Друго безготовинско плаћање:",
        PaymentType.CASH: "Готовина:",
        PaymentType.CARD: "Платна картица:",
        PaymentType.CHECK: "Чек:",
        PaymentType.WIRE_TRANSFER: "Пренос на рачун:",
        PaymentType.VOUCHER: "Ваучер:",
        PaymentType.MOBILE_MONEY: "Инстант плаћање:",
    },
    taxes_head="Ознака       Име      Стопа        Порез",
    total_tax="Укупан износ пореза:",
    sdc_time="ПФР време:",
    invoice_number="ПФР број рачуна:",
    counter="Бројач рачуна:",
    buyer_signature="Потпис купца:",
    invoice_letters={
        InvoiceType.NORMAL: "П",
        InvoiceType.PROFORMA: "Р",
        InvoiceType.COPY: "К",
        InvoiceType.TRAINING: "О",
        InvoiceType.ADVANCE: "А",
    },
    transaction_letters={TransactionType.SALE: "П", TransactionType.REFUND: "Р"},
    thousands=".",
    decimal_point=",",
    currency_sign="дин",
    time=_serbian_time,
)

_LATIN = JournalLanguage(
    tag="sr-Latn-RS",
    fiscal_title="============ FISKALNI RAČUN ============",
    fiscal_end="======== KRAJ FISKALNOG RAČUNA =========",
    non_fiscal_title="======== OVO NIJE FISKALNI RAČUN =======",
    notice="        OVO NIJE FISKALNI RAČUN",
    seller_labels=None,
    cashier="Kasir:",
    buyer_id="ID kupca:",
    cost_center="Opciono polje kupca:",
    pos_number="ESIR broj:",
    pos_time="ESIR vreme:",
    referent_number="Ref. broj:",
    referent_time="Ref. vreme:",
    invoice_words={
        InvoiceType.NORMAL: "PROMET",
        InvoiceType.PROFORMA: "PREDRAČUN",
        InvoiceType.COPY: "KOPIJA",
        InvoiceType.TRAINING: "OBUKA",
        InvoiceType.ADVANCE: "AVANS",
    },
    transaction_words={TransactionType.SALE: "PRODAJA", TransactionType.REFUND: "REFUNDACIJA"},
    items_title="Artikli",
    items_head="Naziv   Cena         Kol.         Ukupno",
    totals={TransactionType.SALE: "Ukupan iznos:", TransactionType.REFUND: "Ukupna refundacija:"},
    rule_after_total=False,
    payments={
        PaymentType.OTHER: "Drugo bezgotovinsko plaćanje:",
        PaymentType.CASH: "Gotovina:",
        PaymentType.CARD: "Platna kartica:",
        PaymentType.CHECK: "Ček:",
        PaymentType.WIRE_TRANSFER: "Prenos na račun:",
        PaymentType.VOUCHER: "Vaučer:",
        PaymentType.MOBILE_MONEY: "Instant plaćanje:",
    },
    taxes_head="Oznaka       Ime      Stopa        Porez",
    total_tax="Ukupan iznos poreza:",
    sdc_time="PFR vreme:",
    invoice_number="PFR broj računa:",
    counter="Brojač računa:",
    buyer_signature="Potpis kupca:",
    invoice_letters={
        InvoiceType.NORMAL: "P",
        InvoiceType.PROFORMA: "R",
        InvoiceType.COPY: "K",
        InvoiceType.TRAINING: "O",
        InvoiceType.ADVANCE: "A",
    },
    transaction_letters={TransactionType.SALE: "P", TransactionType.REFUND: "R"},
    thousands=".",
    decimal_point=",",
    currency_sign="din",
    time=_serbian_time,
)

_ENGLISH = JournalLanguage(
    tag="en-US",
    fiscal_title="============ FISCAL INVOICE ============",
    fiscal_end="======== END OF FISCAL INVOICE =========",
    non_fiscal_title="===== THIS IS NOT A FISCAL RECEIPT =====",
    notice="      THIS IS NOT A FISCAL RECEIPT",
    seller_labels=("TIN:", "Company:", "Store:", "Address:", "District:"),
    cashier="Cashier TIN:",
    buyer_id="Buyer TIN:",
    cost_center="Buyer's Cost Center:",
    pos_number="POS Number:",
    pos_time="POS Time:",
    referent_number="Ref. No.:",
    referent_time="Ref. Time:",
    invoice_words={
        InvoiceType.NORMAL: "NORMAL",
        InvoiceType.PROFORMA: "PROFORMA",
        InvoiceType.COPY: "COPY",
        InvoiceType.TRAINING: "TRAINING",
        InvoiceType.ADVANCE: "ADVANCE",
    },
    transaction_words={TransactionType.SALE: "SALE", TransactionType.REFUND: "REFUND"},
    items_title="Items",
    items_head="Name    Price        Qty.          Total",
    totals={TransactionType.SALE: "Total Purchase:", TransactionType.REFUND: "Total Refund:"},
    rule_after_total=True,
    payments={
        PaymentType.OTHER: "Other:",
        PaymentType.CASH: "Cash:",
        PaymentType.CARD: "Card:",
        PaymentType.CHECK: "Check:",
        PaymentType.WIRE_TRANSFER: "Wire Transfer:",
        PaymentType.VOUCHER: "Voucher:",
        PaymentType.MOBILE_MONEY: "Mobile Money:",
    },
    taxes_head="Label        Name     Rate           Tax",
    total_tax="Total Tax:",
    sdc_time="SDC Time:",
    invoice_number="SDC Invoice No:",
    counter="Invoice Counter:",
    buyer_signature="Customer Signature:",
    invoice_letters={
        InvoiceType.NORMAL: "N",
        InvoiceType.PROFORMA: "P",
        InvoiceType.COPY: "C",
        InvoiceType.TRAINING: "T",
        InvoiceType.ADVANCE: "A",
    },
    transaction_letters={TransactionType.SALE: "S", TransactionType.REFUND: "R"},
    thousands=",",
    decimal_point=".",
    currency_sign="",
    time=_english_time,
)

_GEORGIAN = JournalLanguage(
    tag="ka-GE",
    fiscal_title="========== ფისკალური ქვითარი ===========",
    fiscal_end="===== ფისკალური ქვითრის დასასრული ======",
    non_fiscal_title="===== ეს არ არის ფისკალური ქვითარი =====",
    notice="      ეს არ არის ფისკალური ქვითარი",
    seller_labels=("ს/კ:", "კომპანია:", "მაღაზია:", "მისამართი:", "რაიონი:"),
    cashier="მოლარე:",
    buyer_id="მყიდველის ს/კ:",
    cost_center="მყიდველის ხარჯთა ცენტრი:",
    pos_number="სალაროს ნომერი:",
    pos_time="სალაროს დრო:",
    referent_number="მითითებული ნომერი:",
    referent_time="მითითებული დრო:",
    invoice_words={
        InvoiceType.NORMAL: "ჩვეულებრივი",
        InvoiceType.PROFORMA: "პროფორმა",
        InvoiceType.COPY: "ასლი",
        InvoiceType.TRAINING: "სასწავლო",
        InvoiceType.ADVANCE: "ავანსი",
    },
    transaction_words={TransactionType.SALE: "გაყიდვა", TransactionType.REFUND: "დაბრუნება"},
    items_title="საქონელი",
    items_head="სახელი  ფასი         რაოდ.          ჯამი",
    totals={TransactionType.SALE: "სულ თანხა:", TransactionType.REFUND: "სულ დაბრუნება:"},
    rule_after_total=False,
    payments={
        PaymentType.OTHER: "სხვა უნაღდო გადახდა:",
        PaymentType.CASH: "ნაღდი ფული:",
        PaymentType.CARD: "საბანკო ბარათი:",
        PaymentType.CHECK: "ჩეკი:",
        PaymentType.WIRE_TRANSFER: "საბანკო გადარიცხვა:",
        PaymentType.VOUCHER: "ვაუჩერი:",
        PaymentType.MOBILE_MONEY: "მობილური გადახდა:",
    },
    taxes_head="ნიშანი    სახელი განაკვეთი    გადასახადი",
    total_tax="სულ გადასახადი:",
    sdc_time="SDC დრო:",
    invoice_number="SDC ქვითრის ნომერი:",
    counter="ქვითრის მრიცხველი:",
    buyer_signature="მყიდველის ხელმოწერა:",
    invoice_letters={
        InvoiceType.NORMAL: "ჩ",
        InvoiceType.PROFORMA: "პ",
        InvoiceType.COPY: "ა",
        InvoiceType.TRAINING: "ს",
        InvoiceType.ADVANCE: "ვ",
    },
    transaction_letters={TransactionType.SALE: "გ", TransactionType.REFUND: "დ"},
    thousands="",
    decimal_point=",",
    currency_sign="ლარი",
    time=_georgian_time,
)

LANGUAGES: Mapping[str, JournalLanguage] = MappingProxyType(
    {language.tag: language for language in (_CYRILLIC, _LATIN, _ENGLISH, _GEORGIAN)}
)
