"""Commands to many devices: two officers, bounds, and which devices are meant (S0-030)."""

from __future__ import annotations

import pytest
from cards import NOW
from pki_bench import PkiBench, refused
from remote_bench import HOLD, SOON, WHY, Control, officer

from tallystick.authority.oversight.activity import queries as activity
from tallystick.authority.oversight.approvals import operations as approvals
from tallystick.authority.reference.remote import many, operations
from tallystick.authority.reference.remote.ports import Selection
from tallystick.kernel.device_commands import Resend, Wanted
from tallystick.ops.approved_deeds import do_approved
from tallystick.ops.remote_devices import DEVICES


def test_a_command_to_many_needs_two_officers(control: Control, bench: PkiBench) -> None:
    conn, tin = control.conn, DEVICES.device(control.conn, bench.uid).tin  # type: ignore[union-attr]
    asked = many.ask_for_many(
        conn, DEVICES, control.rules, Selection.TAXPAYER, tin, HOLD, WHY, officer("vera"), NOW
    )  # fmt: skip
    number, devices = asked
    conn.commit()
    assert devices == 2
    with refused("TS-4005"):
        approvals.approve(conn, number, officer("vera"), NOW)
    conn.rollback()
    assert do_approved(conn, NOW) == 0
    assert control.state(bench.uid) == "active"
    approvals.approve(conn, number, officer("omar"), NOW)
    conn.commit()
    assert do_approved(conn, NOW) == 1
    assert {control.state(uid) for uid in (bench.uid, bench.other)} == {"hold"}
    control.sign()
    assert [one.wanted for one in operations.fetch(conn, bench.other, NOW)] == [HOLD]
    assert do_approved(conn, NOW) == 0, "once"
    (act,) = activity.newest(conn, verb=many.GIVE_MANY, for_whom=tin)
    assert act.act.facts["given"] == "2"


def test_commands_to_many_are_bounded_and_of_officers(
    control: Control, bench: PkiBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask(code: str, by: str, wanted: Wanted, selection: Selection, name: str, role: str = "officer") -> None:
        with refused(code):
            who = officer(by) if role == "officer" else type(officer(by))(by, "portal", role)
            many.ask_for_many(control.conn, DEVICES, control.rules, selection, name, wanted, WHY, who, NOW)
        control.conn.rollback()

    ask("TS-3301", "tina", HOLD, Selection.MAKER, "Maker", "taxpayer")
    ask("TS-3301", "vera", Resend(first=1), Selection.MAKER, "Maker")
    ask("TS-4003", "vera", HOLD, Selection.TAXPAYER, "")
    ask("TS-4003", "vera", HOLD, Selection.BUILD, "a" * 64)
    monkeypatch.setattr(many, "DEVICES_MOST", 1)
    ask("TS-3308", "vera", HOLD, Selection.MAKER, "Maker")


def test_a_selection_that_grew_beyond_the_bound_is_not_taken_for_whole(
    control: Control, bench: PkiBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    conn, tin = control.conn, DEVICES.device(control.conn, bench.uid).tin  # type: ignore[union-attr]
    number, _ = many.ask_for_many(
        conn, DEVICES, control.rules, Selection.TAXPAYER, tin, HOLD, WHY, officer("vera"), NOW
    )  # fmt: skip
    approvals.approve(conn, number, officer("omar"), NOW)
    conn.commit()
    monkeypatch.setattr(many, "DEVICES_MOST", 1)
    assert do_approved(conn, NOW) == 1
    (act,) = activity.newest(conn, verb=many.GIVE_MANY, for_whom=tin)
    assert (act.act.facts["given"], act.act.facts["left_out"]) == ("1", "some")


def test_a_build_selects_the_devices_that_proved_it_last(control: Control, bench: PkiBench) -> None:
    insert = "INSERT INTO builds.proved (uid, build_id, first_at, last_at) VALUES (%s, %s, %s, %s)"
    old, new = "b" * 64, "c" * 64
    control.conn.execute("ALTER TABLE builds.proved DISABLE TRIGGER USER")
    for uid, build, at in ((bench.uid, old, NOW), (bench.uid, new, SOON), (bench.other, old, SOON)):
        control.conn.execute(insert, [uid, build, at, at])
    assert DEVICES.selected(control.conn, Selection.BUILD, old, 10) == [bench.other]
    assert DEVICES.selected(control.conn, Selection.BUILD, new, 10) == [bench.uid]
    control.conn.rollback()
