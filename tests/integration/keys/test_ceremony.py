"""The key ceremony, held whole: five custodians, of whom 1, 3 and 5 come; in sealed files and in SoftHSM2 (S0-039)."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import msgspec
import psycopg
import pytest
from ceremony_people import ODD, Room, in_a_token, in_files

from tallystick.authority.keys import queries
from tallystick.authority.keys.values import LOG
from tallystick.crypto import sealed_keys, shares
from tallystick.crypto.certificates import TrustStore
from tallystick.crypto.hsm import KeyStore
from tallystick.crypto.key_purposes import KeyPurpose, verify_use
from tallystick.crypto.policy import Use
from tallystick.crypto.sealed_keys import WrongPassphrase
from tallystick.crypto.wrapped_keys import open_wrapped
from tallystick.kernel.faults import Fault
from tallystick.ops.authority_keys import WRAPPING, package_folder
from tallystick.ops.ceremony import commands
from tallystick.ops.ceremony.conduct import Conductor, People
from tallystick.ops.ceremony.making import Making
from tallystick.ops.ceremony.record import Record, verify_record
from tallystick.ops.ceremony.script import NAMES
from tallystick.ops.processes.context import system_clock
from tallystick.ops.settings import Settings

PEOPLE = People()
Told = Callable[[Path], Settings]


@pytest.fixture(params=[in_files, in_a_token], ids=["files", "pkcs11"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    made: Settings = request.param(tmp_path)
    return made


@pytest.fixture(autouse=True)
def quick_passphrases(monkeypatch: pytest.MonkeyPatch) -> None:
    """What argon2id costs is not what is tried here."""
    monkeypatch.setattr(sealed_keys, "_MEMORY_KIB", 64)


def hold(settings: Settings, folder: Path, room: Room) -> Record:
    return commands.hold(settings, folder, room, PEOPLE, ())


def opened(settings: Settings, folder: Path, secret: bytes) -> KeyStore:
    return commands.store_of(settings, folder).open(secret)


def test_s0_039_a_whole_ceremony_with_shares_1_3_and_5(
    settings: Settings, tmp_path: Path, connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, room = tmp_path / "ceremony", Room(ODD)
    record = hold(settings, folder, room)
    assert record.done == NAMES
    assert record.facts("proof") == {"shares used": "1, 3, 5"}
    assert all(line.ticked == ["Observer 1", "Observer 2"] for line in record.lines[1:])

    secret = shares.combine([room.papers[name] for name in sorted(ODD)])
    written = record.content.decode() + "".join(room.screen)
    assert secret.hex()[:32] not in written
    assert not any(paper[:40] in written for paper in room.papers.values())

    store = opened(settings, folder, secret)
    assert {store.purpose(label) for label in ("root", "secure-element-ca", "service-ca")} == {KeyPurpose.AUTHORITY}
    for label, use in (("log", Use.SIGN_CHECKPOINT), ("poa", Use.SIGN_PROOF), ("root", Use.SIGN_CERTIFICATE_P384)):
        assert store.public_key(label).fingerprint.hex() == record.facts("keys")[label]
        verify_use(store.public_key(label), use, b"text", store.sign(label, use, b"text"))
    package = open_wrapped(store, WRAPPING, package_folder(folder), "package")
    assert package.public.fingerprint.hex() == record.facts("keys")["package"]
    store.close()
    TrustStore.from_pem((folder / "root.pem").read_bytes(), (folder / "secure-element-ca.pem").read_bytes())

    monkeypatch.setattr("tallystick.ops.ceremony.commands.as_role", lambda dsn, role: dsn)
    told = msgspec.structs.replace(settings, database_url=connection.info.dsn)
    assert commands.enter(told, folder) == (3, True)
    assert commands.enter(told, folder) == (0, False), "a second time nothing is entered"
    assert queries.active_key(connection, LOG).public_key.fingerprint.hex() == record.facts("keys")["log"]
    events = connection.execute("SELECT kind, body FROM keys.event ORDER BY event_id").fetchall()
    assert [kind for kind, _ in events] == [0x0B, 0x0B, 0x0B, 0x03]
    acts = connection.execute("SELECT count(*) FROM activity.entry WHERE verb = 'keys.ceremony'").fetchone()
    assert acts == (1,)
    other = tmp_path / "other"
    hold(in_files(tmp_path), other, Room(ODD))
    with pytest.raises(Fault, match="TS-3030"):
        commands.enter(told, other)
    assert msgspec.json.decode(events[3][1])["record"] == record.hash.hex()


def test_two_shares_open_nothing(tmp_path: Path) -> None:
    settings, folder, room = in_files(tmp_path), tmp_path / "ceremony", Room(ODD)
    hold(settings, folder, room)
    target = tmp_path / "activation"
    for two in itertools.combinations(sorted(room.papers), 2):
        room.present = set(two)
        with pytest.raises(Fault, match="TS-3035"):
            commands.activate(settings, folder, room, target)
        assert not target.exists()
    room.present = set(sorted(room.papers)[1:4])
    commands.activate(settings, folder, room, target)
    assert target.stat().st_mode & 0o777 == 0o600
    secret = bytes.fromhex(target.read_text())
    opened(settings, folder, secret).close()
    with pytest.raises(WrongPassphrase):
        opened(settings, folder, bytes(32))


def test_a_rehearsal_touches_nothing(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(*_: object) -> None:
        raise AssertionError("a rehearsal opens no store of the settings")

    monkeypatch.setattr(commands, "store_of", nobody)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    record = commands.rehearse(settings, Room(ODD), PEOPLE, ())
    assert record.done == NAMES
    assert record.facts("place")["kind"] == "rehearsal"
    assert record.path is None
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_ts_3012_steps_come_in_their_order_alone(tmp_path: Path) -> None:
    settings, folder = in_files(tmp_path), tmp_path / "ceremony"
    folder.mkdir()
    store = commands.store_of(settings, folder)
    making = Making(commands.plan_of(settings, folder, ()), store.prepare, store.open)
    record = Record.open(folder / "record")
    conductor = Conductor(console=Room(ODD), record=record, making=making, people=PEOPLE, clock=system_clock)
    for name in NAMES[1:]:
        with pytest.raises(Fault, match="the step that is due is people"):
            conductor.carry_out(name)
    conductor.carry_out("people")
    with pytest.raises(Fault, match="due is place, not people"):
        conductor.carry_out("people")
    assert not (folder / "signing").exists()


@pytest.mark.parametrize("step", ["The keys", "The certificates", "Each key signs once"])
def test_an_interrupted_ceremony_goes_on_where_it_stopped(settings: Settings, tmp_path: Path, step: str) -> None:
    if settings.key_store == "pkcs11" and step != "The keys":
        pytest.skip("one interruption in a token is enough")
    folder, room = tmp_path / "ceremony", Room(ODD, stop_at=step)
    with pytest.raises(KeyboardInterrupt):
        hold(settings, folder, room)
    before = Record.open(folder / commands.RECORD).lines
    record = hold(settings, folder, room)
    assert record.done == NAMES
    assert record.lines[: len(before)] == before
    with pytest.raises(Fault, match="at its end"):
        hold(settings, folder, room)


def test_ts_3011_a_wrong_share_is_typed_again_and_then_refused(tmp_path: Path) -> None:
    settings, folder, room = in_files(tmp_path), tmp_path / "ceremony", Room(ODD)
    room.typo = lambda name, words: words.replace(words.split()[4], "academic") if name == "Custodian 3" else words
    with pytest.raises(Fault, match="TS-3011"):
        hold(settings, folder, room)
    assert sum("Custodian 3, the words" in prompt for prompt in room.secret_prompts) == 3
    assert Record.open(folder / commands.RECORD).done == ("people", "place", "shares")
    assert not list(folder.rglob("*.key"))
    stranger = shares.split(shares.new_secret(), 3, 5)
    room.typo = lambda name, words: stranger[int(name[-1]) - 1]
    with pytest.raises(Fault, match="another ceremony"):
        hold(settings, folder, room)
    room.typo = lambda name, words: words
    assert hold(settings, folder, room).done == NAMES


def test_ts_3035_too_few_custodians_and_ts_3038_an_observer_who_refuses(tmp_path: Path) -> None:
    settings, folder, room = in_files(tmp_path), tmp_path / "ceremony", Room({"Custodian 2", "Custodian 4"})
    with pytest.raises(Fault, match="TS-3035 3 custodians are needed, 2 are here"):
        hold(settings, folder, room)
    room.present, room.refuses = ODD, "shares used"
    with pytest.raises(Fault, match="TS-3038"):
        hold(settings, folder, room)
    assert Record.open(folder / commands.RECORD).done == ("people", "place", "shares")


def test_ts_3036_a_record_that_was_changed_is_refused(tmp_path: Path) -> None:
    settings, folder = in_files(tmp_path), tmp_path / "ceremony"
    record = hold(settings, folder, Room(ODD))
    content = record.content
    assert verify_record(content) == record.lines
    lines = content.splitlines(keepends=True)
    forged = (
        content.replace(b"Observer 2", b"Observer 9", 1),
        b"".join(lines[:3] + lines[4:]),
        b"".join([*lines[:2], lines[3], lines[2], *lines[4:]]),
        content + b"{}\n",
    )
    for one in forged:
        with pytest.raises(Fault, match="TS-3036"):
            verify_record(one)
    assert Record(None, verify_record(b"".join(lines[:-1]))).hash != record.hash, "a cut end has another hash"


def test_ts_3037_a_store_that_holds_keys_is_refused(tmp_path: Path) -> None:
    settings, folder, room = in_files(tmp_path), tmp_path / "ceremony", Room(ODD, stop_at="The store takes")
    with pytest.raises(KeyboardInterrupt):
        hold(settings, folder, room)
    secret = shares.combine([room.papers[name] for name in sorted(ODD)])
    store = opened(settings, folder, secret)
    store.generate_wrapping("other")
    store.close()
    with pytest.raises(Fault, match="TS-3037"):
        hold(settings, folder, room)
