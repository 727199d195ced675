"""The catalogue of faults and its pages in docs/errors say the same, in both directions."""

from __future__ import annotations

import re
from http import HTTPStatus
from pathlib import Path

import pytest

from tallystick.kernel.fault_catalogue import CATALOGUE, FaultKind, Retry

REPOSITORY = Path(__file__).resolve().parents[3]
ERRORS = REPOSITORY / "docs/errors"
PREPARED = "Prepared: nothing in this version answers with it yet."
KINDS = [pytest.param(kind, id=code) for code, kind in CATALOGUE.items()]
WIRE_STATUSES = {0, 1, 2, 3, 4, 5, 6, 8, 24, *range(67, 77), 78}


def facts(kind: FaultKind) -> str:
    """The row of facts, as it stands on the page and in the index."""
    first = [] if kind.audit_status is None else [kind.audit_status]
    statuses = ", ".join(str(status) for status in (*first, *kind.other_audit_statuses)) or "none"
    return f"| {kind.http_status} | {kind.retry} | {kind.fix_by} | {statuses} |"


def page(code: str) -> str:
    return (ERRORS / f"{code}.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", KINDS)
def test_a_code_has_a_page_with_its_facts_cause_cure_and_example(kind: FaultKind) -> None:
    text = page(kind.code)
    assert text.startswith(f"# {kind.code} · {kind.title}\n")
    assert facts(kind) in text
    for part in ("**Cause.** ", "**What to do.** ", "**Example.**"):
        assert text.count(part) == 1
        assert len(text.split(part)[1].split("**")[0].strip()) >= 15
    assert 10 <= text.count("\n") <= 20


def test_pages_and_codes_are_the_same_set() -> None:
    assert {path.stem for path in ERRORS.glob("*.md")} - {"README"} == set(CATALOGUE)


def test_the_index_lists_every_code_with_its_facts() -> None:
    index = page("README")
    rows = re.findall(r"^\| \[(TS-\d{4})\]\(\1\.md\) \| ([^|]+) (\|.*\|)$", index, re.MULTILINE)
    assert [(code, title, row) for code, title, row in rows] == [
        (kind.code, kind.title, facts(kind)) for kind in CATALOGUE.values()
    ]


def test_a_page_says_prepared_exactly_when_nothing_answers_with_the_code() -> None:
    """Whoever raises a prepared code for the first time takes the line off its page, and vice versa."""
    used: set[str] = set()
    for file in (REPOSITORY / "tallystick").rglob("*.py"):
        if file.name != "fault_catalogue.py":
            used |= set(re.findall(r'"(TS-\d{4})"', file.read_text(encoding="utf-8")))
    prepared = {code for code in CATALOGUE if PREPARED in page(code)}
    assert not prepared & used, f"take the line 'Prepared: ...' off the pages of {sorted(prepared & used)}"
    assert not set(CATALOGUE) - prepared - used, f"say 'Prepared' on {sorted(set(CATALOGUE) - prepared - used)}"


def test_codes_have_their_form_ascend_and_have_titles_of_their_own() -> None:
    codes = list(CATALOGUE)
    assert all(re.fullmatch(r"TS-\d{4}", code) and CATALOGUE[code].code == code for code in codes)
    groups = {code[:5]: [other for other in codes if other[:5] == code[:5]] for code in codes}
    assert all(group == sorted(group) for group in groups.values())
    assert len({kind.title for kind in CATALOGUE.values()}) == len(CATALOGUE)


@pytest.mark.parametrize("kind", KINDS)
def test_facts_are_possible(kind: FaultKind) -> None:
    assert HTTPStatus(kind.http_status)
    statuses = {kind.audit_status, *kind.other_audit_statuses} - {None}
    assert statuses <= WIRE_STATUSES
    if kind.http_status == HTTPStatus.SERVICE_UNAVAILABLE:
        assert kind.retry in (Retry.AFTER, Retry.SAME_BYTES)


def test_s2_085_an_internal_doubt_is_always_send_again() -> None:
    """A wrong other number would strand a package on its device for ever."""
    doubts = [kind for code, kind in CATALOGUE.items() if code.startswith("TS-50")]
    assert doubts
    assert {kind.audit_status for kind in doubts} == {1}


def test_the_guide_for_pos_makers_explains_every_audit_status() -> None:
    guide = (REPOSITORY / "docs/guides/first-refused-invoice.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([\d, ]+) \| [a-z]", guide, re.MULTILINE)
    explained = {int(number) for row in rows for number in row.split(",") if int(number) < 100}
    raised = {status for kind in CATALOGUE.values() for status in (kind.audit_status, *kind.other_audit_statuses)} - {
        None
    }
    assert explained == raised
