"""Tills of the national channels in a running authority: agreement, build, certificate, place in the ledger."""

from __future__ import annotations

import time

import psycopg
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from benchmarks.authority_processes import RunningAuthority
from benchmarks.national_till import NationalTill
from tallystick.authority.oversight.approvals.values import Person
from tallystick.authority.reference.agreements import operations as agreements
from tallystick.authority.reference.builds import operations as builds
from tallystick.authority.reference.pki import enrolment
from tallystick.authority.reference.pki.services import PkiServices
from tallystick.authority.reference.registry import operations as registry
from tallystick.authority.reference.registry import queries
from tallystick.authority.reference.registry.values import FiscalDevice, Premises, Taxpayer
from tallystick.authority.room_queries import Connection
from tallystick.crypto.keys import generate_p256_key
from tallystick.crypto.pki import DemoPki
from tallystick.crypto.signatures import sign_es256
from tallystick.kernel.country_pack import CountryPack
from tallystick.kernel.device_policy import BUILD_CLASS, DeviceClass
from tallystick.kernel.identifiers import Tin, Uid
from tallystick.kernel.tax_rates import group_at
from tallystick.ops.pki_registry import pki_services
from tallystick.ops.processes.context import system_clock
from tallystick.wire.build_manifest import Manifest, write_manifest

TILLS_OF_A_TAXPAYER = 16
_UID_PREFIX = {DeviceClass.SOFTWARE: "TILL", DeviceClass.HARDWARE: "HARD"}
_OFFICER = Person("anna", "shell:anna")
_LEDGER_SECONDS = 120.0
_VIEW_SECONDS = 2.5
"""A process follows by notification, at the latest by its next poll."""


def national_tills(
    authority: RunningAuthority, count: int, origin: str, device_class: DeviceClass = DeviceClass.SOFTWARE
) -> list[NationalTill]:
    """So many registered tills of a class that have signed nothing; returns when the intake knows them."""
    country = authority.country
    with psycopg.connect(country.owner_dsn) as conn:
        tills = enrolled_tills(conn, country.pki, country.pack, count, origin, device_class)
    begin_sequences(country.owner_dsn, tills)
    time.sleep(_VIEW_SECONDS)
    return tills


def enrolled_tills(
    conn: Connection,
    pki: DemoPki,
    pack: CountryPack,
    count: int,
    origin: str,
    device_class: DeviceClass = DeviceClass.SOFTWARE,
) -> list[NationalTill]:
    """Tills with agreement, certified build and certificate; the owner of the database enters them."""
    group = group_at(pack.tax_groups, system_clock())
    assert group is not None
    build, services = _certified_build(conn, device_class), pki_services(pki)
    tills, place = [], 0
    for number in range(count):
        tin = Tin(f"{500_000_000 + 1_000_000 * device_class + number // TILLS_OF_A_TAXPAYER}")
        if number % TILLS_OF_A_TAXPAYER == 0:
            place = _taxpayer(conn, tin)
        till = NationalTill(f"{_UID_PREFIX[device_class]}{number:04d}", tin, origin, build=build, group=group)
        _enrol(conn, services, till, place, device_class)
        tills.append(till)
        conn.commit()
    return tills


def begin_sequences(dsn: str, tills: list[NationalTill]) -> None:
    """Wait until each till's registration is in the ledger, and take over where its sequence begins."""
    with psycopg.connect(dsn, autocommit=True) as conn:
        until = time.monotonic() + _LEDGER_SECONDS
        for till in tills:
            while not (link := _genesis(conn, till.uid)):
                assert time.monotonic() < until, f"{till.uid} was never entered into the ledger"
                time.sleep(0.05)
            till.link = link


def _certified_build(conn: Connection, device_class: DeviceClass) -> str:
    key, at, maker = generate_p256_key(), system_clock(), f"bench-{device_class.word}"
    builds.register_maker(conn, maker, "Bench Ltd", key.public, _OFFICER, at, user_id=None)
    manifest = Manifest(
        maker=maker,
        product="Till",
        version="1.0",
        build_class=BUILD_CLASS[device_class],
        files={"till.py": "aa" * 32},
    )
    build = builds.submit(
        conn, write_manifest(manifest, key.public.spki, lambda text: sign_es256(key, text)), f"maker:{maker}", at
    )
    builds.certify(conn, build, _OFFICER, "tested for this benchmark", at)
    return build


def _taxpayer(conn: Connection, tin: Tin) -> int:
    at = system_clock()
    registry.register_taxpayer(conn, Taxpayer(tin, f"Chain {tin}"))
    agreements.conclude(conn, queries.taxpayer, f"A-{tin}", tin, at, None, _OFFICER, at)
    return registry.register_premises(conn, Premises(tin=tin, code="1", name="Shop 1", address="1 Ice Road"))


def _enrol(
    conn: Connection, services: PkiServices, till: NationalTill, premises: int, device_class: DeviceClass
) -> None:
    uid = Uid(till.uid)
    registry.register_fiscal_device(
        conn,
        FiscalDevice(
            uid=uid, device_class=device_class, tin=Tin(till.tin), premises_id=premises, maker="bench", model="Till",
            serial_number=uid, memory_report="lab 1" if device_class is DeviceClass.HARDWARE else "",
        ),
    )  # fmt: skip
    at = system_clock()
    code = enrolment.issue_code(conn, services, uid, "officer:anna", at)
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(till.device.key, hashes.SHA256())
    till.device.certificate = enrolment.enrol(conn, services, uid, code, request.public_bytes(Encoding.DER), at)


def _genesis(conn: Connection, uid: str) -> bytes | None:
    row = conn.execute("SELECT genesis FROM registry.fiscal_device WHERE uid = %s", [uid]).fetchone()
    return None if row is None else row[0]
