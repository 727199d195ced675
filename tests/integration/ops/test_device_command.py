"""Remote control at the command line: commands to one and to many, in the roles of the desks, and a device's log."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from cards import country
from maker import MakerOfTills
from pki_bench import PkiBench, pki_bench
from remote_bench import WHY, Control, command_unit, officer, people
from typer.testing import CliRunner

from tallystick.authority.deeds import must_be_decided_anywhere
from tallystick.authority.oversight.activity import queries as activity
from tallystick.authority.oversight.approvals import operations as approvals
from tallystick.authority.reference.remote import operations
from tallystick.cli import app
from tallystick.kernel.builds import BuildClass
from tallystick.kernel.device_commands import PolicyChange
from tallystick.ops.approved_deeds import do_approved
from tallystick.ops.command_signing import signers
from tallystick.ops.schema.roles import INTAKE, PORTAL, as_role
from tallystick.wire.ecr_api import WaitingCommands, write_answer
from tallystick.wire.trust_list import text_of

ORIGIN = "fdo.example/aq/test"


@pytest.fixture
def bench(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PkiBench]:
    monkeypatch.setenv("TALLYSTICK_DATABASE_URL", database)
    monkeypatch.setenv("TALLYSTICK_STATE", str(tmp_path))
    with psycopg.connect(database) as connection:
        made = pki_bench(connection)
        people(connection)
        for uid in (made.uid, made.other):
            made.register(uid)
        yield made


def run(*words: str, fails: bool = False) -> str:
    done = CliRunner().invoke(app, ["device", *words])
    assert (done.exit_code != 0) is fails, done.output + str(done.exception)
    return done.output + (str(done.exception) if fails else "")


def by(*words: str, user: str = "vera") -> list[str]:
    return [*words, "--user", user, "--reason", WHY]


def test_s0_030_commands_to_one_and_to_many_and_the_log(bench: PkiBench, database: str, tmp_path: Path) -> None:
    uid, now = bench.uid, datetime.now(UTC)
    assert f"command 1 to {uid}: hold, until" in run("hold", *by(uid))
    assert f"command 2 to {uid}: release" in run("release", *by(uid))
    run("policy", *by(uid), "--offline-hours", "24", "--receipt-text", "Thank you")
    run("resend", *by(uid), "--from", "7")
    soon = f"{now + timedelta(days=30):%Y-%m-%d}"
    assert "TS-2406" in run("firmware", *by(uid), "--build", "ab" * 32, "--by", soon, fails=True), "nobody certified it"
    maker = MakerOfTills()
    build, other = (
        maker.certified(bench.conn, version, kind)
        for version, kind in (("1.1", BuildClass.SOFTWARE_REGISTER), ("1.2", BuildClass.ERP))
    )
    bench.conn.commit()
    assert "TS-2406" in run("firmware", *by(uid), "--build", other, "--by", soon, fails=True), "of another class"
    assert "TS-3300" in run("firmware", *by(uid), "--build", build, "--by", "2026-01-31", fails=True), "over"
    run("firmware", *by(uid), "--build", build, "--by", soon)
    assert "TS-3300" in run("policy", *by(uid), "--offline-hours", "500", fails=True)
    assert "TS-4003" in run("hold", *by(uid, user="tina"), fails=True), "she acts for somebody else"
    assert "TS-4003" in run("rates", *by(uid), "--group", "99", fails=True)
    assert "a device, or" in run("hold", *by("village:all"), fails=True)

    control = Control(bench.conn, command_unit(bench.conn, bench.services, now), ORIGIN)
    control.sign(now)
    with psycopg.connect(as_role(database, INTAKE)) as conn:
        waiting = operations.fetch(conn, uid, datetime.now(UTC))
    assert [one.number for one in waiting] == [2, 3, 4, 5]
    assert waiting[1].wanted == PolicyChange(offline_hours=24, receipt_text="Thank you")

    certificates = tuple(map(text_of, signers(bench.conn, {one.kid for one in waiting if one.kid})))
    told = WaitingCommands(
        certificates=certificates, commands=tuple((one.compact or b"").decode() for one in waiting)
    )  # fmt: skip
    file, root = tmp_path / "commands.json", country().pki.files.root
    file.write_bytes(write_answer(told))
    said = ["verify", str(file), "--root", str(root), "--origin", ORIGIN, "--uid"]
    assert run(*said, uid).count("command ") == 4
    assert "TS-3303" in run(*said, bench.other, fails=True)
    file.write_bytes(write_answer(told).replace(b'"commands":["', b'"commands":["%s","' % (waiting[3].compact or b"")))
    assert "TS-3304" in run(*said, uid, fails=True), "5 before 2"

    log = run("log", uid)
    for word in ("registered", "held", "released", "command-superseded", "command-fetched"):
        assert word in log, word
    with psycopg.connect(database) as conn:
        assert [one.act.verb for one in activity.newest(conn, verb="devices.read")]


def test_a_command_to_many_waits_for_another_officer(bench: PkiBench, database: str) -> None:
    said = run("hold", *by("maker:Maker"))
    assert "request 1: hold for 2 devices" in said
    with psycopg.connect(as_role(database, PORTAL)) as conn:
        must_be_decided_anywhere(conn, 1)
        approvals.approve(conn, 1, officer("omar"), datetime.now(UTC))
    with psycopg.connect(as_role(database, INTAKE)) as conn:
        assert do_approved(conn, datetime.now(UTC)) == 1
    states = "SELECT state FROM registry.fiscal_device WHERE uid = ANY(%s)"
    with psycopg.connect(database) as conn:
        found = conn.execute(states, [[bench.uid, bench.other]]).fetchall()
        kinds = conn.execute("SELECT uid, kind FROM remote.command ORDER BY uid").fetchall()
    assert {state for (state,) in found} == {"hold"}
    assert [kind for _, kind in kinds] == ["hold", "hold"]
