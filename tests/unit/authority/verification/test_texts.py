"""Amounts, numbers and times in each language; characters that nobody sees."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.authority.projections.verification.texts import (
    amount_text,
    html_text,
    number_text,
    time_text,
    visible,
)
from tallystick.authority.projections.verification.words import CYRILLIC, ENGLISH, LATIN, PAGE_LANGUAGES

TURNING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


@pytest.mark.parametrize(
    ("value", "english", "serbian"),
    [
        ("8960", "8,960.00", "8.960,00"),
        ("610.38", "610.38", "610,38"),
        ("-1234567.895", "-1,234,567.90", "-1.234.567,90"),
        ("0.005", "0.01", "0,01"),
        ("1844674407370955.1615", "1,844,674,407,370,955.16", "1.844.674.407.370.955,16"),
    ],
)
def test_amounts(value: str, english: str, serbian: str) -> None:
    assert amount_text(Decimal(value), ENGLISH) == english
    assert amount_text(Decimal(value), CYRILLIC) == serbian == amount_text(Decimal(value), LATIN)


@pytest.mark.parametrize(
    ("value", "english", "serbian"),
    [
        ("2.000", "2", "2"),
        ("0.750", "0.75", "0,75"),
        ("1200", "1,200", "1.200"),
        ("20", "20", "20"),
        ("0.00", "0", "0"),
    ],
)
def test_quantities_carry_no_needless_zeros(value: str, english: str, serbian: str) -> None:
    assert number_text(Decimal(value), ENGLISH) == english
    assert number_text(Decimal(value), CYRILLIC) == serbian


def test_times_are_those_of_the_authority() -> None:
    moment = datetime(2026, 8, 27, 13, 0, 5, tzinfo=UTC)
    zone = timezone(timedelta(hours=2))
    assert time_text(moment, CYRILLIC, zone) == "27.8.2026. 15:00:05"
    assert time_text(moment, ENGLISH, zone) == "27/8/2026 15:00:05"


def test_the_end_of_the_calendar_is_no_failure() -> None:
    last = datetime.max.replace(tzinfo=UTC)
    assert time_text(last, CYRILLIC, timezone(timedelta(hours=2))) == "31.12.9999. 23:59:59"


def test_tab_and_newline_stay() -> None:
    assert visible("a\tb\nc") == "a\tb\nc"


@given(st.text())
def test_no_text_leaves_markup_or_anything_hidden(text: str) -> None:
    shown = html_text(text)
    assert not set(shown) & set("<>\"'")
    assert not {unicodedata.category(letter) for letter in set(shown) - set("\t\n")} & {"Cc", "Cs", "Zl", "Zp"}
    assert not {unicodedata.bidirectional(letter) for letter in shown} & TURNING


@pytest.mark.parametrize(
    "code", [0x7, 0x7F, 0x85, 0xAD, 0x61C, 0x200B, 0x200E, 0x2028, 0x202E, 0x2067, 0xFEFF, 0xE0041]
)
def test_each_hidden_character_shows_its_code(code: int) -> None:
    assert visible(f"a{chr(code)}b") == f"a[U+{code:04X}]b"


def test_words_of_all_languages_are_there_and_differ() -> None:
    for tag, language in PAGE_LANGUAGES.items():
        assert language.tag == tag
        assert all(language.fields.values())
        assert all(language.states.values())
        assert len(language.columns) == len(ENGLISH.columns)
        assert len(set(language.states.values())) == len(language.states)
        assert language.proof.keys() == ENGLISH.proof.keys()
        assert language.sections.keys() == ENGLISH.sections.keys()
        assert language.troubles.keys() == ENGLISH.troubles.keys()


def test_the_latin_words_hold_no_cyrillic_letter() -> None:
    words = [*LATIN.fields.values(), *LATIN.states.values(), *LATIN.explanations.values(), *LATIN.columns]
    words += [*LATIN.sections.values(), *LATIN.proof.values(), *LATIN.payment_types, *LATIN.invoice_types]
    words += [text for pair in LATIN.troubles.values() for text in pair]
    assert not [word for word in words if any("\u0400" <= letter <= "\u04ff" for letter in word)]
