"""Tax rates at the command line: from the country pack, then from a file, by two officers (E-06)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from remote_bench import officer, people
from typer.testing import CliRunner

from tallystick.authority.oversight.approvals import operations as approvals
from tallystick.authority.reference.taxrates import queries
from tallystick.cli import app
from tallystick.ops.approved_deeds import do_approved
from tallystick.ops.schema.roles import INTAKE, PORTAL, as_role

LAW = ("--officer", "vera", "--reason", "law 17 of this year, article 3")


@pytest.fixture
def country(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An authority with two officers and no rates yet."""
    monkeypatch.setenv("TALLYSTICK_DATABASE_URL", database)
    monkeypatch.setenv("TALLYSTICK_STATE", str(tmp_path))
    with psycopg.connect(database) as connection:
        people(connection)
    return database


def run(*words: str, fails: bool = False) -> str:
    done = CliRunner().invoke(app, words)
    assert (done.exit_code != 0) is fails, done.output + str(done.exception)
    return done.output + (str(done.exception) if fails else "")


def agreed(dsn: str, number: int) -> None:
    """Another officer on the pages, and the worker's next round."""
    with psycopg.connect(as_role(dsn, PORTAL)) as conn:
        approvals.approve(conn, number, officer("omar"), datetime.now(UTC))
    with psycopg.connect(as_role(dsn, INTAKE)) as conn:
        assert do_approved(conn, datetime.now(UTC)) == 1


def test_e_06_two_officers_publish_from_a_file(country: str, tmp_path: Path) -> None:
    said = run("rates", "publish", *LAW)
    assert "* Ж: VAT 18 % on net -> VAT 19 % on net" in said, "the pack's two groups, one after the other"
    assert "request 1 waits for a second officer" in said
    assert "TS-4005" in run("approvals", "approve", "1", "--officer", "omar", fails=True), "two names at one shell"
    assert "P 0.5, F 0.25" in run("rates", "show", "1", "--request")
    assert "no group 2" in run("rates", "show", "2", fails=True)
    agreed(country, 1)
    assert run("rates", "list").splitlines() == [
        "group    1  from 2015-01-01 00:00:00 UTC  past       labels A B E F P T Ж  by request 1",
        "group    2  from 2024-01-01 00:00:00 UTC  in force   labels A B C E F P T Ж  by request 1",
    ]
    assert "TS-2011: Tax rates contradict what is published: all of it" in run("rates", "publish", *LAW, fails=True)

    start = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=30)
    file = tmp_path / "rates.toml"
    file.write_text(f"""
[[tax_group]]
id = 3
valid_from = {start:%Y-%m-%dT%H:%M:%SZ}
[[tax_group.category]]
name = "VAT"
type = "tax-on-net"
order_id = 1
rates = {{ A = 10.5, "Ж" = 19.00 }}
""")
    said = run("rates", "publish", str(file), *LAW)
    assert "* A: VAT 9 % on net -> VAT 10.5 % on net\n  * B: VAT 0 % on net ends" in said
    assert "it begins in 29 hours; a register may be without contact for 72 and sell meanwhile" in said
    run("approvals", "refuse", "2", "--officer", "vera")
    assert "request" not in run("rates", "list").replace("by request", "")
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(file.read_text().replace("10.5", "1050"))
    assert "TS-2010" in run("rates", "publish", str(wrong), *LAW, fails=True)
    assert "TS-4003" in run("rates", "publish", str(file), "--officer", "tina", *LAW[2:], fails=True)
    run("rates", "publish", str(file), *LAW)
    assert "request 3  pending  asked by vera" in run("rates", "list")
    agreed(country, 3)
    assert "announced" in run("rates", "show", "3")
    assert "TS-4003" in run("rates", "show", "9", "--request", fails=True)
    with psycopg.connect(country) as conn:
        assert [one.group_id for one in queries.current_groups(conn)] == [1, 2, 3]
