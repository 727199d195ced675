"""The simulated country's foundation: its keys, its database, its rates, and the addresses that its cards carry.

Making it can be repeated after any interruption; what is there stays.
"""

from __future__ import annotations

import socket
from collections.abc import Container, Mapping
from pathlib import Path
from typing import Any

import attrs
import msgspec
import psycopg

from tallystick.authority.keys.queries import keys as first_keys
from tallystick.authority.reference.registry.operations import create_user
from tallystick.authority.reference.taxrates.operations import publish_group
from tallystick.crypto.hsm import KeyStore
from tallystick.crypto.keys import PublicKey
from tallystick.crypto.national_oids import DOCUMENTATION_ARC
from tallystick.crypto.pki import DemoPki
from tallystick.kernel.country_pack import CountryPack
from tallystick.kit.atomic_file import write_atomically
from tallystick.ops.authority_keys import KeyMaker, enter_statements, first_statements
from tallystick.ops.key_store import open_key_store
from tallystick.ops.packs import load_pack
from tallystick.ops.pki_folder import open_pki
from tallystick.ops.pki_registry import enter_hierarchy
from tallystick.ops.postgres import EmbeddedPostgres
from tallystick.ops.processes.context import system_clock
from tallystick.ops.schema.migrate import migrate
from tallystick.ops.schema.roles import INTAKE, PORTAL, as_role
from tallystick.ops.settings import Settings
from tallystick.ops.state_folder import StateFolder
from tallystick.simulation.sign_in import OFFICERS, OPERATOR_USER

_PORTS_TRIED = 50


class CountryTaken(RuntimeError):
    """The state folder holds something that this run cannot go on with; the message says what helps."""


class Birth(msgspec.Struct, frozen=True):
    """What is fixed when a country is made: cards carry the address, so the port stays."""

    code: str
    device_api_port: int
    pki_port: int = 0

    @property
    def api_url(self) -> str:
        """The address of the device API as the cards carry it."""
        return f"https://127.0.0.1:{self.device_api_port}/"

    @property
    def pki_url(self) -> str:
        """The address of revocation lists and OCSP as certificates carry it."""
        return f"http://127.0.0.1:{self.pki_port}/"


@attrs.define
class Country:
    """An opened country: where it lies, its pack and keys, its running database."""

    state: StateFolder
    pack: CountryPack
    pki: DemoPki
    birth: Birth
    owner_dsn: str
    database: EmbeddedPostgres | None

    @property
    def api_url(self) -> str:
        """The address of the device API as the cards carry it."""
        return self.birth.api_url

    @property
    def intake_dsn(self) -> str:
        """The connection string of the role that registers and reads."""
        return as_role(self.owner_dsn, INTAKE)

    @property
    def portal_dsn(self) -> str:
        """The connection string of the role that serves officers and makers."""
        return as_role(self.owner_dsn, PORTAL)

    @property
    def books(self) -> Path:
        """The tills' own lists of what they sold."""
        return self.state.demo / "books"

    @property
    def plans(self) -> Path:
        """Names and PINs of the shops' cards."""
        return self.state.demo / "shops"

    def close(self) -> None:
        """Stop the database."""
        if self.database is not None:
            self.database.stop()


def open_country(settings: Settings, state: StateFolder) -> Country:
    """Open the country in the state folder, or make one; raises ``CountryTaken`` and ``PostgresError``."""
    pack = load_pack(settings.country)
    state.make()
    birth = _birth(state, settings, pack)
    store = open_key_store(settings, state)
    public_keys = KeyMaker(store, state.keys).make()
    pki = _keys(state, pack, birth, public_keys)
    database = None if settings.database_url else EmbeddedPostgres(state.postgres, copies=state.binaries)
    owner_dsn = settings.database_url or (database.start() if database is not None else "")
    try:
        migrate(owner_dsn)
        _fill(as_role(owner_dsn, INTAKE), pack, pki)
        with psycopg.connect(as_role(owner_dsn, INTAKE)) as connection:
            _enter_keys(connection, store, public_keys, settings.log_origin)
    except BaseException:
        if database is not None:
            database.stop()
        raise
    finally:
        store.close()
    return Country(state, pack, pki, birth, owner_dsn, database)


def read_birth(state: StateFolder) -> Birth:
    """What was fixed when the country in this folder was made; raises ``OSError`` where there is none."""
    return msgspec.json.decode((state.demo / "country.json").read_bytes(), type=Birth)


def _birth(state: StateFolder, settings: Settings, pack: CountryPack) -> Birth:
    file = state.demo / "country.json"
    if not file.exists():
        birth = Birth(
            code=pack.code,
            device_api_port=free_port(settings.device_api_port),
            pki_port=free_port(settings.pki_port),
        )
        write_atomically(file, msgspec.json.encode(birth))
        return birth
    birth = read_birth(state)
    if birth.code != pack.code:
        raise CountryTaken(f"this state folder holds the country {birth.code}; FRESH=1 makes a new one")
    if free_port(birth.device_api_port, tries=1) != birth.device_api_port:
        raise CountryTaken(
            f"port {birth.device_api_port} is taken, and the cards of this country carry it. "
            "End what uses it, or make a new country with FRESH=1"
        )
    return birth


def free_port(wanted: int, *, tries: int = _PORTS_TRIED, avoid: Container[int] = ()) -> int:
    """The first port at or above ``wanted`` that nobody listens on and nobody of ours will; 0 when there is none."""
    for port in range(wanted, wanted + tries):
        if port in avoid:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    return 0


def _keys(state: StateFolder, pack: CountryPack, birth: Birth, public_keys: Mapping[str, PublicKey]) -> DemoPki:
    done = state.keys / "complete"
    if not done.exists():
        DemoPki.create(
            state.keys,
            environment=pack.environment,
            organization=pack.organization_name,
            country=pack.country,
            at=system_clock(),
            publication_url=birth.pki_url,
            arc=pack.certificates.arc or DOCUMENTATION_ARC,
            days=pack.certificates.days,
            public_keys=public_keys,
        )
        write_atomically(done, b"")
    pki = load_keys(state, pack)
    if not pki.is_whole:
        raise CountryTaken("this country was made before it had a national PKI; FRESH=1 makes a new one")
    pki.renew_tls(system_clock())
    return pki


def _enter_keys(
    connection: psycopg.Connection[Any], store: KeyStore, public_keys: Mapping[str, PublicKey], origin: str
) -> None:
    """Register the first key of each series, once."""
    if len(first_keys(connection)) < len(public_keys):
        at = system_clock()
        statements = first_statements(store, public_keys, origin, at)
        enter_statements(connection, statements.values(), at=at, actor="process:setup")


def load_keys(state: StateFolder, pack: CountryPack) -> DemoPki:
    """The keys of the country in this folder."""
    return open_pki(state, pack, read_birth(state).pki_url)


def _fill(dsn: str, pack: CountryPack, pki: DemoPki) -> None:
    with psycopg.connect(dsn) as connection:
        enter_hierarchy(connection, pki, system_clock())
        for group in pack.tax_groups:
            publish_group(connection, group)
        create_user(connection, OPERATOR_USER, "!", f"Operator of {pack.name}", "operator")
        for number, name in enumerate(OFFICERS, 1):
            create_user(connection, name, "!", f"Officer {number} of {pack.name}", "officer")
