"""What a paper shows against what was signed (security 1.4, line 3), in every language of ours and of others."""

from __future__ import annotations

import re

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from journal_values import FACTS, REQUEST, ZONE

from tallystick.kernel.fixed_point import Money
from tallystick.kernel.invoice import TransactionType
from tallystick.wire.journal import render_journal
from tallystick.wire.journal_amounts import amounts_in, shows_total
from tallystick.wire.journal_languages import LANGUAGES


@given(st.sampled_from(sorted(LANGUAGES)), st.sampled_from(TransactionType), st.integers(0, 10**13))
def test_a_journal_of_ours_shows_its_total(tag: str, transaction: TransactionType, scaled: int) -> None:
    total = Money(scaled)
    request = attrs.evolve(REQUEST, transaction_type=transaction)
    journal = render_journal(request, attrs.evolve(FACTS, total=total), LANGUAGES[tag], ZONE)
    assert shows_total(journal, total)
    assert not shows_total(journal, Money(scaled + 77_770_000_0000))


@pytest.mark.parametrize(
    ("line", "hundredths"),
    [
        ("Total purchase:        1,234.50", 123450),
        ("Ukupan iznos:          1.234,50", 123450),
        ("Summe              1 234,50 EUR", 123450),
        ("Summe                  1'234.50", 123450),
        ("Refund                  -234.50", 23450),
        ("TOTAL 12345678.90", 1234567890),
    ],
)
def test_amounts_of_others_are_read(line: str, hundredths: int) -> None:
    assert amounts_in(f"Shop\r\n{line}\r\nThank you") == {hundredths}


@pytest.mark.parametrize("journal", ["", "Thank you", "21.11.2026. 10:00:00", "Rate 20%", "12"])
def test_a_paper_without_amounts_says_nothing(journal: str) -> None:
    assert shows_total(journal, Money.of("10"))


FORWARD = re.compile(r"(?<![\d.,])(\d{1,3}(?:[.,' \u00a0\u202f]\d{3})*|\d{1,15})[.,](\d{2,4})\D{0,4}$")


@given(st.text("1234567890., '-\u00a0\u202f\u0663E\n", max_size=40))
def test_reading_from_the_end_finds_what_reading_from_the_start_does(journal: str) -> None:
    found = [FORWARD.search(line.rstrip()) for line in journal.splitlines()]
    amounts = {int("".join(filter(str.isdecimal, one[1]))) * 100 + int(one[2][:2]) for one in found if one is not None}
    assert amounts_in(journal) == amounts


@given(st.text("123450., \n\r\u2028", max_size=60), st.integers(0, 10**6))
def test_the_quick_answer_is_that_of_all_lines(journal: str, wanted: int) -> None:
    amounts = amounts_in(journal)
    for one in (wanted, *amounts):
        shown = not amounts or any(abs(amount - one) <= 1 for amount in amounts)
        assert shows_total(journal, Money(one * 100)) is shown


@given(st.text(max_size=100))
def test_nothing_that_a_device_writes_breaks_it(journal: str) -> None:
    assert isinstance(shows_total(journal, Money(0)), bool)
