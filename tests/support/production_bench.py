"""A station over a test's own database: two persons, taxpayers, batches, blanks whose keys were made ahead."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import attrs
import psycopg
from cards import NOW, country, rsa_key
from file_keys import know_file_keys

from tallystick.authority.oversight.approvals.values import Person
from tallystick.authority.reference.production import batches, custody, making, queries
from tallystick.authority.reference.production.custody import Account
from tallystick.authority.reference.production.hardware import profile_of
from tallystick.authority.reference.production.lifecycle import Deed, State
from tallystick.authority.reference.production.moving import Country
from tallystick.authority.reference.production.values import Batch, Module
from tallystick.authority.reference.registry.operations import create_user, register_taxpayer
from tallystick.authority.reference.registry.values import Taxpayer
from tallystick.crypto.keys import PrivateKey
from tallystick.device.applet.blank import VIRTUAL_HARDWARE, supply
from tallystick.device.applet.contacts import Transmission, contacts
from tallystick.device.applet.module import VirtualModule
from tallystick.device.secure_element.port import CardPort
from tallystick.device.secure_element.t0 import T0Port
from tallystick.kernel.fiscal_module import Hardware
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.identifiers import Tin
from tallystick.ops.production.run import DemoIssuer
from tallystick.ops.production.station import Station, StationPlan
from tallystick.ops.schema.roles import INTAKE, PORTAL, as_role

Connection = psycopg.Connection[Any]
Result = TypeVar("Result")
VERA, OMAR = Person("vera", "portal"), Person("omar", "portal")
REASON = "the yearly order of the northern district"
ENVIRONMENT = (1, 9)
PRINTER = 99
"""Which of the shared test keys is the letters' printer's."""
_FIRST_MODULE_KEY = 100


def order(count: int, *, form: str = "card", first: int = 1) -> bytes:
    """An order of so many modules."""
    rows = [
        f'1000000{number % 3 + 1:02d},"Grocers, Ltd",Store {number},{number} Harbour Street,North,McMurdo,{form}'
        for number in range(first, first + count)
    ]
    return "\n".join(["tin,business_name,location_name,address,district,city,form", *rows]).encode()


@attrs.define(slots=True)
class KeyMaker:
    """Gives keys that were made ahead, each once; ``next_number`` moves back to give the same ones again."""

    next_number: int = _FIRST_MODULE_KEY

    def __call__(self) -> PrivateKey:
        self.next_number += 1
        return rsa_key(self.next_number - 1)


@attrs.frozen(slots=True, kw_only=True)
class TestBox:
    """Virtual blanks in a folder, as `VirtualBox` has them, with keys made ahead."""

    __test__ = False

    folder: Path
    make_key: Callable[[], PrivateKey] = attrs.field(factory=KeyMaker)
    hardware: Hardware = VIRTUAL_HARDWARE
    transmission: Transmission = Transmission.T1
    wrap: Callable[[CardPort], CardPort] = lambda port: port

    def place(self, slot: int) -> Path:
        """Where a blank lies."""
        return self.folder / f"{slot:06d}"

    @contextmanager
    def insert(self, module: Module) -> Iterator[CardPort]:
        """Power it on."""
        place = self.place(module.slot)
        if not place.exists():
            supply(place, attrs.evolve(self.hardware, form_factor=module.form_factor))
        powered = VirtualModule.open(place, make_key=self.make_key)
        touched = contacts(powered, self.transmission)
        try:
            yield self.wrap(T0Port(touched) if self.transmission is Transmission.T0 else touched)
        finally:
            powered.power_off()


@attrs.frozen(slots=True)
class ProductionBench:
    """The room and its persons; each deed is a transaction of the role that does it."""

    dsn: str

    @classmethod
    def of(cls, dsn: str) -> ProductionBench:
        """With the officers vera and omar, a taxpayer's user, and three taxpayers."""
        with psycopg.connect(dsn) as conn:
            for name in ("vera", "omar"):
                create_user(conn, name, "!", name.title(), "officer")
            create_user(conn, "tom", "!", "Tom", "taxpayer")
            for number in (1, 2, 3):
                register_taxpayer(conn, Taxpayer(Tin(f"1000000{number:02d}"), f"Grocers {number} Ltd"))
        know_file_keys(dsn, country(ENVIRONMENT).pki, NOW)
        return cls(dsn)

    def ask(self, count: int = 1, *, blanks: int | None = None, **changes: Any) -> Batch:
        """Ask for a batch, as vera."""
        wanted: dict[str, Any] = {
            "profile": "virtual",
            "blanks": blanks or count,
            "years": 4,
            "usual_limit": Money.of(1_000),
            "reason": REASON,
            "by": VERA,
            "at": NOW,
        }
        data = changes.pop("data", None) or order(count, form=changes.pop("form", "card"))
        return self.do(lambda conn: batches.ask_to_open(conn, data, **(wanted | changes)))

    def open(self, count: int = 1, **changes: Any) -> Batch:
        """A batch that vera asked for and omar opened."""
        batch = self.ask(count, **changes)
        return self.do(lambda conn: batches.approve(conn, batch.batch_id, OMAR, NOW))

    def act(self, number: str, deed: Deed, at: datetime = NOW, **account: str) -> State:
        """Something is done to a module."""
        return self.do(lambda conn: custody.do(conn, number, deed, Account(**account), VERA, at))

    def modules(self, batch: Batch, state: State | None = None) -> list[Module]:
        """The modules of a batch."""
        return self.do(lambda conn: queries.modules(conn, batch.batch_id, state))

    def do(self, work: Callable[[Connection], Result]) -> Result:
        """A transaction of the portal's role."""
        with psycopg.connect(as_role(self.dsn, PORTAL)) as conn:
            return work(conn)

    def value(self, query: str) -> Any:
        """One value of the database."""
        with psycopg.connect(self.dsn) as conn:
            row = conn.execute(query.encode()).fetchone()
        assert row is not None
        return row[0]

    def begin_anew(self) -> None:
        """Forget every batch and module, as nobody but a test can: quicker than another database."""
        with psycopg.connect(self.dsn) as conn:
            conn.execute("SET session_replication_role = replica")
            conn.execute(
                """TRUNCATE production.batch, production.order_line, production.module, production.number,
                   production.public_key, production.print_job, production.report, registry.secure_element,
                   registry.premises, registry.revoked_certificate, activity.entry, activity.head,
                   approvals.request RESTART IDENTITY CASCADE"""
            )

    @contextmanager
    def station(
        self, conn: Connection | None = None, **changes: Any
    ) -> Iterator[Station]:  # fmt: skip
        """A working place."""
        with conn or psycopg.connect(as_role(self.dsn, INTAKE)) as own:
            yield station(own, **changes)


def station(conn: Connection, **changes: Any) -> Station:
    """A working place on a connection."""
    home = country(ENVIRONMENT).pki
    plan = StationPlan(
        profile=profile_of("virtual"),
        country=Country(environment=ENVIRONMENT, encryption_key="package", country="AQ"),
        api_url="https://localhost:8443/",
        vsdc_url="",
        categories=3,
        encryption_key=home.public_key("package"),
        proof_key=home.public_key("poa"),
        printer_key=rsa_key(PRINTER).public,
    )
    parts: dict[str, Any] = {
        "conn": conn,
        "issuer": DemoIssuer(home),
        "plan": plan,
        "clock": lambda: NOW,
        "choose_number": making.random_number,
    }
    return Station(**(parts | changes))
