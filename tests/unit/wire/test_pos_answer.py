"""What a receipt takes from an answer, and which answers are none."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from receipt_values import answer
from taxcore_values import only_faults

from tallystick.kernel.faults import Fault
from tallystick.wire.pos_answer import read_pos_answer

ANSWER = json.loads(answer())


def refused(**changes: object) -> str:
    members = {name: value for name, value in (ANSWER | changes).items() if value is not ...}
    with pytest.raises(Fault) as caught:
        read_pos_answer(json.dumps(members).encode())
    return caught.value.code


def test_s2_039_journal_number_and_url_are_taken_as_they_are() -> None:
    read = read_pos_answer(json.dumps(ANSWER).encode())
    assert (str(read.number), read.journal, read.verification_url) == (
        ANSWER["invoiceNumber"],
        ANSWER["journal"],
        ANSWER["verificationUrl"],
    )
    other_case = {name.upper(): value for name, value in ANSWER.items()}
    assert read_pos_answer(json.dumps(other_case).encode()) == read


def test_an_answer_without_journal_cannot_be_printed() -> None:
    assert refused(journal=None) == refused(journal=...) == "TS-4020"


def test_the_url_must_be_that_of_the_invoice() -> None:
    assert refused(invoiceNumber="ABCD1234-ABCD1234-999") == "TS-1220"
    assert refused(verificationUrl=ANSWER["verificationUrl"][:-9] + "A" * 9) == "TS-1220"


@pytest.mark.parametrize("name", ["invoiceNumber", "verificationUrl", "journal"])
@pytest.mark.parametrize("value", [7, [], "", {}])
def test_members_of_another_kind_are_refused(name: str, value: object) -> None:
    assert refused(**{name: value}) == "TS-1220"


def test_control_characters_do_not_get_in() -> None:
    assert refused(journal="a\x1b@b") == "TS-1216"


MEMBERS = st.dictionaries(st.sampled_from(sorted(ANSWER)), st.text())
READING = ("TS-1003", "TS-1210", "TS-1211", "TS-1212", "TS-1213", "TS-1214", "TS-1216", "TS-1220", "TS-4020")


@given(st.binary(max_size=200) | MEMBERS.map(lambda made: json.dumps(made).encode()))
def test_any_bytes_are_an_answer_or_a_coded_fault(data: bytes) -> None:
    with only_faults(*READING):
        read_pos_answer(data)
