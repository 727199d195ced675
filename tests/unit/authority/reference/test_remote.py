"""The room `remote` over a real database: given, signed and answered once, and every use of the key explained."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cards import NOW
from connected_bench import fresh_tin
from pki_bench import PkiBench, p256, refused
from remote_bench import AUDIENCE, HOLD, RELEASE, SOON, WHY, Answering, Control

from tallystick.authority.oversight.activity import queries as activity
from tallystick.authority.reference.pki.reconciling import reconcile
from tallystick.authority.reference.registry import operations as registry
from tallystick.authority.reference.remote import operations, queries
from tallystick.authority.reference.remote.values import GivenCommand, Sort, Taken
from tallystick.crypto.certificates import TrustStore
from tallystick.crypto.command_units import check_command_unit
from tallystick.kernel.device_commands import (
    LIFETIME,
    CommandKind,
    Outcome,
    PolicyChange,
    RateChange,
    Resend,
    Wanted,
)
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import sha256
from tallystick.ops.command_signing import signers, unlogged_commands
from tallystick.wire.device_command import read_command, read_result

RATES = RateChange(group=9, valid_from_ms=0, labels={"A": "20"})
LATE = NOW + timedelta(days=300)


def fetched(control: Control, uid: str) -> list[tuple[int, CommandKind]]:
    return [(one.number, one.kind) for one in operations.fetch(control.conn, uid, NOW)]


def compact_of(control: Control, given: GivenCommand) -> bytes:
    found = queries.command(control.conn, given.uid, given.number)
    assert found is not None
    assert found.compact is not None
    return found.compact


def verbs(control: Control, uid: str) -> list[str]:
    return [one.act.verb for one in activity.newest(control.conn, thing=f"device:{uid}")]


def test_s0_030_a_hold_works_at_the_authority_before_the_device_knows_of_it(control: Control, bench: PkiBench) -> None:
    given = control.give(bench.uid, HOLD)
    assert control.state(bench.uid) == "hold"
    assert fetched(control, bench.uid) == [], "it is not signed yet"
    assert control.sign() == 1
    assert fetched(control, bench.uid) == [(given.number, CommandKind.HOLD)]
    assert control.state(bench.other) == "active"
    control.give(bench.uid, RELEASE)
    assert control.state(bench.uid) == "active"
    assert verbs(control, bench.uid)[:5] == [
        "remote.command", "registry.release-device", "remote.sign", "remote.command", "registry.hold-device",
    ]  # fmt: skip


def test_commands_of_a_device_are_counted_and_the_newest_of_a_matter_stays(control: Control, bench: PkiBench) -> None:
    for wanted in (HOLD, PolicyChange(shift_hours=8), RATES, RELEASE, RATES, Resend(first=4)):
        control.give(bench.uid, wanted)
    assert control.give(bench.other, HOLD).number == 1
    control.sign()
    kinds = [(2, CommandKind.POLICY), (4, CommandKind.RELEASE), (5, CommandKind.RATES), (6, CommandKind.RESEND)]
    assert fetched(control, bench.uid) == kinds
    replaced = queries.command(control.conn, bench.uid, 1)
    assert replaced is not None
    assert (replaced.superseded_by, replaced.compact) == (4, None), "what nobody wants any more is not signed"


def test_none_is_handed_out_before_an_earlier_one_is_signed(control: Control, bench: PkiBench) -> None:
    """Two officers at once: the later number may have the earlier moment, and be signed first."""
    control.give(bench.uid, HOLD, at=SOON)
    control.give(bench.uid, RATES, at=NOW)
    control.conn.execute("UPDATE remote.command SET kid = %s, digest = %s, compact = %s, signed_at = %s "
                         "WHERE uid = %s AND number = 2", [bytes(32), bytes(32), b"a.b.c", NOW, bench.uid])  # fmt: skip
    assert fetched(control, bench.uid) == [], "a device would skip number 1 for ever"
    control.conn.rollback()
    assert control.sign(SOON) == 2
    assert fetched(control, bench.uid) == [(1, CommandKind.HOLD), (2, CommandKind.RATES)]


def test_a_command_is_believed_with_nothing_but_the_root(control: Control, bench: PkiBench) -> None:
    control.give(bench.uid, HOLD)
    control.sign()
    (given,) = operations.fetch(control.conn, bench.uid, NOW)
    assert given.compact is not None
    read = read_command(given.compact)
    roots = TrustStore.from_pem(bench.pki.files.root.read_bytes())
    came_with = signers(control.conn, {read.kid})
    check_command_unit(read.kid, came_with, roots, bench.pki.arc, read.signing_input, read.signature, NOW)
    assert (read.command.device, read.command.audience) == (bench.uid, AUDIENCE)

    def try_with(code: str, **changes: object) -> None:
        told: dict[str, object] = {"kid": read.kid, "certificates": came_with}
        told |= {"signed": read.signing_input, "signature": read.signature}
        told |= changes
        with refused(code):
            check_command_unit(roots=roots, arc=bench.pki.arc, at=NOW, **told)  # type: ignore[arg-type]

    try_with("TS-3302", signed=read.signing_input + b"A")
    try_with("TS-3302", certificates=came_with[1:])
    try_with("TS-3302", signature=bytes(64))
    try_with("TS-3302", signature=read.signature[:63])
    try_with("TS-1102", certificates=came_with[:1])
    device = bench.enrol(PkiBench(bench.conn, bench.home, bench.services).uid)
    above = bench.pki.authority_certificate("device-ca")
    try_with("TS-3302", kid=sha256(device), certificates=(device, above))


def test_each_use_of_the_key_has_its_command_and_each_command_its_use(control: Control, bench: PkiBench) -> None:
    control.give(bench.uid, HOLD)
    control.sign()
    known = queries.known_digests

    def of_commands() -> list[str]:
        """Other tests of this database leave uses of other purposes begun."""
        return [one.what for one in reconcile(control.conn, LATE, known) if "command" in one.what]

    assert of_commands() == []
    assert list(unlogged_commands(control.conn)) == []
    insert = "INSERT INTO pki.key_use (key_hash, purpose, digest, used_by, begun_at, ended_at) VALUES "
    control.conn.execute(insert + "(sha256('k'), 'command', sha256('forged'), 'nobody', now(), now())")
    assert of_commands() == ["a key signed a command that is in no register"]
    control.conn.rollback()
    control.conn.execute("ALTER TABLE pki.key_use DISABLE TRIGGER USER")
    control.conn.execute("DELETE FROM pki.key_use WHERE purpose = 'command'")
    found = [one.where for one in unlogged_commands(control.conn)]
    assert f"command 1 of {bench.uid}" in found
    control.conn.rollback()


def test_a_key_that_is_away_loses_no_command(control: Control, bench: PkiBench) -> None:
    control.give(bench.uid, HOLD)

    def away(_: bytes) -> bytes:
        raise Fault("TS-5004", detail="away", retry_after_seconds=1)

    with refused("TS-5004"):
        operations.sign_waiting(control.conn, AUDIENCE, bytes(32), away, NOW)
    control.conn.rollback()
    assert control.sign() == 1
    assert control.sign() == 0, "nothing is signed twice"


def test_ts_3301_a_taxpayer_gives_what_is_his_and_no_more(control: Control, bench: PkiBench) -> None:
    control.give(bench.uid, HOLD, by="tina")
    control.give(bench.uid, Resend(first=1), by="tina")
    control.give(bench.uid, PolicyChange(receipt_text="Open on Sunday"), by="tina")
    for wanted in (RELEASE, PolicyChange(shift_hours=8), RATES, PolicyChange(receipt_text="x", offline_hours=1)):
        with refused("TS-3301"):
            control.give(bench.uid, wanted, by="tina")
        control.conn.rollback()
    assert control.state(bench.uid) == "hold"


@pytest.mark.parametrize(
    ("code", "uid", "wanted", "reason"),
    [
        ("TS-4003", "NOBODY01", HOLD, WHY),
        ("TS-1220", "", HOLD, "short"),
        ("TS-3300", "", PolicyChange(offline_hours=73), WHY),
    ],
)
def test_what_is_refused_gives_no_command(
    control: Control, bench: PkiBench, code: str, uid: str, wanted: Wanted, reason: str
) -> None:
    with refused(code):
        control.give(uid or bench.uid, wanted, reason=reason)
    control.conn.rollback()
    assert queries.command(control.conn, bench.uid, 1) is None


def test_ts_3309_and_ts_4003_closed_devices_and_those_of_others(control: Control, bench: PkiBench) -> None:
    registry.close_device(control.conn, bench.other, NOW, "the shop closed", "officer:vera")
    with refused("TS-3309"):
        control.give(bench.other, RELEASE)
    control.conn.rollback()
    stranger = PkiBench(bench.conn, bench.home, bench.services)
    stranger.register(stranger.uid, tin=fresh_tin(stranger))
    with refused("TS-4003"):
        control.give(stranger.uid, HOLD, by="tina")
    control.conn.rollback()


def test_ts_3308_a_device_has_at_most_so_many_waiting(
    control: Control, bench: PkiBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "OPEN_MOST", 2)
    control.give(bench.uid, Resend(first=9))
    control.give(bench.uid, RATES)
    control.give(bench.uid, RATES)
    with refused("TS-3308"):
        control.give(bench.uid, HOLD)
    control.conn.rollback()
    assert control.state(bench.uid) == "active", "a hold that is refused holds nothing"


def test_a_command_that_has_ended_is_neither_signed_nor_handed_out(control: Control, bench: PkiBench) -> None:
    early = NOW - LIFETIME[CommandKind.RESEND]
    control.give(bench.uid, Resend(first=1), at=early - timedelta(seconds=1))
    assert control.sign() == 0
    control.give(bench.uid, RATES, at=early)
    control.sign(early)
    assert len(operations.fetch(control.conn, bench.uid, NOW)) == 1
    assert operations.fetch(control.conn, bench.uid, early + LIFETIME[CommandKind.RATES]) == []


@pytest.fixture
def answering(control: Control, bench: PkiBench) -> Answering:
    return Answering(bench.uid, p256(), b"its certificate", AUDIENCE)


def take(control: Control, compact: bytes) -> Taken:
    taken = operations.take_result(control.conn, read_result(compact), "1", SOON)
    control.conn.commit()
    return taken


def test_results_are_kept_once_with_their_bytes_and_end_the_command(
    control: Control, bench: PkiBench, answering: Answering
) -> None:
    given = control.give(bench.uid, HOLD)
    with refused("TS-3307"):
        take(control, answering.result(given.number, b"not signed yet"))
    control.conn.rollback()
    control.sign()
    command = compact_of(control, given)
    accepted = answering.result(1, command, Outcome.ACCEPTED, state="active")
    assert (take(control, accepted).sort, take(control, accepted).is_new) == (Sort.ACCEPTED, False)
    assert fetched(control, bench.uid) == [(1, CommandKind.HOLD)], "accepted is not done"
    done = answering.result(1, command)
    assert take(control, done).is_new
    assert fetched(control, bench.uid) == []
    again = take(control, answering.result(1, command, at=SOON + timedelta(hours=1)))
    assert (again.is_new, again.received_at) == (False, SOON), "the same word, signed anew, is no news"
    row = control.conn.execute("SELECT compact FROM remote.result WHERE uid = %s AND sort = 'final'", [bench.uid])
    assert [bytes(kept) for (kept,) in row] == [done]
    assert verbs(control, bench.uid)[0] == "remote.result"


def test_ts_3306_what_contradicts_is_kept_beside_and_changes_nothing(
    control: Control, bench: PkiBench, answering: Answering
) -> None:
    for wanted in (HOLD, RATES, Resend(first=1), PolicyChange(shift_hours=8)):
        control.give(bench.uid, wanted)
    control.sign()
    commands = {one.number: one.compact or b"" for one in operations.fetch(control.conn, bench.uid, NOW)}
    ended = NOW + LIFETIME[CommandKind.RATES]
    for number, said in (
        (1, answering.result(1, commands[1], state="active")),
        (2, answering.result(2, commands[2], at=ended)),
        (3, answering.result(3, b"a command that was never signed")),
    ):
        taken = take(control, said)
        assert (taken.sort, taken.contradicts != "") == (Sort.CONTRADICTION, True), number
        assert not take(control, said).is_new, "one is kept, not thousands"
    assert sorted(number for number, _ in fetched(control, bench.uid)) == [1, 2, 3, 4]
    take(control, answering.result(4, commands[4]))
    turned = take(control, answering.result(4, commands[4], Outcome.REFUSED))
    assert turned.contradicts == "another end of this command was told before"
    kept = queries.results(control.conn, bench.uid, 4)
    assert (kept[Sort.FINAL][0].outcome, kept[Sort.CONTRADICTION][0].outcome) == (Outcome.DONE, Outcome.REFUSED)
    assert "remote.contradiction" in verbs(control, bench.uid)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE remote.command SET payload = 'x' WHERE uid = %s",
        "UPDATE remote.command SET compact = 'x' WHERE uid = %s",
        "UPDATE remote.command SET answered_at = now() WHERE uid = %s",
        "UPDATE remote.result SET compact = 'x' WHERE uid = %s",
    ],
)
def test_no_command_and_no_result_is_changed(
    control: Control, bench: PkiBench, answering: Answering, statement: str
) -> None:
    """Nor removed before it is over: `integration/retention/test_channels.py`."""
    given = control.give(bench.uid, HOLD)
    control.sign()
    take(control, answering.result(given.number, compact_of(control, given)))
    with pytest.raises(Exception, match=r"stays what it is|never removed"):
        control.conn.execute(statement.encode(), [bench.uid])
    control.conn.rollback()
