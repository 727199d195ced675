"""The words of the verification page, one table a language. Readers of the page rely on them."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from tallystick.authority.projections.verification.word_table import (
    PageLanguage,
    fields_of,
    kinds_of,
    national_of,
    states_of,
)
from tallystick.authority.projections.verification.words_georgian import GEORGIAN

__all__ = ["PAGE_LANGUAGES", "PageLanguage"]


ENGLISH = PageLanguage(
    tag="en-US",
    own_name="English",
    decimal_sign=".",
    thousands_sign=",",
    time_pattern="{day}/{month}/{year} {hour}:{minute:02}:{second:02}",
    fields=fields_of(
        "TIN",
        "Location Name",
        "Address",
        "City",
        "Administrative Unit",
        "Buyer's TIN",
        "Requested By",
        "Type",
        "Type",
        "Total Amount",
        "Transaction Type Counter",
        "Total Counter",
        "Invoice Counter Extension",
        "Requested By - Signed By - Counter",
        "Signed By",
        "SDC Time (server time zone)",
        "Company",
        "Store",
        "Cashier TIN",
        "Buyer's Cost Center",
        "POS Number",
        "POS Time",
        "Invoice Number",
        "Total",
        "Total Tax",
        "Payment",
        "Invoice Type",
    ),
    sections={
        "status": "Invoice Status",
        "request": "Invoice request",
        "result": "Invoice result",
        "items": "Invoice specification",
        "journal": "Journal",
        "proof": "Proof of record",
        "print": "All details",
        "language": "Language",
        "code": "QR code of this invoice",
    },
    states=states_of(
        "Invoice is verified",
        "Invoice is signed, not yet registered",
        "Invoice differs from our record",
        "This is not a fiscal receipt",
        "Invoice is marked invalid",
        "This code cannot be verified",
        "Invoice is not confirmed",
        "Receipt is overdue",
        "Receipt was not found",
        "Receipt is forged",
        "Receipt is being examined",
    ),
    explanations=states_of(
        "The tax authority holds this invoice, and its signature is good.",
        "The signature is good. This invoice is not in the register yet: look again later.",
        "The signature is good, but under this number the tax authority holds another invoice. Please report it.",
        "The signature is good, but this is a training invoice, a pro forma invoice or a copy: no proof of payment.",
        "The secure element was expired or revoked when it signed. Please report it.",
        "The code is damaged, or no registered device signed it. Ask the seller for a new receipt.",
        "The register holds no invoice with this short code. Either it has not arrived yet, or the code is false. "
        "Scan the long code of the receipt, or look again later.",
        "The signature is good, but the time in which the shop must send this receipt is over. Please report it.",
        "The signature is good, but this device reports each receipt before it prints it, and the tax authority does "
        "not have this one. Please report it.",
        "The device that this code names did not sign it. Please report it.",
        "The tax authority has this receipt and examines it. No decision has been made yet.",
    ),
    compact_mismatch="The short code shows other figures than the register, which follow. Please report it.",
    compact_note="Checked from the register by the short code. The long code carries the signature, too.",
    columns=("Name", "Quantity", "Gross Unit Price", "Total Price", "Net Price", "Tax Amount", "Rate"),
    proof={
        "index": "Entry",
        "size": "Entries in the signed log",
        "checkpoint": "Signed checkpoint",
        "path": "Path of hashes from this entry to the checkpoint",
        "leaf": "Hash of this entry",
        "file": "Download the proof",
    },
    troubles={
        "missing": ("There is no such page", "Check the address, or scan the code of the receipt again."),
        "away": ("Verification is not available at the moment", "Please try again in a minute."),
        "busy": ("Too many unknown codes from here", "Please wait a minute, or scan the long code of the receipt."),
    },
    invoice_types=("Normal", "Pro forma", "Copy", "Training", "Advance"),
    transaction_types=("Sale", "Refund"),
    payment_types=("Other", "Cash", "Card", "Check", "Wire transfer", "Voucher", "Mobile money"),
    national=national_of(
        "This device may be off line. The shop has up to {hours} hours to send the receipt. Until it is here, amount "
        "and time are what the code says.",
        "The tax authority has received this receipt. It is entered once all receipts that the device sends with it "
        "are here. Until then, amount and time are what the code says.",
        "The code shows another {what} than the register, which follows. Please report it.",
        "Under this number the register holds another receipt. Please report it.",
        "amount",
        "time",
        "kind",
        "All of it was given back.",
        "{amount} of it was given back.",
        "It was corrected later, by {amount}.",
        "What was sold is not kept any more.",
        "Place",
        "Seller",
        "Device",
        "Receipt number",
        "What the code says",
        "Taxes",
        "Label",
        "Rate",
        "Tax",
        "Original receipt",
        "Reason",
        "Form",
        "The register holds no receipt with this number and amount. Either it has not arrived yet, or number or amount "
        "is another.",
    ),
    kinds=kinds_of("Receipt", "Accountable form", "Correction"),
)

CYRILLIC = PageLanguage(
    tag="sr-Cyrl-RS",
    own_name="Српски",
    decimal_sign=",",
    thousands_sign=".",
    time_pattern="{day}.{month}.{year}. {hour}:{minute:02}:{second:02}",
    fields=fields_of(
        "ПИБ",
        "Име продајног места",
        "Адреса",
        "Град",
        "Општина",
        "ИД купца",
        "Затражио",
        "Врста",
        "Врста",
        "Укупан износ",
        "Бројач по врсти трансакције",
        "Бројач укупног броја",
        "Екстензија бројача рачуна",
        "Затражио - Потписао - Бројач",
        "Потписао",
        "ПФР време (временска зона сервера)",
        "Предузеће",
        "Место продаје",
        "Касир",
        "Опционо поље купца",
        "ЕСИР број",
        "ЕСИР време",
        "Број рачуна",
        "За уплату",
        "Порез укупно",
        "Начин плаћања",
        "Врста рачуна",
    ),
    sections={
        "status": "Статус рачуна",
        "request": "Захтев за фискализацију рачуна",
        "result": "Резултат фискализације рачуна",
        "items": "Спецификација рачуна",
        "journal": "Журнал",
        "proof": "Доказ о упису",
        "print": "Сви подаци",
        "language": "Језик",
        "code": "QR код овог рачуна",
    },
    states=states_of(
        "Рачун је проверен",
        "Рачун је потписан, још није уписан",
        "Рачун се разликује од нашег записа",
        "Ово није фискални рачун",
        "Рачун је означен као неисправан",
        "Овај код се не може проверити",
        "Рачун није потврђен",
        "Рачун касни",
        "Рачун није пронађен",
        "Рачун је фалсификован",
        "Рачун се испитује",
    ),
    explanations=states_of(
        "Пореска управа има овај рачун и његов потпис је исправан.",
        "Потпис је исправан. Рачун још није уписан у регистар: погледајте поново касније.",
        "Потпис је исправан, али под овим бројем пореска управа има други рачун. Молимо пријавите.",
        "Потпис је исправан, али ово је рачун за обуку, предрачун или копија: није доказ о плаћању.",
        "Безбедносни елемент је при потписивању био истекао или опозван. Молимо пријавите.",
        "Код је оштећен или га није потписао регистрован уређај. Тражите нов рачун од продавца.",
        "У регистру нема рачуна са овим кратким кодом. Или још није стигао, или код није исправан. "
        "Скенирајте дуги код са рачуна или погледајте поново касније.",
        "Потпис је исправан, али је прошло време у коме продавница мора да пошаље овај рачун. Молимо пријавите.",
        "Потпис је исправан, али овај уређај пријављује сваки рачун пре штампања, а пореска управа га нема. "
        "Молимо пријавите.",
        "Уређај који код наводи није га потписао. Молимо пријавите.",
        "Пореска управа има овај рачун и испитује га. Одлука још није донета.",
    ),
    compact_mismatch="Кратки код показује друге податке него регистар, који следе. Молимо пријавите.",
    compact_note="Проверено у регистру по кратком коду. Дуги код са рачуна носи и сам потпис.",
    columns=("Назив", "Количина", "Јед. цена са ПДВ", "Укупна цена", "Основица", "ПДВ", "Стопа"),
    proof={
        "index": "Упис",
        "size": "Уписа у потписаном дневнику",
        "checkpoint": "Потписана контролна тачка",
        "path": "Пут хешева од овог уписа до контролне тачке",
        "leaf": "Хеш овог уписа",
        "file": "Преузмите доказ",
    },
    troubles={
        "missing": ("Ова страница не постоји", "Проверите адресу или поново скенирајте код са рачуна."),
        "away": ("Провера тренутно није доступна", "Покушајте поново за минут."),
        "busy": ("Превише непознатих кодова одавде", "Сачекајте минут или скенирајте дуги код са рачуна."),
    },
    invoice_types=("Промет", "Предрачун", "Копија", "Обука", "Аванс"),
    transaction_types=("Продаја", "Рефундација"),
    payment_types=(
        "Друго безготовинско плаћање",
        "Готовина",
        "Платна картица",
        "Чек",
        "Пренос на рачун",
        "Ваучер",
        "Инстант плаћање",
    ),
    national=national_of(
        "Овај уређај може да ради без везе. Продавница има до {hours} сати да пошаље рачун. Док не стигне, износ и "
        "време су оно што код каже.",
        "Пореска управа је примила овај рачун. Биће уписан када стигну сви рачуни које уређај шаље с њим. До тада су "
        "износ и време оно што код каже.",
        "Код показује друго ({what}) него регистар, који следи. Молимо пријавите.",
        "Под овим бројем регистар има други рачун. Молимо пријавите.",
        "износ",
        "време",
        "врста",
        "Све је враћено.",
        "Враћено је {amount}.",
        "Касније је исправљен за {amount}.",
        "Садржај рачуна се више не чува.",
        "Место",
        "Продавац",
        "Уређај",
        "Број рачуна",
        "Шта код каже",
        "Порези",
        "Ознака",
        "Стопа",
        "Порез",
        "Први рачун",
        "Разлог",
        "Образац",
        "У регистру нема рачуна са овим бројем и износом. Или још није стигао, или је број или износ други.",
    ),
    kinds=kinds_of("Рачун", "Образац строге евиденције", "Исправка"),
)

_LATIN_PAIRS = {
    "Љ": "Lj", "Њ": "Nj", "Џ": "Dž", "љ": "lj", "њ": "nj", "џ": "dž",
    **dict(zip("АБВГДЂЕЖЗИЈКЛМНОПРСТЋУФХЦЧШ", "ABVGDĐEŽZIJKLMNOPRSTĆUFHCČŠ", strict=True)),
    **dict(zip("абвгдђежзијклмнопрстћуфхцчш", "abvgdđežzijklmnoprstćufhcčš", strict=True)),
}  # fmt: skip


def _latin(text: str) -> str:
    return "".join(_LATIN_PAIRS.get(letter, letter) for letter in text)


def _latin_table(table: Mapping[str, str]) -> Mapping[str, str]:
    return {key: _latin(value) for key, value in table.items()}


LATIN = attrs.evolve(
    CYRILLIC,
    tag="sr-Latn-RS",
    own_name="Srpski",
    fields=_latin_table(CYRILLIC.fields),
    sections=_latin_table(CYRILLIC.sections),
    states=_latin_table(CYRILLIC.states),
    explanations=_latin_table(CYRILLIC.explanations),
    compact_mismatch=_latin(CYRILLIC.compact_mismatch),
    compact_note=_latin(CYRILLIC.compact_note),
    columns=tuple(map(_latin, CYRILLIC.columns)),
    proof=_latin_table(CYRILLIC.proof),
    troubles={name: (_latin(title), _latin(advice)) for name, (title, advice) in CYRILLIC.troubles.items()},
    invoice_types=tuple(map(_latin, CYRILLIC.invoice_types)),
    transaction_types=tuple(map(_latin, CYRILLIC.transaction_types)),
    payment_types=tuple(map(_latin, CYRILLIC.payment_types)),
    national=_latin_table(CYRILLIC.national),
    kinds=_latin_table(CYRILLIC.kinds),
)

_ALL = (ENGLISH, CYRILLIC, LATIN, GEORGIAN)
PAGE_LANGUAGES: Mapping[str, PageLanguage] = {language.tag: language for language in _ALL}
