"""Cases on pages and at a shell: officers read and close them, and both are acts."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from cases import open_cases
from portal_pages import Pages

REASON = "the shop was closed for works; seen on the spot on Friday"


def run(dsn: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TALLYSTICK_")}
    told = {"TALLYSTICK_DATABASE_URL": dsn, "TALLYSTICK_STATE": str(folder)}
    argv = [sys.executable, "-m", "tallystick", "inspections", *arguments]
    return subprocess.run(argv, env=kept | told, capture_output=True, text=True, timeout=60, check=False)


def test_an_officer_reads_and_closes_a_case(pages: Pages, tmp_path: Path) -> None:
    buyer, rows = open_cases(pages.dsn, datetime.now(UTC))
    vera = pages.signed_in(pages.officers[0])

    def text(path: str) -> str:
        answer = vera.get(path)
        assert answer.status_code == 200
        return str(answer.content.decode())

    page = text("/inspections/")
    assert "Buyers hold receipts" in page
    assert "1234.50" in page
    assert "Buyers hold receipts" not in text("/inspections/?detector=D-DEL")
    assert "Rows of the ledger lack" not in text("/inspections/?tin=123456789")
    assert "No case fits." in text("/inspections/?state=closed&tin=x\x01&before=y")
    assert vera.get("/inspections/?state=closed&tin=x\x00&before=y").status_code == 400
    assert "times: 3" in text(f"/inspections/{buyer}/")
    short = pages.send(vera, f"/inspections/{buyer}/close/", reason="no")
    assert (short.status_code, b"Code TS-1220" in short.content) == (422, True) or short.status_code == 400
    assert pages.send(vera, f"/inspections/{buyer}/close/", reason=REASON).status_code == 302
    assert REASON in text(f"/inspections/{buyer}/")
    again = pages.send(vera, f"/inspections/{buyer}/close/", reason=REASON)
    assert (again.status_code, b"Code TS-4007" in again.content) == (412, True)
    assert vera.get("/inspections/99999999999999999999/").status_code == 404
    logged = pages.rows("SELECT verb, for_whom FROM activity.entry WHERE verb LIKE 'inspections.%' ORDER BY seq")
    assert ("inspections.read", "123456789") in logged
    assert ("inspections.close", "123456789") in logged
    assert ("inspections.list", "") in logged

    listed = run(pages.dsn, tmp_path, "list")
    assert "D-DEL  rows-missing" in listed.stdout
    assert "seen-by-buyer" not in listed.stdout
    shown = run(pages.dsn, tmp_path, "show", str(rows))
    assert "without record, device link" in shown.stdout
    assert run(pages.dsn, tmp_path, "close", "77", "--officer", "vera", "--reason", REASON).stderr.startswith(
        "tallystick: TS-4003"
    )
    assert run(pages.dsn, tmp_path, "close", str(rows), "--officer", "vera", "--reason", REASON).returncode == 0
    assert run(pages.dsn, tmp_path, "list").stdout == ""


def test_cases_are_for_officers_alone(pages: Pages) -> None:
    (number, _) = open_cases(pages.dsn, datetime.now(UTC))
    for user in (pages.operator, pages.taxpayer):
        visitor = pages.signed_in(user)
        for path in ("/inspections/", f"/inspections/{number}/"):
            assert visitor.get(path).status_code == 404
        assert pages.send(visitor, f"/inspections/{number}/close/", reason=REASON).status_code == 404
