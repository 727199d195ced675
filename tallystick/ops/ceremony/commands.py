"""The ceremony's commands, wired: hold one, rehearse one, give its secret to the key processes, enter its keys."""

from __future__ import annotations

import tempfile
from pathlib import Path

import psycopg

from tallystick.authority.keys import operations
from tallystick.crypto.national_oids import DOCUMENTATION_ARC
from tallystick.kernel.faults import Fault
from tallystick.kit.atomic_file import write_atomically
from tallystick.ops.authority_keys import enter_statements
from tallystick.ops.ceremony.conduct import Conductor, Console, People, gather_shares
from tallystick.ops.ceremony.making import STATEMENTS, Making, Plan, statement_file
from tallystick.ops.ceremony.places import CeremonyStore, sealed_store, token_store
from tallystick.ops.ceremony.record import Record
from tallystick.ops.ceremony.script import NAMES
from tallystick.ops.database import open_database
from tallystick.ops.key_store import read_secret_file
from tallystick.ops.override_desk import shell
from tallystick.ops.packs import load_pack
from tallystick.ops.processes.context import system_clock
from tallystick.ops.schema.roles import INTAKE, as_role
from tallystick.ops.settings import Settings, SettingsError
from tallystick.ops.state_folder import StateFolder

RECORD = "ceremony-record.jsonl"
LOOPBACK = ("localhost", "127.0.0.1", "::1")


def hold(settings: Settings, folder: Path, console: Console, people: People, hosts: tuple[str, ...]) -> Record:
    """A ceremony in earnest, or the rest of one; raises the faults of `Conductor.run`."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    store = store_of(settings, folder)
    making = Making(plan_of(settings, folder, hosts), store.prepare, store.open)
    record = Record.open(folder / RECORD)
    return Conductor(console=console, record=record, making=making, people=people, clock=system_clock).run()


def rehearse(settings: Settings, console: Console, people: People, hosts: tuple[str, ...]) -> Record:
    """The same with keys that nobody keeps, in a folder that goes away; the store of the settings is not opened."""
    with tempfile.TemporaryDirectory(prefix="tallystick-rehearsal-") as name:
        store = sealed_store(Path(name) / "signing")
        making = Making(plan_of(settings, Path(name), hosts), store.prepare, store.open)
        conductor = Conductor(
            console=console, record=Record(None), making=making, people=people, clock=system_clock, is_rehearsal=True
        )
        return conductor.run()


def store_of(settings: Settings, folder: Path) -> CeremonyStore:
    """The store that the settings name; sealed files lie in the ceremony's folder. Raises ``SettingsError``."""
    if settings.key_store == "files":
        return sealed_store(folder / "signing")
    if not (settings.hsm_module and settings.hsm_token and settings.key_store_secret_file):
        raise SettingsError("key_store: a token needs hsm_module, hsm_token and key_store_secret_file (its first PIN)")
    first_pin = read_secret_file(settings.key_store_secret_file).decode()
    return token_store(Path(settings.hsm_module), settings.hsm_token, first_pin)


def plan_of(settings: Settings, folder: Path, hosts: tuple[str, ...]) -> Plan:
    """What is made for the country of the settings."""
    pack = load_pack(settings.country)
    return Plan(
        folder=folder,
        organization=pack.organization_name,
        country=pack.country,
        environment=pack.environment,
        origin=settings.log_origin,
        hosts=hosts or LOOPBACK,
        publication_url=settings.pki_url,
        arc=pack.certificates.arc or DOCUMENTATION_ARC,
    )


def activate(settings: Settings, folder: Path, console: Console, secret_file: Path) -> None:
    """Write what the key processes read, from the shares of a quorum; raises ``TS-3011``, ``TS-3035``."""
    people = Record.open(folder / RECORD).facts("people")
    names = [name for part, name in people.items() if part.startswith("custodian")]
    if not names:
        raise Fault("TS-3012", detail="no shares were handed out in this ceremony")
    secret, _ = gather_shares(console, names, int(people["quorum"]))
    store = sealed_store(folder) if settings.key_store == "files" else token_store(Path(), "", "")
    write_atomically(secret_file, store.activation(secret).encode() + b"\n", mode=0o600)


def enter(settings: Settings, folder: Path) -> tuple[int, bool]:
    """Register the keys of a finished ceremony and hand the record's hash to the ledger.

    How many keys were new, and whether the record was; a second time nothing is. Raises ``TS-3012`` when the ceremony
    is not at its end, ``TS-3036`` when its record was changed, ``TS-3030`` when the country has other keys.
    """
    record = Record.open(folder / RECORD)
    if record.done != NAMES:
        raise Fault("TS-3012", detail="the ceremony is not at its end")
    statements = [statement_file(folder, series).read_bytes() for series in STATEMENTS]
    actor, now = shell(), system_clock()
    with (
        open_database(settings, StateFolder.of(settings.state)) as dsn,
        psycopg.connect(as_role(dsn, INTAKE)) as conn,
    ):
        count = enter_statements(conn, statements, at=now, actor=actor)
        is_new = operations.enter_record(conn, record.hash, kind="authority-keys", at=now, actor=actor)
    return count, is_new
