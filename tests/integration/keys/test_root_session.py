"""The root comes out of its safe again: another authority, one that it revokes, its next list (S0-038, S0-039)."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import attrs
import msgspec
import psycopg
import pytest
from ceremony_people import ODD, Room, in_a_token, in_files
from cryptography import x509

from tallystick.authority.reference.pki import queries, succession
from tallystick.authority.reference.registry import operations as registry
from tallystick.crypto import sealed_keys, shares
from tallystick.crypto.certificate_facts import read_facts
from tallystick.crypto.certificates import TrustStore, der_of, verify_chain
from tallystick.crypto.pki_files import PkiFiles
from tallystick.crypto.revocation_lists import read_list
from tallystick.crypto.signers import StoreSigner
from tallystick.kernel.faults import Fault
from tallystick.ops.ceremony import commands, root_commands
from tallystick.ops.ceremony.conduct import People
from tallystick.ops.ceremony.record import Record
from tallystick.ops.ceremony.root_session import Task, session_file
from tallystick.ops.ceremony.script import ROOT_STEPS
from tallystick.ops.pki_folder import pki_of
from tallystick.ops.pki_registry import enter_hierarchy
from tallystick.ops.processes.context import system_clock
from tallystick.ops.settings import Settings
from tallystick.ops.state_folder import StateFolder

NAMES = tuple(step.name for step in ROOT_STEPS)
TASK = Task(branches=("device-ca", "service-ca"), revoke=("device-ca",))


@pytest.fixture(autouse=True)
def quick_passphrases(monkeypatch: pytest.MonkeyPatch) -> None:
    """What argon2id costs is not what is tried here."""
    monkeypatch.setattr(sealed_keys, "_MEMORY_KIB", 64)


@attrs.frozen
class Safe:
    """A finished first ceremony with its people."""

    settings: Settings
    folder: Path
    room: Room

    def hold(self, task: Task = TASK) -> Record:
        return root_commands.hold(self.settings, self.folder, self.room, task)

    @property
    def secret(self) -> bytes:
        return shares.combine([self.room.papers[name] for name in sorted(ODD)])


@pytest.fixture(params=[in_files, in_a_token], ids=["files", "pkcs11"])
def safe(request: pytest.FixtureRequest, tmp_path: Path) -> Safe:
    make: Callable[[Path], Settings] = request.param
    made = Safe(make(tmp_path), tmp_path / "ceremony", Room(ODD))
    commands.hold(made.settings, made.folder, made.room, People(), ())
    return made


def test_s0_038_a_quorum_lets_the_root_certify_another_authority_and_revoke_one(safe: Safe) -> None:
    record = safe.hold()
    files = PkiFiles(safe.folder)
    assert record.done == NAMES
    assert record.facts("task")["new"] == "device-ca-2 service-ca-2"
    assert record.facts("proof") == {"shares used": "1, 3, 5"}
    assert all(line.ticked == ["Observer 1", "Observer 2"] for line in record.lines[1:])
    root, first, second = (
        der_of(files.certificate(name).read_bytes()) for name in ("root", "device-ca", "device-ca-2")
    )
    verify_chain(second, TrustStore.from_der([root]), system_clock())
    store = commands.store_of(safe.settings, safe.folder).open(safe.secret)
    assert store.public_key("device-ca-2") == read_facts(second).public_key
    store.close()
    old, new = (
        x509.load_pem_x509_certificate(files.certificate(name).read_bytes()).extensions
        for name in ("service-ca", "service-ca-2")
    )
    for kind in (x509.NameConstraints, x509.ExtendedKeyUsage):  # what a branch may give, and for which hosts, stays
        assert old.get_extension_for_class(kind).value == new.get_extension_for_class(kind).value
    told = read_list(files.root_list.read_bytes(), root, system_clock(), above=1)
    assert {serial: one.reason for serial, one in told.revoked.items()} == {read_facts(first).serial: 2}
    assert safe.secret.hex()[:32] not in record.content.decode() + "".join(safe.room.screen)

    third = safe.hold(Task(branches=("device-ca",)))
    assert third.path == session_file(safe.folder, 2)
    assert third.facts("task")["new"] == "device-ca-3"
    assert third.facts("list")["revoked"] == "1", "what the root revoked stays revoked"


@pytest.mark.parametrize("step", ["The keys", "The certificates", "The root's list"])
def test_an_interrupted_session_goes_on_and_makes_no_second_authority(tmp_path: Path, step: str) -> None:
    safe = Safe(in_files(tmp_path), tmp_path / "ceremony", Room(ODD))
    commands.hold(safe.settings, safe.folder, safe.room, People(), ())
    safe.room.stop_at = step
    with pytest.raises(KeyboardInterrupt):
        safe.hold()
    before = Record.open(session_file(safe.folder, 1)).lines
    record = safe.hold()
    assert record.lines[: len(before)] == before
    assert PkiFiles(safe.folder).authorities("device-ca") == ["device-ca", "device-ca-2"]
    assert record.facts("list")["number"] == "2"


def test_ts_3012_ts_3022_ts_3011_ts_3035_what_the_root_does_not_do(tmp_path: Path) -> None:
    safe = Safe(in_files(tmp_path), tmp_path / "ceremony", Room(ODD))
    safe.folder.mkdir()
    with pytest.raises(Fault, match="TS-3012"):
        safe.hold()
    commands.hold(safe.settings, safe.folder, safe.room, People(), ())
    for task in (Task(branches=("moon-ca",)), Task(revoke=("device-ca-2",)), Task(revoke=("root",))):
        with pytest.raises(Fault, match="TS-3022"):
            safe.hold(task)
    with pytest.raises(Fault, match="TS-3023"):
        safe.hold(Task(revoke=("device-ca",), reason="it was old"))
    safe.room.present = {"Custodian 2"}
    with pytest.raises(Fault, match="TS-3035"):
        safe.hold()
    stranger = shares.split(shares.new_secret(), 3, 5)
    safe.room.present, safe.room.typo = ODD, lambda name, words: stranger[int(name[-1]) - 1]
    with pytest.raises(Fault, match="another ceremony"):
        safe.hold()
    safe.room.typo, safe.room.refuses = lambda name, words: words, "device-ca-2"
    with pytest.raises(Fault, match="TS-3038"):
        safe.hold()
    assert PkiFiles(safe.folder).authorities("device-ca") == ["device-ca"]
    safe.room.refuses = ""
    with pytest.raises(Fault, match="another order"):
        safe.hold(Task(branches=("staff-ca",)))
    assert safe.hold().done == NAMES


def serving(safe: Safe, connection: psycopg.Connection) -> tuple[Settings, StateFolder]:
    """Where the authority runs: what the first ceremony made was copied, and an officer is there."""
    state = StateFolder.of(safe.settings.state)
    state.make()
    shutil.copytree(safe.folder, state.keys, dirs_exist_ok=True)
    store = commands.store_of(safe.settings, safe.folder).open(safe.secret)
    pki = attrs.evolve(pki_of(safe.settings, state), elsewhere=lambda name: StoreSigner.of(store, name))
    pki.issue_tls(("localhost",), system_clock())
    pki.issue_encryption_certificate("Operator", "AQ", system_clock())
    store.close()
    enter_hierarchy(connection, pki, system_clock())
    registry.create_user(connection, "anna", "!", "Anna", "officer")
    connection.commit()
    return msgspec.structs.replace(safe.settings, database_url=connection.info.dsn), state


def test_what_the_root_made_is_brought_into_service_once(
    safe: Safe, tmp_path: Path, connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tallystick.ops.ceremony.root_commands.as_role", lambda dsn, role: dsn)
    monkeypatch.setattr("tallystick.ops.ceremony.root_commands.shell", lambda: "shell:root@here")
    settings, state = serving(safe, connection)
    safe.hold(Task(branches=("device-ca",), revoke=("staff-ca",)))
    copy = tmp_path / "stick"
    shutil.copytree(safe.folder, copy)
    exchanged = copy / "device-ca-2.pem"
    good = exchanged.read_bytes()
    exchanged.write_bytes((copy / "staff-ca.pem").read_bytes())
    with pytest.raises(Fault, match="TS-3081"):
        root_commands.bring(settings, copy, "anna")
    exchanged.write_bytes(good)
    if settings.key_store == "files":
        salt = (copy / "signing" / "store.salt").read_bytes()
        (copy / "signing" / "store.salt").write_bytes(bytes(16))
        with pytest.raises(Fault, match="sealed under another secret"):
            root_commands.bring(settings, copy, "anna")
        (copy / "signing" / "store.salt").write_bytes(salt)
    with pytest.raises(Fault, match="TS-4003"):
        root_commands.bring(settings, copy, "nobody")
    pki = pki_of(settings, state)
    assert pki.branches.names("device-ca") == ("device-ca",)

    brought = root_commands.bring(settings, copy, "anna")
    assert (brought.new, brought.withdrawn, brought.records) == (("device-ca-2",), ("staff-ca",), 1)
    again = root_commands.bring(settings, copy, "anna")
    assert (again.new, again.withdrawn, again.records) == ((), (), 0)
    assert succession.issuing(connection, "device-ca", system_clock()) == "device-ca-2"
    assert set(queries.withdrawals(connection)) == {"staff-ca"}
    if settings.key_store == "files":
        sealed_keys.SealedKeys(state.keys / "signing", safe.secret.hex().encode()).close()
        assert (state.keys / "signing" / "device-ca-2.key").exists()
    connection.rollback()
