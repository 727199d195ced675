"""Test registers of the sandbox: a company with its agreement, and a device of each class of the national channels.

What a maker of registers or an ERP team has to bring is here once: a certified build, premises, a key and its
certificate. Each deed is the room's own, and can be repeated after any interruption.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import psycopg

from tallystick.authority.oversight.approvals.values import PORTAL, Person
from tallystick.authority.reference.agreements import operations as agreements
from tallystick.authority.reference.agreements import queries as agreement_queries
from tallystick.authority.reference.builds import operations as builds
from tallystick.authority.reference.builds import queries as build_queries
from tallystick.authority.reference.pki import enrolment
from tallystick.authority.reference.pki.codes import show_code
from tallystick.authority.reference.pki.services import PkiServices
from tallystick.authority.reference.registry import operations as registry
from tallystick.authority.reference.registry import queries
from tallystick.authority.reference.registry.ports import ConnectingServices
from tallystick.authority.reference.registry.registering import free_uid, register_device
from tallystick.authority.reference.registry.values import FiscalDevice, FormFactor, Premises, Taxpayer
from tallystick.crypto.certificates import certificates_of, pem_of, read_certificate
from tallystick.crypto.est import write_request
from tallystick.crypto.keys import generate_p256_key, load_private_key, store_private_key
from tallystick.crypto.signatures import sign_es256
from tallystick.kernel.builds import BuildState
from tallystick.kernel.country_pack import CountryPack
from tallystick.kernel.device_policy import BUILD_CLASS, NEEDS_A_POINT, DeviceClass
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import sha256
from tallystick.kernel.identifiers import Tin, Uid
from tallystick.kernel.invoice import Seller
from tallystick.kit.atomic_file import write_atomically
from tallystick.simulation.national.setup import DevicePlan
from tallystick.simulation.sign_in import OFFICERS
from tallystick.wire.build_manifest import Manifest, write_manifest

Connection = psycopg.Connection[Any]

COMPANY = Taxpayer(Tin("100000033"), "Test Company Ltd")
AGREEMENT = "SANDBOX-1"
MAKER = "sandbox-test-maker"
CLASSES = (DeviceClass.SOFTWARE, DeviceClass.HARDWARE, DeviceClass.ERP)
_UIDS = {DeviceClass.SOFTWARE: "SBTILL01", DeviceClass.HARDWARE: "SBHARD01", DeviceClass.ERP: "SBERPC01"}
_PRODUCT = b"Whatever its maker is writing against this sandbox: the files of a build stand in its manifest.\n"
_REASON = "the build of a sandbox, for whatever is tried there"
_RENEWED_BEFORE = timedelta(days=30)


@attrs.frozen(kw_only=True)
class TestRegisters:
    """The company's devices and what belongs to them, in one folder each."""

    __test__ = False

    root: Path
    """`demo/sandbox/registers` in the state folder."""
    pack: CountryPack
    services: PkiServices
    connecting: ConnectingServices
    clock: Callable[[], datetime]

    def folder(self, uid: str) -> Path:
        """Key, certificate and facts of one device."""
        return self.root / uid

    def prepare(self, portal_dsn: str, intake_dsn: str) -> dict[str, str]:
        """Make what is missing; gives the id of the build (hex) by UID.

        A class that the country takes no channel of is left out.
        """
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        with psycopg.connect(portal_dsn) as conn:
            made = {kind: self._certified_build(conn, kind) for kind in CLASSES}
            self._conclude(conn)
        with psycopg.connect(intake_dsn) as conn:
            place = self._premises(conn)
            conn.commit()
            ready = {}
            for kind in CLASSES:
                if not self.pack.devices.channels[kind]:
                    continue
                uid = _UIDS[kind]
                self._enter(conn, uid, kind, place)
                conn.commit()
                self._enrol(conn, uid)
                ready[uid] = made[kind]
        return ready

    def register(self, intake_dsn: str, kind: DeviceClass) -> tuple[str, str]:
        """A further device of the company, for a key that its maker makes: its UID and a one-time code."""
        with psycopg.connect(intake_dsn) as conn:
            uid = free_uid(conn)
            self._enter(conn, uid, kind, self._premises(conn))
            return uid, show_code(self._code(conn, uid))

    def build(self, kind: DeviceClass) -> str:
        """The id of the certified build of a class, hex; raises ``OSError`` before `prepare`."""
        return sha256(self._manifest_file(kind).read_bytes()).hex()

    def _manifest_file(self, kind: DeviceClass) -> Path:
        return self.root / "maker" / f"build-{kind.word}.jws"

    def _certified_build(self, conn: Connection, kind: DeviceClass) -> str:
        """What the test maker signed, and an officer certified."""
        officer, at, file = Person(OFFICERS[0], PORTAL), self.clock(), self._manifest_file(kind)
        file.parent.mkdir(mode=0o700, exist_ok=True)
        key_file = file.parent / "release-key.pem"
        if not key_file.exists():
            store_private_key(key_file, generate_p256_key())
        key = load_private_key(key_file)
        if not file.exists():
            write_atomically(file.parent / "product.txt", _PRODUCT)
            manifest = Manifest(
                maker=MAKER,
                product=f"Test {kind.word}",
                version="1.0",
                build_class=BUILD_CLASS[kind],
                files={"product.txt": sha256(_PRODUCT).hex()},
            )
            write_atomically(file, write_manifest(manifest, key.public.spki, lambda text: sign_es256(key, text)))
        builds.register_maker(conn, MAKER, "Sandbox Test Maker", key.public, officer, at, user_id=None)
        build_id = builds.submit(conn, file.read_bytes(), f"maker:{MAKER}", at)
        build = build_queries.build(conn, build_id)
        if build is not None and build.state is BuildState.SUBMITTED:
            builds.certify(conn, build_id, officer, _REASON, at)
        return build_id

    def _conclude(self, conn: Connection) -> None:
        registry.register_taxpayer(conn, COMPANY)
        at = self.clock()
        if not agreement_queries.in_force(conn, COMPANY.tin, at):
            number = f"{AGREEMENT}-{at:%Y%m%d%H%M%S}" if agreement_queries.agreements(conn, COMPANY.tin) else AGREEMENT
            officer = Person(OFFICERS[0], PORTAL)
            agreements.conclude(conn, queries.taxpayer, number, COMPANY.tin, at, None, officer, at)

    def plan(self, uid: str, kind: DeviceClass) -> DevicePlan:
        """A device of the company as its own folder describes it (`setup.write_register`)."""
        place = self._place()
        seller = Seller(
            tin=COMPANY.tin,
            business_name=COMPANY.business_name,
            location_name=place.name,
            address=place.address,
            district=place.district,
            city=place.city,
            country=place.country,
        )
        return DevicePlan(
            uid=Uid(uid),
            device_class=kind,
            seller=seller,
            place=place.code,
            form_factor=FormFactor.OTHER,
            maker=MAKER,
            model=f"Test {kind.word}",
            memory_number=_memory_number(uid, kind),
        )

    def _place(self) -> Premises:
        return Premises(
            tin=COMPANY.tin, code="1", name="Test premises", address="3 Sandbox Street", city=self.pack.city,
            country=self.pack.country,
        )  # fmt: skip

    def _premises(self, conn: Connection) -> int:
        return registry.register_premises(conn, self._place())

    def _enter(self, conn: Connection, uid: str, kind: DeviceClass, place: int) -> None:
        device = FiscalDevice(
            uid=Uid(uid),
            device_class=kind,
            tin=COMPANY.tin,
            premises_id=place if kind in NEEDS_A_POINT else None,
            maker=MAKER,
            model=f"Test {kind.word}",
            serial_number=uid,
            memory_number=_memory_number(uid, kind),
        )
        register_device(conn, self.connecting, device, "process:sandbox", self.clock())

    def _code(self, conn: Connection, uid: str) -> str:
        return enrolment.issue_code(conn, self.services, uid, f"officer:{OFFICERS[0]}", self.clock())

    def _enrol(self, conn: Connection, uid: str) -> None:
        """Key and certificate. Request and code lie on the disk before they are used, so that whatever ends this in
        between, the same request with its code gets the same certificate."""
        folder = self.folder(uid)
        folder.mkdir(mode=0o700, exist_ok=True)
        certificate, key, request, code = (folder / name for name in ("device.pem", "device.key", "request", "code"))
        if certificate.exists():
            ends = read_certificate(certificates_of(certificate.read_bytes())[0]).not_valid_after_utc
            if ends - self.clock() > _RENEWED_BEFORE:
                return None
            certificate.unlink()
        if not code.exists():
            store_private_key(key, generate_p256_key())
            write_atomically(request, write_request(load_private_key(key), uid))
            secret = self._code(conn, uid)
            conn.commit()
            write_atomically(code, secret.encode(), mode=0o600)
        try:
            der = enrolment.enrol(conn, self.services, uid, code.read_text(), request.read_bytes(), self.clock())
        except Fault as fault:
            conn.rollback()
            if fault.code != "TS-3001":
                raise
            code.unlink()  # it was never used, and has ended: begin anew
            return self._enrol(conn, uid)
        conn.commit()
        write_atomically(certificate, pem_of(der))
        for used in (code, request):
            used.unlink()
        return None


def _memory_number(uid: str, kind: DeviceClass) -> str:
    return f"FM-{uid}" if kind is DeviceClass.HARDWARE else ""
