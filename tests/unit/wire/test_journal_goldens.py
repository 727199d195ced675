"""Ten type pairs in each language, byte for byte as they stand in tests/vectors/journals."""

from __future__ import annotations

import pytest
from journal_goldens import PAIRS, goldens, name_of, rendered

from tallystick.kernel.invoice import InvoiceType, TransactionType
from tallystick.wire.journal import LANGUAGES
from tallystick.wire.journal_text import read_journal

MTAVRULI = range(0x1C90, 0x1CC0)


@pytest.mark.parametrize("pair", PAIRS, ids=[name_of(*pair) for pair in PAIRS])
@pytest.mark.parametrize("tag", LANGUAGES)
def test_s2_062_to_s2_068_ten_pairs_byte_for_byte(tag: str, pair: tuple[InvoiceType, TransactionType]) -> None:
    text = rendered(tag, *pair)
    assert text.encode() == goldens(tag)[name_of(*pair)].encode()
    assert all(len(line) <= 40 for line in text.split("\r\n"))


@pytest.mark.parametrize("pair", PAIRS, ids=[name_of(*pair) for pair in PAIRS])
@pytest.mark.parametrize("tag", LANGUAGES)
def test_a_golden_read_back_says_what_was_signed(tag: str, pair: tuple[InvoiceType, TransactionType]) -> None:
    read = read_journal(goldens(tag)[name_of(*pair)])
    assert (read.language, read.invoice_type, read.transaction_type) == (tag, *pair)
    sign = -1 if pair[1] is TransactionType.REFUND else 1
    assert [str(sign * item.total) for item in read.items] == ["1079.88", "2914.50", "0.50"]
    assert [str(payment.amount) for payment in read.payments] == [f"{n}.00" for n in range(1, 8)] + ["3966.88"]
    assert str(read.total_tax) == "585.26"  # 98.17 + 485.58 + 1.51, the lines and not the exact sum 585.2509


def test_georgian_is_never_upper_cased() -> None:
    letters = {letter for pair in PAIRS for letter in rendered("ka-GE", *pair)}
    assert not [letter for letter in letters if ord(letter) in MTAVRULI]
    assert len([letter for letter in letters if 0x10D0 <= ord(letter) <= 0x10FF]) > 20


@pytest.mark.parametrize("tag", LANGUAGES)
def test_s2_067_letters_tell_the_ten_pairs_apart(tag: str) -> None:
    language = LANGUAGES[tag]
    assert len(set(language.invoice_letters.values())) == len(InvoiceType)
    assert len(set(language.transaction_letters.values())) == len(TransactionType)
    assert not [word for word in language.invoice_words.values() if word != word.strip()]
