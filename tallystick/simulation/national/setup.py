"""What makes a national company: taxpayer with agreement and points of sale, certified builds, registers, ERP systems.

Plain functions, each of which may be repeated: what stands already stays. Devices enrol over EST with a one-time code,
as a shop's do; nothing of the authority's keys comes near them.
"""

from __future__ import annotations

import base64
import http.client
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import attrs
import msgspec

from tallystick.authority.oversight.approvals.values import PORTAL, Person
from tallystick.authority.reference.agreements import operations as agreements
from tallystick.authority.reference.agreements import queries as agreement_queries
from tallystick.authority.reference.pki import enrolment
from tallystick.authority.reference.registry import operations as registry
from tallystick.authority.reference.registry import queries
from tallystick.authority.reference.registry.values import FiscalDevice, FormFactor, Premises, Taxpayer
from tallystick.authority.room_queries import Connection
from tallystick.crypto.certificates import is_self_signed, pem_of
from tallystick.crypto.est import read_certs_only, write_request
from tallystick.crypto.keys import generate_p256_key, load_private_key, store_private_key
from tallystick.crypto.pki import DemoPki
from tallystick.crypto.tls import tls_client_context
from tallystick.device.ecr.device_files import CERTIFICATE, ROOT
from tallystick.device.ecr.enrolment import enrol
from tallystick.device.ecr.place import begin_register
from tallystick.device.ecr.setup_file import FILE, read_register_file
from tallystick.kernel.country_pack import CountryPack
from tallystick.kernel.device_policy import NEEDS_A_POINT, DeviceClass
from tallystick.kernel.identifiers import Uid
from tallystick.kernel.invoice import Seller
from tallystick.kit.atomic_file import write_atomically
from tallystick.ops.pki_registry import pki_services
from tallystick.ops.processes.context import system_clock
from tallystick.simulation.sign_in import OFFICERS
from tallystick.wire.est import read_base64, write_base64
from tallystick.wire.tax_rates import tax_rate_groups_json

MAKER = "tallystick"
_EST_SECONDS = 20.0
_ENCODER = msgspec.json.Encoder(decimal_format="number")
_OFFICER = Person(OFFICERS[0], PORTAL)


@attrs.frozen(kw_only=True)
class DevicePlan:
    """A device before it is made: its UID, class, owner and place; ``place`` is the owner's own name of the point.

    ``model`` is what it is called on its receipts, ``memory_number`` that of its write-once memory, where one is known.
    """

    uid: Uid
    device_class: DeviceClass
    seller: Seller
    place: str
    form_factor: FormFactor
    maker: str = MAKER
    model: str = attrs.field()
    memory_number: str = ""

    @model.default
    def _own_model(self) -> str:
        return f"Tallystick {self.device_class.word}"


@attrs.frozen(kw_only=True)
class Addresses:
    """Where a device finds the authority: the national door, EST, renewal advice, and the page of its receipts."""

    door: str
    est: str
    renewal: str
    receipts: str
    audience: str


