"""From an empty authority to a register that moved, at the command line: every person and place has its verb."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from remote_bench import officer
from typer.testing import CliRunner

from tallystick.authority.oversight.approvals import operations as approvals
from tallystick.cli import app
from tallystick.ops.approved_deeds import do_approved
from tallystick.ops.schema.roles import INTAKE, PORTAL, as_role

TIN = "100000001"
BY = ("--officer", "vera", "--reason", "joins the desk for registers")
USER = ("--user", "vera")


def run(*words: str, fails: bool = False) -> str:
    done = CliRunner().invoke(app, words)
    assert (done.exit_code != 0) is fails, done.output + str(done.exception)
    return done.output + (str(done.exception) if fails else "")


@pytest.mark.soak
def test_an_authority_begins_with_nothing_but_its_command_line(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TALLYSTICK_DATABASE_URL", database)
    monkeypatch.setenv("TALLYSTICK_STATE", str(tmp_path))
    assert "TS-1220" in run("users", "found", "--officer", "vera", fails=True)
    assert run("users", "found", "--officer", "vera=Vera Olt", "--officer", "omar") == "vera, omar: officers\n"
    assert "TS-4007" in run("users", "found", "--officer", "eve", "--officer", "mallory", fails=True)
    assert "one of operator" in run("users", "add", "ida", "--name", "Ida", "--role", "king", *BY, fails=True)
    assert "request 1 waits" in run("users", "add", "ida", "--name", "Ida", "--role", "officer", *BY)
    with psycopg.connect(as_role(database, PORTAL)) as conn:
        approvals.approve(conn, 1, officer("omar"), datetime.now(UTC))
    with psycopg.connect(as_role(database, INTAKE)) as conn:
        assert do_approved(conn, datetime.now(UTC)) == 1
    run("users", "add", "centre", "--name", "Centre", "--role", "service_centre", *BY)
    run("agreements", "conclude", "N-1", "--tin", TIN, "--business", "Grocers", "--officer", "ida")
    assert "centre acts for 100000001\n" in run("users", "bind", "centre", "--tin", TIN, *BY)

    place = ("--tin", TIN, "--name", "Shop", "--address", "Street 1", *USER)
    first = run("registers", "point", "--code", "1", *place).split()[1]
    second = run("registers", "point", "--code", "2", "--city", "Town", *place).split()[1]
    named = ("--tin", TIN, "--business", "Grocers", "--shop", "1", "--maker", "acme", "--model", "T", "--serial", "1")
    with psycopg.connect(database) as conn:
        conn.execute(
            """INSERT INTO registry.fiscal_device (uid, device_class, tin, premises_id, maker, model, serial_number)
               VALUES ('TILL0001', 1, %s, %s, %s, 'T', '1')""",
            [TIN, int(first), named[7]],
        )
    why = ("--reason", "the shop has moved", *USER)
    assert run("registers", "move", "TILL0001", "--premises", second, *why) == f"TILL0001 stands at point {second}\n"
    assert f"point {second}  TIN {TIN}  2: Shop, Street 1, Town; registers: 1" in run("registers", "points")
    run("users", "release", "centre", "--tin", TIN, *BY)
    run("users", "dismiss", "ida", *BY)
    listed = run("users", "list").splitlines()
    assert [line.split()[:3] for line in listed] == [
        ["centre", "service_centre", "active"],
        ["ida", "officer", "kept"],
        ["omar", "officer", "active"],
        ["vera", "officer", "active"],
    ]
