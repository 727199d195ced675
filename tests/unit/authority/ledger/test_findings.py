"""Every kind of finding has its line in the operator's manual, and nothing else has."""

import re
from pathlib import Path

from tallystick.authority.ledger.findings import FindingCode, Shows, finding
from tallystick.authority.ledger.writer import State

MANUAL = Path(__file__).parents[4] / "docs" / "operations" / "ledger.md"


def test_the_manual_has_each_code_once() -> None:
    assert re.findall(r"^\| (TSF-\d\d) \|", MANUAL.read_text(), re.MULTILINE) == [code.value for code in FindingCode]


def test_the_manual_has_each_state() -> None:
    told = set(re.findall(r"^\| ([a-z]+) \|", MANUAL.read_text(), re.MULTILINE))
    assert told == {state.value for state in State} - {State.STOPPED.value}


def test_a_finding_is_one_line() -> None:
    line = str(finding(FindingCode.BODY_CHANGED, "entry 7", "another body", Shows.TYPE, Shows.LOG))
    assert line == "TSF-06 entry 7: another body (shown by log, type)"
