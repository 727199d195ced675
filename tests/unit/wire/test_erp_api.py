"""The feed's cursor, and the order of members in what the ERP channel answers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pki_bench import refused

from tallystick.kernel.faults import Fault
from tallystick.wire import erp_api
from tallystick.wire.erp_api import Cursor, read_cursor, write_cursor

UID = "ERPC0001"
CURSORS = st.builds(
    Cursor, st.integers(-1, 2**62 - 1), st.integers(0, 1), st.integers(0, 2**32 - 1)
)  # fmt: skip


@given(CURSORS)
def test_a_cursor_comes_back_as_it_was_given(cursor: Cursor) -> None:
    assert read_cursor(write_cursor(cursor, UID), UID) == cursor


@given(st.text(min_size=1, max_size=40))
def test_a_text_that_is_no_cursor_is_refused_and_never_another_error(text: str) -> None:
    try:
        cursor = read_cursor(text, UID)
    except Fault as fault:
        code = fault.code
    else:
        code = "TS-3293" if write_cursor(cursor, UID) == text else "read otherwise than written"
    assert code == "TS-3293"


GIVEN = write_cursor(Cursor(), UID)


@pytest.mark.parametrize("text", ["x", "AAAA", GIVEN[:-1], "Ag" + GIVEN[2:], write_cursor(Cursor(), "ERPC0002")])
def test_examples_of_cursors_that_are_none(text: str) -> None:
    with refused("TS-3293"):
        read_cursor(text, UID)


def test_members_stand_in_the_order_of_rfc_8785() -> None:
    kinds = (erp_api.Problem, erp_api.Verdict, erp_api.TaxState, erp_api.FeedEvent, erp_api.FeedPage, erp_api.Webhook)
    for kind in kinds:
        names = list(kind.__struct_encode_fields__)
        assert names == sorted(names)
