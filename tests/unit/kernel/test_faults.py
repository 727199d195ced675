"""Faults and status codes: what they carry, and the order in which a cashier can clear them."""

import pytest

from tallystick.kernel.faults import Fault, FieldFault, PosFault, PropertyError
from tallystick.kernel.status_codes import PRIORITY, StatusCode


def test_a_fault_says_its_code_first() -> None:
    fault = Fault("TS-1402", detail="expected 17", expected={"sequence": "17"}, fields=(FieldFault("/n", "4"),))
    assert str(fault) == "TS-1402 expected 17"
    assert (fault.code, fault.expected, fault.fields[0].pointer) == ("TS-1402", {"sequence": "17"}, "/n")
    assert (fault.audit_status, fault.retry_after_seconds) == (None, None)
    assert str(Fault("TS-5099")) == "TS-5099"


def test_what_a_fault_expects_is_its_own_copy() -> None:
    expected = {"sequence": "17"}
    fault = Fault("TS-1402", expected=expected)
    expected["sequence"] = "18"
    assert fault.expected == {"sequence": "17"}


def test_a_refusal_towards_a_pos() -> None:
    assert PosFault.single("1300").errors == (PropertyError("", "1300"),)
    both = PosFault((PropertyError("payment", "2800"), PropertyError("items[0].labels[0]", "2310")))
    with pytest.raises(PosFault, match=r"payment:2800, items\[0\]\.labels\[0\]:2310"):
        raise both


def test_status_codes_have_four_digits_and_begin_with_0_1_or_2() -> None:
    assert all(len(code) == 4 and code.isdigit() and code[0] in "012" for code in StatusCode)


def test_errors_of_the_card_come_in_the_order_in_which_they_can_be_cleared() -> None:
    assert [code.value for code in PRIORITY] == [
        "1300", "2220", "2230", "2110", "1500", "2100", "2400", "2809", "2210",
    ]  # fmt: skip
