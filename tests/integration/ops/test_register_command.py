"""Agreements and registers at the command line: from the agreement to a device that is closed for good."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from tallystick.authority.oversight.activity import queries as activity
from tallystick.authority.reference.registry import recognition
from tallystick.authority.reference.registry.operations import create_user, let_user_act_for
from tallystick.authority.reference.registry.presented import Presentation
from tallystick.kernel.device_policy import DeviceClass
from tallystick.ops.agreement_desk import open_agreements
from tallystick.ops.connecting import connecting_services, enrol_url
from tallystick.ops.packs import load_pack
from tallystick.ops.register_desk import open_registers
from tallystick.ops.schema.roles import INTAKE, as_role
from tallystick.ops.settings import load_settings
from tallystick.ops.state_folder import StateFolder

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
TIN, BUILD = "100000001", "ab" * 32
WHY = "the shop is closed for good"


def prepared(database: str) -> None:
    """Two officers' names, a service centre, and a certified build."""
    with psycopg.connect(database) as conn:
        create_user(conn, "vera", "!", "Vera", "officer")
        create_user(conn, "centre", "!", "Centre", "service_centre")
        conn.execute("INSERT INTO builds.maker VALUES ('acme', 'Acme', 'k', NULL, true, now())")
        conn.execute(
            """INSERT INTO builds.build (build_id, maker, product, version, class, manifest, submitted_at)
               VALUES (%s, 'acme', 'Till', '1', 'software-register', 'm', now())""",
            [BUILD],
        )
        conn.execute("UPDATE builds.build SET state = 'certified'")


def present(database: str, serial: str, at: datetime = NOW) -> int:
    """A register without a key of its own comes to the door."""
    asked = Presentation(tin=TIN, device_class=DeviceClass.SOFTWARE, build_id=BUILD, serial_number=serial)
    services = connecting_services(load_pack("AQ"), "https://enrol.example/")
    with psycopg.connect(as_role(database, INTAKE)) as conn:
        return recognition.present(conn, services, asked, came_from="192.0.2.1", at=at).pending_id


def shop(database: str) -> int:
    with psycopg.connect(database) as conn:
        row = conn.execute(
            """INSERT INTO registry.premises (tin, code, name, address, city, district, country)
               VALUES (%s, '1', 'Shop', 'Street', '', '', '') RETURNING premises_id""",
            [TIN],
        ).fetchone()
        assert row is not None
        return int(row[0])


def test_s1_021_the_desks_work_in_the_roles_that_they_have(database: str, tmp_path: Path) -> None:
    prepared(database)
    settings = load_settings({"TALLYSTICK_DATABASE_URL": database, "TALLYSTICK_STATE": str(tmp_path)})
    with open_agreements(settings, lambda: NOW) as desk:
        made = desk.conclude("vera", "N-1", TIN, "Grocers", None, datetime(2027, 1, 1).date())
        assert (made.since, made.until) == (NOW, datetime(2026, 12, 31, 11, tzinfo=UTC)), "the country's midnight"
        assert [one.number for one in desk.show(TIN, 9)] == ["N-1"]
    place = shop(database)
    with psycopg.connect(database) as conn:
        let_user_act_for(conn, "centre", TIN)
    with open_registers(settings, lambda: NOW) as desk:
        waiting = present(database, "S-1")
        assert [one.pending_id for one in desk.listed("pending", TIN, 9)[0]] == [waiting]
        made_device = desk.confirm("centre", waiting, None, "", "Till 3")
        assert made_device.code
        number = desk.accept("vera", TIN, place, ("acme",), 2, 3)
        assert [one.rule_id for one in desk.listed("", TIN, 9)[1]] == [number]
        desk.end_rule("vera", number)
        desk.refuse("vera", present(database, "S-2"), WHY)
    with psycopg.connect(database) as conn:
        verbs = [one.act.verb for one in activity.newest(conn, limit=50)]
    assert verbs == [
        "registry.refuse-register", "registry.end-rule", "registry.read-registers", "registry.accept-registers",
        "pki.code", "registry.confirm-register", "registry.device", "registry.read-registers", "agreements.read",
        "agreements.conclude",
    ]  # fmt: skip


def test_a_register_is_told_where_enrolment_is_served(tmp_path: Path) -> None:
    state = StateFolder.of(str(tmp_path))
    state.make()
    settings = load_settings({"TALLYSTICK_STATE": str(tmp_path)})
    assert enrol_url(settings, state) == "https://127.0.0.1:8447/.well-known/est/"
    (state.run / "est.port").write_text("9001")
    assert enrol_url(settings, state) == "https://127.0.0.1:9001/.well-known/est/"
    named = load_settings({"TALLYSTICK_EST_URL": "https://enrol.example/.well-known/est/"})
    assert enrol_url(named, state) == "https://enrol.example/.well-known/est/"


@pytest.mark.soak
@pytest.mark.timeout(400)
def test_from_the_agreement_to_a_closed_device_in_a_shell(database: str, tmp_path: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TALLYSTICK_")}
    told = {"TALLYSTICK_DATABASE_URL": database, "TALLYSTICK_STATE": str(tmp_path / "state")}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-m", "tallystick", *arguments]
        return subprocess.run(argv, env=kept | told, capture_output=True, text=True, timeout=60, check=False)

    prepared(database)
    officer = ("--officer", "vera")
    concluded = run("agreements", "conclude", "N-1", "--tin", TIN, "--business", "Grocers", *officer)
    assert concluded.stdout.startswith(f"N-1  TIN {TIN}"), concluded.stderr
    assert run("agreements", "conclude", "N-1", "--tin", "7", *officer).stderr.startswith("tallystick: TS-1313")
    shop(database)
    waiting = str(present(database, "S-1", datetime.now(UTC)))
    assert "software, other: acme Till S-1, point 1" in run("registers", "list").stdout
    confirmed = run("registers", "confirm", waiting, "--user", "vera")
    uid, code = confirmed.stdout.split(" is registered\n")
    assert len(code.strip().replace("-", "")) == 26
    assert run("registers", "refuse", waiting, "--user", "vera", "--reason", WHY).stderr.startswith(
        "tallystick: TS-4007"
    )
    assert "command 1" in run("device", "hold", uid, "--user", "vera", "--reason", WHY).stdout
    assert run("registers", "close", uid, *officer, "--reason", WHY).stdout == f"{uid} is closed\n"
    opened = run("device", "release", uid, "--user", "vera", "--reason", WHY)
    assert opened.stderr.startswith("tallystick: TS-3309"), "closed is for good"
    assert run("registers", "close", "NOBODY01", *officer, "--reason", WHY).stderr.startswith("tallystick: TS-2401")
    ended = run("agreements", "end", "N-1", *officer, "--reason", WHY)
    assert "ended by officer:vera" in ended.stdout
    assert "ended by officer:vera" in run("agreements", "show").stdout
