"""A shop that connects registers, for tests of first requests: taxpayer, agreement, point, certified builds."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

import attrs
from cards import NOW
from connected_bench import ANNA, conclude, fresh_tin
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pki_bench import PkiBench, p256, rows

from tallystick.authority.reference.registry import operations as registry
from tallystick.authority.reference.registry import recognition, register_rules, registering
from tallystick.authority.reference.registry.ports import ConnectingServices
from tallystick.authority.reference.registry.presented import Answer, Presentation
from tallystick.authority.reference.registry.values import FiscalDevice, FormFactor, Premises
from tallystick.crypto.keys import PublicKey
from tallystick.kernel.device_policy import DeviceClass
from tallystick.kernel.identifiers import Tin
from tallystick.ops.connecting import connecting_services
from tallystick.ops.packs import load_pack

EST = "https://enrol.example/.well-known/est/"
BUILD, HARD_BUILD, WITHDRAWN = "ab" * 32, "cd" * 32, "ef" * 32
WHY = "nobody here knows this register"
SERIALS = (f"SN-{number}" for number in itertools.count(1))
ADDRESSES = (f"198.51.100.{number}" for number in itertools.count(1))


def certify_builds(bench: PkiBench) -> None:
    """One maker with certified builds of two classes and one that was withdrawn."""
    bench.conn.execute("INSERT INTO builds.maker VALUES ('acme', 'Acme Ltd', 'k', NULL, true, now())")
    for build, kind, state in (
        (BUILD, "software-register", "certified"),
        (HARD_BUILD, "hardware-register", "certified"),
        (WITHDRAWN, "software-register", "suspended"),
    ):
        bench.conn.execute(
            """INSERT INTO builds.build (build_id, maker, product, version, class, manifest, submitted_at)
               VALUES (%s, 'acme', 'Till ' || %s, '1', %s, 'm', now())""",
            [build, build[:2], kind],
        )
        for step in dict.fromkeys(("certified", state)):
            bench.conn.execute("UPDATE builds.build SET state = %s WHERE build_id = %s", [step, build])
    bench.conn.commit()


@attrs.define
class Shop:
    """A taxpayer with an agreement and a shop, and the services of the house."""

    bench: PkiBench
    tin: Tin
    premises: int
    services: ConnectingServices
    address: str = attrs.field(factory=lambda: next(ADDRESSES))

    def presentation(self, **changes: Any) -> Presentation:
        told: dict[str, Any] = {
            "tin": self.tin,
            "device_class": DeviceClass.SOFTWARE,
            "build_id": BUILD,
            "serial_number": next(SERIALS),
            "key_hash": PublicKey.from_spki(spki(p256())).fingerprint,
            "form_factor": FormFactor.SMARTPHONE,
        }
        return Presentation(**(told | changes))

    def present(self, asked: Presentation, at: Any = NOW) -> Answer:
        answer = recognition.present(self.bench.conn, self.services, asked, came_from=self.address, at=at)
        self.bench.conn.commit()
        return answer

    def premises_more(self, code: str) -> int:
        made = registry.register_premises(
            self.bench.conn, Premises(tin=self.tin, code=code, name=f"Shop {code}", address="Main Street 1")
        )
        self.bench.conn.commit()
        return made


def spki(key: Any) -> bytes:

    made: bytes = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return made


def open_shop(bench: PkiBench) -> Shop:
    """A taxpayer of its own with an agreement and one point."""
    tin = fresh_tin(bench)
    conclude(bench, tin)
    made = Shop(bench, tin, 0, connecting_services(load_pack("AQ"), EST))
    made.premises = made.premises_more("1")
    return made


def devices(shop: Shop) -> list[tuple[object, ...]]:
    """What is registered of it: UID and point."""
    return rows(shop.bench.conn, f"SELECT uid, premises_id FROM registry.fiscal_device WHERE tin = '{shop.tin}'")


def device(shop: Shop, **changes: Any) -> FiscalDevice:
    """A device of the shop, as a person enters it."""
    told: dict[str, Any] = {
        "uid": registering.free_uid(shop.bench.conn),
        "device_class": 1,
        "tin": shop.tin,
        "premises_id": shop.premises,
        "maker": "acme",
        "model": "Till ab",
        "serial_number": next(SERIALS),
    }
    return FiscalDevice(**(told | changes))


def accept(shop: Shop, most: int = 2, **changes: Any) -> int:
    """The word of an officer in advance; the rule's number."""
    told: dict[str, Any] = {
        "premises_id": shop.premises,
        "makers": ("acme",),
        "until": NOW + timedelta(days=3),
        "by": ANNA,
    }
    number = register_rules.accept_registers(shop.bench.conn, shop.tin, most=most, at=NOW, **(told | changes))
    shop.bench.conn.commit()
    return number
