"""Every status and every code that a file can get is said in words that a shopkeeper understands."""

from __future__ import annotations

import pytest

from tallystick.authority.channels.sdc.uploads.queries import Group
from tallystick.authority.channels.sdc.uploads.values import FileKind, JudgedFile
from tallystick.authority.intake.verdicts import AuditStatus
from tallystick.kernel.fault_catalogue import CATALOGUE
from tallystick.portals.media.words import (
    ALONE,
    BAD,
    GOOD,
    STATUS_WORDS,
    WAITING,
    line_of,
    line_of_group,
    urgency,
)


def file(kind: FileKind = FileKind.PACKAGE, **changes: object) -> JudgedFile:
    values: dict[str, object] = {
        "position": 1,
        "name": "x",
        "kind": kind,
        "uid": "ABCD1234",
        "is_done": True,
        "status": None,
        "replayed": False,
        "code": "",
        "detail": "",
    }
    return JudgedFile(**(values | changes))  # type: ignore[arg-type]


def test_every_status_has_its_words() -> None:
    assert set(STATUS_WORDS) == {int(status) for status in AuditStatus}
    said = [line_of(file(status=int(status), code="TS-1202")) for status in AuditStatus]
    assert len({line.words for line in said}) == len(said)
    assert [line.mark for line, status in zip(said, AuditStatus, strict=True) if status == 4] == [GOOD]
    assert {line.mark for line, status in zip(said, AuditStatus, strict=True) if status != 4} == {BAD}


@pytest.mark.parametrize("code", sorted(CATALOGUE))
def test_every_code_has_words_whatever_comes(code: str) -> None:
    line = line_of(file(code=code))
    assert line.words.endswith(".")
    assert code in line.code


def test_what_waits_says_that_nobody_need_do_anything() -> None:
    assert line_of(file(is_done=False)).mark == WAITING
    again = line_of(file(is_done=False, code="TS-5009"))
    assert (again.words, again.mark) == ("Waits. It is tried again by itself.", WAITING)


def test_a_request_names_what_is_missing() -> None:
    line = line_of(file(FileKind.AUDIT_REQUEST, detail="missing for the proof: 2–4"))
    assert line.words.endswith("Missing for the proof: 2–4.")


def test_what_calls_for_somebody_comes_first() -> None:
    groups = [
        Group(FileKind.FOREIGN, True, None, "TS-4008", 1),
        Group(FileKind.PACKAGE, True, 4, "", 900),
        Group(FileKind.PACKAGE, False, None, "", 3),
        Group(FileKind.PACKAGE, True, 0, "TS-1202", 2),
    ]
    lines = sorted(map(line_of_group, groups), key=urgency)
    assert [line.mark for line in lines] == [BAD, WAITING, GOOD, ALONE]
