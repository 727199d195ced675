"""The later ceremonies of the root, wired: hold one where its store is, and bring what it made to where it serves."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import attrs
import psycopg

from tallystick.authority.keys import operations as keys
from tallystick.authority.reference.pki import lists, withdrawing
from tallystick.authority.reference.pki_registry import RegistryOfDevices
from tallystick.authority.reference.registry.persons import person
from tallystick.crypto.certificates import TrustStore, der_of, verify_chain
from tallystick.crypto.pki import DemoPki
from tallystick.crypto.pki_files import PkiFiles
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import sha256
from tallystick.kernel.instants import Clock
from tallystick.kit.atomic_file import write_atomically
from tallystick.ops.ceremony.commands import RECORD, plan_of
from tallystick.ops.ceremony.conduct import Console, People
from tallystick.ops.ceremony.places import CeremonyStore, sealed_store, token_store
from tallystick.ops.ceremony.record import Record
from tallystick.ops.ceremony.root_session import RootConductor, Task, finished_sessions, session_record
from tallystick.ops.ceremony.script import NAMES
from tallystick.ops.database import open_database
from tallystick.ops.key_store import sealed_folder
from tallystick.ops.override_desk import shell
from tallystick.ops.pki_folder import pki_of
from tallystick.ops.pki_registry import enter_hierarchy
from tallystick.ops.processes.context import system_clock
from tallystick.ops.schema.roles import INTAKE, as_role
from tallystick.ops.settings import Settings, SettingsError
from tallystick.ops.state_folder import StateFolder

_SALT = "store.salt"


def hold(
    settings: Settings, folder: Path, console: Console, task: Task, *, observers: int = 2, hosts: tuple[str, ...] = ()
) -> Record:
    """A session of the root, or the rest of one, in the folder of the first ceremony.

    Raises ``TS-3012`` (that ceremony is not at its end), ``TS-3022`` and ``TS-3023`` (the order names what is not
    there), and the faults of `Leader.run`.
    """
    first = Record.open(folder / RECORD)
    if first.done != NAMES:
        raise Fault("TS-3012", detail="the first ceremony is not at its end in this folder")
    return RootConductor(
        console=console,
        record=session_record(folder),
        people=People(observers=observers),
        clock=system_clock,
        plan=attrs.evolve(plan_of(settings, folder, ()), hosts=hosts),
        first=first,
        task=task,
        open_store=_store_of(settings, folder).open,
    ).run()


def _store_of(settings: Settings, folder: Path) -> CeremonyStore:
    """The store of the first ceremony; its first PIN is long void."""
    if settings.key_store == "files":
        return sealed_store(folder / "signing")
    if not (settings.hsm_module and settings.hsm_token):
        raise SettingsError("key_store: a token needs hsm_module and hsm_token")
    return token_store(Path(settings.hsm_module), settings.hsm_token, "")


@attrs.frozen(kw_only=True)
class Brought:
    """What came of bringing a folder: names of authorities that are new here, and of those that are withdrawn now."""

    new: tuple[str, ...]
    withdrawn: tuple[str, ...]
    records: int


def bring(settings: Settings, folder: Path, officer: str, clock: Clock = system_clock) -> Brought:
    """Put what the root made into service: keys that are sealed files, certificates, its list, hashes of the records.

    The same again changes nothing. Raises ``TS-3036`` (a record was changed), ``TS-3081`` (of another root, other
    than its record, or sealed for another store), ``TS-4003`` (no such officer) and what `lists.take` raises.
    """
    state, at = StateFolder.of(settings.state), clock()
    pki, sessions = pki_of(settings, state), finished_sessions(folder)
    if not sessions:
        raise Fault("TS-3012", detail="no ceremony of the root is at its end in this folder")
    made = {name: der for record in sessions for name, der in _certificates(folder, record, pki, at)}
    root_list = PkiFiles(folder).root_list.read_bytes()
    with open_database(settings, state) as dsn, psycopg.connect(as_role(dsn, INTAKE)) as conn:
        by = person(conn, officer, shell(), ("officer", "operator")).actor
        lists.take(conn, "root", root_list, by, at)
        new = [name for name in made if not pki.files.certificate(name).exists()]
        for name in new:
            _bring_key(settings, folder, state, name)
            write_atomically(pki.files.certificate(name), PkiFiles(folder).certificate(name).read_bytes(), mode=0o644)
        write_atomically(pki.files.root_list, root_list, mode=0o644)
        enter_hierarchy(conn, pki, at)
        withdrawn = withdrawing.follow_root_list(conn, RegistryOfDevices(), by, at)
        count = sum(keys.enter_record(conn, one.hash, kind="root", at=at, actor=by) for one in sessions)
    return Brought(new=tuple(new), withdrawn=tuple(withdrawn), records=count)


def _certificates(folder: Path, record: Record, pki: DemoPki, at: datetime) -> Iterator[tuple[str, bytes]]:
    """Name and certificate (DER) of each authority that a session made, if they are what its record says."""
    root = TrustStore.from_pem(pki.files.root.read_bytes())
    for name, digest in record.facts("certificates").items():
        try:
            der = der_of(PkiFiles(folder).certificate(name).read_bytes())
        except (OSError, ValueError) as error:
            raise Fault("TS-3081", detail=f"the certificate of {name} is not in the folder") from error
        if sha256(der).hex() != digest:
            raise Fault("TS-3081", detail=f"the certificate of {name} is another one than the record's")
        try:
            verify_chain(der, root, at)
        except Fault as fault:
            raise Fault("TS-3081", detail=f"the root of this country has not certified {name}: {fault}") from fault
        yield name, der


def _bring_key(settings: Settings, folder: Path, state: StateFolder, name: str) -> None:
    """The sealed file of a new key; a token has its own already."""
    if settings.key_store != "files" or not (folder / "signing" / f"{name}.key").exists():
        return
    source, target = folder / "signing", sealed_folder(state)
    if source.resolve() == target.resolve():
        return
    if (source / _SALT).read_bytes() != (target / _SALT).read_bytes():
        raise Fault("TS-3081", detail="the keys here are sealed under another secret than those of the ceremony")
    for ending in ("pub", "key"):
        write_atomically(target / f"{name}.{ending}", (source / f"{name}.{ending}").read_bytes(), mode=0o600)
