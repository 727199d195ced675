"""What a register's fold knows behind a place that is lost, and what its next report says beyond it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from ledger_bench import ORIGIN

from benchmarks.national_till import NationalTill
from tallystick.kernel.faults import Fault
from tallystick.kernel.national_document import NationalDocument, ShiftReport
from tallystick.kernel.shifts import RegisterState
from tallystick.kernel.unaccounted import unaccounted
from tallystick.wire.document_jws import read_signed
from tallystick.wire.national_document import read_document

AT = datetime(2026, 5, 1, 8, tzinfo=UTC)


@pytest.fixture(scope="module")
def life() -> list[NationalDocument]:
    """Registration and two shifts of three sales: numbers 1, 2 to 6, 7 to 11."""
    till = NationalTill("HARD0001", "100000001", ORIGIN, link=bytes(32))
    made = [till.register(AT), *till.day(AT, 3), *till.day(AT, 3)]
    return [read_document(read_signed(one).payload) for one in made]


def folded(life: list[NationalDocument], *lost: int, up_to: int = 11) -> RegisterState:
    """The state after documents up to a number, those that are lost left out."""
    state = RegisterState()
    for number, document in enumerate(life[:up_to], 1):
        if number in lost:
            state = state.after_settled(number)
            continue
        try:
            state = state.after(document, number, AT)
        except Fault:
            state = state.in_spite(document, number, AT)
    return state


def beyond(life: list[NationalDocument], report: int, *lost: int) -> dict[str, str]:
    content = life[report - 1].content
    assert isinstance(content, ShiftReport)
    return unaccounted(folded(life, *lost, up_to=report - 1), content)


def test_a_closing_says_the_sums_anew(life: list[NationalDocument]) -> None:
    assert folded(life) == folded(life, 4), "after the second closing all is known again"
    assert folded(life, 4, up_to=5).lacks
    assert not folded(life, 4, up_to=6).lacks


@pytest.mark.parametrize("lost", [(1,), (2,), (6,), (7,), (6, 7), (1, 2, 3)])
def test_whatever_is_lost_the_register_goes_on(life: list[NationalDocument], lost: tuple[int, ...]) -> None:
    state = folded(life, *lost)
    assert (state.documents, state.shift, state.is_open, state.lacks) == (11, 2, False, False)
    assert state.turnover == folded(life).turnover


def test_a_report_says_what_was_lost_to_the_smallest_unit(life: list[NationalDocument]) -> None:
    assert beyond(life, 6) == {}
    found = beyond(life, 6, 4)
    sale = life[3].sale
    assert sale is not None
    assert found.pop("tax A") == str(sale.taxes[0].amount)
    assert found == {"sales": "1 5.7000", "paid cash": "5.7000", "cash": "5.7000", "turnover": "5.7000"}
    assert beyond(life, 6, 4, 5)["sales"] == "2 11.4000"
    assert beyond(life, 11, 6) == {}, "a closing adds nothing by itself"
