"""A national PKI over a real database for tests: the hierarchy entered, a taxpayer with devices, and their requests."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

import attrs
import psycopg
import pytest
from cards import NOW, TIN, Country, country
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from psycopg.conninfo import make_conninfo

from tallystick.authority.reference.pki import enrolment
from tallystick.authority.reference.pki.services import PkiServices
from tallystick.authority.reference.registry import operations as registry
from tallystick.authority.reference.registry.values import FiscalDevice, Premises, Taxpayer
from tallystick.authority.room_queries import Connection
from tallystick.crypto.pki import DemoPki
from tallystick.kernel.faults import Fault
from tallystick.kernel.identifiers import Tin, Uid
from tallystick.ops.pki_registry import enter_hierarchy, pki_services

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
OFFICER = "officer:anna"


def p256() -> ec.EllipticCurvePrivateKey:
    """A new key of a device, as foreign software would make it."""
    return ec.generate_private_key(ec.SECP256R1())


def csr(key: Key, *names: tuple[x509.ObjectIdentifier, str]) -> bytes:
    """A PKCS #10 request, DER, with the given names and nothing else."""
    subject = x509.Name([x509.NameAttribute(oid, value) for oid, value in names])
    digest = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    return builder.sign(key, digest).public_bytes(Encoding.DER)


def named(uid: str) -> tuple[x509.ObjectIdentifier, str]:
    """The subject attribute in which a device says its number."""
    return NameOID.SERIAL_NUMBER, uid


_NUMBERS = itertools.count(1)


def fresh_uid() -> str:
    """A number that no device of these tests has yet."""
    return f"DV{next(_NUMBERS):06d}"


@attrs.frozen
class PkiBench:
    """The room with everything it needs, on one connection; ``uid`` and ``other`` are free for two devices."""

    conn: Connection
    home: Country
    services: PkiServices
    uid: str = attrs.field(factory=fresh_uid)
    other: str = attrs.field(factory=fresh_uid)

    @property
    def pki(self) -> DemoPki:
        """The folder of keys."""
        return self.home.pki

    def register(self, uid: str, *, device_class: int = 1, tin: str = TIN, serial: str = "") -> FiscalDevice:
        """Enter a device, with its taxpayer and premises."""
        registry.register_taxpayer(self.conn, Taxpayer(Tin(tin), "Corner Shop Ltd"))
        place = Premises(tin=Tin(tin), code="1", name="Shop 1", address="Main Street 1")
        premises = registry.register_premises(self.conn, place)
        device = FiscalDevice(
            uid=Uid(uid),
            device_class=device_class,
            tin=Tin(tin),
            premises_id=premises,
            maker="Maker",
            model="Till",
            serial_number=serial or uid,
        )
        made = registry.register_fiscal_device(self.conn, device)
        self.conn.commit()
        return made

    def code(self, uid: str, at: datetime = NOW) -> str:
        """A one-time code."""
        made = enrolment.issue_code(self.conn, self.services, uid, OFFICER, at)
        self.conn.commit()
        return made

    def enrol(self, uid: str, key: Key | None = None, at: datetime = NOW, tin: str = TIN) -> bytes:
        """A device with its first certificate, DER."""
        self.register(uid, tin=tin)
        return enrolment.enrol(self.conn, self.services, uid, self.code(uid, at), csr(key or p256()), at)


@contextmanager
def shared_database(server: str, name: str) -> Iterator[Connection]:
    """One migrated database for a whole file of tests, since a copy costs more than most of them."""
    administrator = make_conninfo(server, dbname="postgres")
    with psycopg.connect(administrator, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE tallystick STRATEGY file_copy".encode())
    try:
        with psycopg.connect(make_conninfo(server, dbname=name)) as connection:
            yield connection
    finally:
        with psycopg.connect(administrator, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def pki_bench(connection: Connection, services: Callable[[DemoPki], PkiServices] = pki_services) -> PkiBench:
    """The room on a fresh database; the hierarchy is that of the shared test country."""
    home = country()
    enter_hierarchy(connection, home.pki, NOW)
    connection.commit()
    return PkiBench(connection, home, services(home.pki))


def refused(code: str) -> pytest.RaisesExc[Fault]:
    """What must be refused with this code."""
    return pytest.RaisesExc(Fault, check=lambda fault: fault.code == code)


def rows(connection: psycopg.Connection[tuple[object, ...]], query: str) -> list[tuple[object, ...]]:
    """What the database has, for a test that looks behind the room."""
    return connection.execute(query.encode()).fetchall()