def passphrase_in(folder: Path) -> tuple[Path, str]:
    """The file with the passphrase of a fleet's keys, made where there is none, and what stands in it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = folder / "passphrase"
    if not file.exists():
        write_atomically(file, secrets.token_urlsafe(18).encode(), mode=0o600)
    return file, file.read_text(encoding="utf-8").strip()


def enter_device(conn: Connection, plan: DevicePlan) -> None:
    """Taxpayer, agreement, point of sale and device in the registry."""
    seller, at = plan.seller, system_clock()
    registry.register_taxpayer(conn, Taxpayer(seller.tin, seller.business_name))
    if not agreement_queries.in_force(conn, seller.tin, at):
        agreements.conclude(conn, queries.taxpayer, f"A-{seller.tin}", seller.tin, at, None, _OFFICER, at)
    point = None
    if plan.device_class in NEEDS_A_POINT:
        point = registry.register_premises(
            conn,
            Premises(
                tin=seller.tin,
                code=plan.place,
                name=seller.location_name,
                address=seller.address,
                city=seller.city,
                district=seller.district,
                country=seller.country,
            ),
        )
    registry.register_fiscal_device(
        conn,
        FiscalDevice(
            uid=plan.uid,
            device_class=plan.device_class,
            tin=seller.tin,
            premises_id=point,
            maker=plan.maker,
            model=plan.model,
            serial_number=plan.uid,
            form_factor=plan.form_factor,
            memory_number=plan.memory_number,
        ),
    )


def one_time_code(conn: Connection, pki: DemoPki, uid: Uid) -> str:
    """What an officer hands to whoever puts the device into service."""
    return enrolment.issue_code(conn, pki_services(pki), uid, _OFFICER.actor, system_clock())


def write_register(folder: Path, plan: DevicePlan, pack: CountryPack, pki: DemoPki, to: Addresses, build: str) -> None:
    """``register.json`` and the root beside it; addresses may be others in each run."""
    seller = plan.seller
    told: dict[str, Any] = {
        "uid": plan.uid,
        "class": plan.device_class.word,
        "seller": {
            "tin": seller.tin,
            "business_name": seller.business_name,
            "location_name": seller.location_name,
            "address": seller.address,
            "district": seller.district,
        },
        "maker": plan.maker,
        "model": plan.model,
        "serial_number": plan.uid,
        "memory_number": plan.memory_number,
        "premises": plan.place,
        "build": build,
        "audience": to.audience,
        "verification_page": to.receipts,
        "authority": to.door,
        "enrolment": to.est,
        "renewal": to.renewal,
        "currency": pack.currency,
        "currency_places": str(pack.currency_places),
        "time_zone": pack.time_zone,
        "languages": list(pack.languages),
        "shift_hours": str(pack.channels.shift_hours),
        "rates": tax_rate_groups_json(pack.tax_groups),
    }
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_atomically(folder / ROOT, pki.files.root.read_bytes())
    write_atomically(folder / FILE, _ENCODER.encode(told))


def is_enrolled(folder: Path) -> bool:
    """Whether a register, or an ERP system, has its certificate."""
    return (folder / CERTIFICATE).exists()


def enrol_register(folder: Path, passphrase: str, code: str) -> None:
    """Its key, its memory, and its first certificate over EST."""
    files = begin_register(folder, passphrase)
    enrol(files, read_register_file(folder), code)


def enrol_system(folder: Path, uid: Uid, pki: DemoPki, est: str, code: str) -> None:
    """An ERP system's key and certificate, as its maker does it with any client of EST (RFC 7030).

    Raises ``OSError`` and ``ConnectionError`` where it does not come about; the same again goes on.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    key_file = folder / "device.key"
    if not key_file.exists():
        store_private_key(key_file, generate_p256_key())
    request = write_base64(write_request(load_private_key(key_file), uid))
    credentials = base64.b64encode(f"{uid}:{code}".encode()).decode("ascii")
    kind = {"Content-Type": "application/pkcs10", "Content-Transfer-Encoding": "base64"}
    [issued] = _ask(pki, est, "simpleenroll", request, kind | {"Authorization": f"Basic {credentials}"})
    chain = [one for one in _ask(pki, est, "cacerts", None, {}) if not is_self_signed(one)]
    write_atomically(folder / ROOT, pki.files.root.read_bytes())
    write_atomically(folder / CERTIFICATE, b"".join(map(pem_of, [issued, *chain])), mode=0o600)


def _ask(pki: DemoPki, est: str, operation: str, body: bytes | None, headers: dict[str, str]) -> tuple[bytes, ...]:
    parts, context = urlsplit(est), tls_client_context(pki.files.root)
    connection = http.client.HTTPSConnection(
        parts.hostname or "", parts.port, timeout=_EST_SECONDS, context=context
    )  # fmt: skip
    try:
        method = "GET" if body is None else "POST"
        connection.request(method, f"{parts.path.rstrip('/')}/{operation}", body, headers)
        answer = connection.getresponse()
        content = answer.read()
    finally:
        connection.close()
    if answer.status != 200:
        raise ConnectionError(f"EST {operation}: status {answer.status}: {content[:200].decode('utf-8', 'replace')}")
    return read_certs_only(read_base64(content))


def has_begun(conn: Connection, uid: Uid) -> bool:
    """Whether the ledger has the device's registration: from then on it may report."""
    found = queries.national_device(conn, uid)
    return found is not None and found.registration_index is not None
