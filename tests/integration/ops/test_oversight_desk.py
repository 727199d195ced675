"""The activity log and requests from a shell: what is refused is one sentence, a broken chain ends with 1."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from tallystick.authority.deeds import DECIDED_ANYWHERE, DECIDED_IN_ITS_ROOM
from tallystick.authority.oversight.activity import operations as activity
from tallystick.authority.oversight.activity.values import Act
from tallystick.authority.oversight.approvals import operations
from tallystick.authority.oversight.approvals.values import PORTAL, Person
from tallystick.authority.reference.production.batches import OPEN_DEED
from tallystick.authority.reference.registry.operations import create_user
from tallystick.kernel.faults import Fault
from tallystick.ops.approved_deeds import DEEDS
from tallystick.ops.officer_desk import QUARANTINE_DEEDS
from tallystick.ops.oversight_desk import OversightDesk
from tallystick.ops.schema.roles import PORTAL as PORTAL_ROLE
from tallystick.ops.schema.roles import as_role

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)


def ask(dsn: str) -> int:
    with psycopg.connect(dsn) as conn:
        for name in ("vera", "omar"):
            create_user(conn, name, "!", name.title(), "officer")
        person = Person("vera", PORTAL)
        now = datetime.now(UTC)
        return operations.ask(conn, "personal.erase", "person 7", {}, "the law asks for it now", person, now)


def run(dsn: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TALLYSTICK_")}
    told = {"TALLYSTICK_DATABASE_URL": dsn, "TALLYSTICK_STATE": str(folder)}
    argv = [sys.executable, "-m", "tallystick", *arguments]
    return subprocess.run(argv, env=kept | told, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.soak
def test_the_second_officer_decides_at_a_shell(database: str, tmp_path: Path) -> None:
    number = str(ask(database))
    listed = run(database, tmp_path, "approvals", "list")
    assert "personal.erase  person 7  asked by vera" in listed.stdout
    own = run(database, tmp_path, "approvals", "approve", number, "--officer", "vera")
    assert (own.returncode, own.stderr.startswith("tallystick: TS-4005: ")) == (1, True)
    nobody = run(database, tmp_path, "approvals", "approve", number, "--officer", "eve")
    assert nobody.stderr.startswith("tallystick: TS-4003: ")
    assert run(database, tmp_path, "approvals", "approve", number, "--officer", "omar").returncode == 0
    acts = run(database, tmp_path, "activity", "list", "--object", "person 7")
    assert [line.split()[4] for line in acts.stdout.splitlines()] == ["approvals.approve", "approvals.ask"]


def test_what_its_own_room_decides_is_not_decided_here(database: str) -> None:
    ask(database)
    with psycopg.connect(database) as conn:
        person = Person("vera", PORTAL)
        number = operations.ask(conn, OPEN_DEED, "batch 1", {}, "the order of the north", person, NOW)
    desk = OversightDesk(as_role(database, PORTAL_ROLE), "shell:somebody", lambda: NOW)
    for decide in (desk.approve, desk.refuse):
        with pytest.raises(Fault) as caught:
            decide("omar", number)
        assert caught.value.code == "TS-4022"
    assert {one.request_id: one.state.value for one in desk.requests(9)}[number] == "pending"


def test_what_the_worker_does_is_decided_here() -> None:
    assert set(DEEDS) <= DECIDED_ANYWHERE
    assert set(QUARANTINE_DEEDS) <= DECIDED_ANYWHERE
    assert not set(DEEDS) & DECIDED_IN_ITS_ROOM


def test_what_is_read_at_a_shell_is_an_act(database: str) -> None:
    desk = OversightDesk(as_role(database, PORTAL_ROLE), "shell:somebody", lambda: NOW)
    desk.acts(actor="", verb="", thing="", for_whom="100000001", limit=9)
    (read,) = desk.acts(actor="", verb="", thing="", for_whom="", limit=9)
    assert (read.act.actor, read.act.verb, read.act.for_whom) == ("shell:somebody", "activity.read", "100000001")


def test_a_broken_chain_ends_with_1(database: str, tmp_path: Path) -> None:
    with psycopg.connect(database) as conn:
        for number in range(3):
            activity.record(conn, Act(at=NOW, actor="officer:vera", verb="person.read", object=str(number)))
    whole = run(database, tmp_path, "activity", "verify")
    assert (whole.returncode, whole.stdout) == (0, "the activity log is whole\n")
    with psycopg.connect(database) as conn:
        conn.execute("SET session_replication_role = replica")
        conn.execute("DELETE FROM activity.entry WHERE seq = 2")
    broken = run(database, tmp_path, "activity", "verify")
    assert broken.returncode == 1
    assert broken.stdout == "entry 2: entries 2 to 2 lack\n"


def test_the_ledger_contradicts_a_forged_anchor(database: str) -> None:
    with psycopg.connect(database) as conn:
        activity.record(conn, Act(at=NOW, actor="officer:vera", verb="person.read"))
        conn.execute("INSERT INTO activity.anchor SELECT seq, link, now(), 4 FROM activity.head")
    desk = OversightDesk(as_role(database, PORTAL_ROLE), "shell:somebody", lambda: NOW)
    assert [one.what for one in desk.breaks()] == ["entry 4 of the ledger says something else"]
