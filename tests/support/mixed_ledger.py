"""One ledger with cards of TaxCore and registers of the national channels, their certificates of one national PKI."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import msgspec
import psycopg
from ledger_bench import ORIGIN
from pki_bench import PkiBench
from signed_ledger import SignedLedger

from benchmarks.national_documents import Made, Register
from tallystick.authority.ledger.client import append_blocking
from tallystick.authority.ledger.entry import Channel, NewEntry
from tallystick.authority.projections.inspections import queries
from tallystick.authority.projections.inspections.tasks import watch
from tallystick.authority.projections.inspections.values import Case, CaseState
from tallystick.authority.projections.verification.tasks import follow
from tallystick.authority.reference.registry import operations as registry
from tallystick.authority.reference.registry.values import Taxpayer
from tallystick.crypto.certificates import der_of
from tallystick.kernel.hashing import sha256
from tallystick.kernel.identifiers import Tin
from tallystick.ops.inspections import detectors
from tallystick.ops.packs import load_pack
from tallystick.ops.pki_registry import enter_hierarchy, pki_services
from tallystick.ops.schema.roles import INTAKE, as_role
from tallystick.ops.settings import Settings

CARDS = {"ABCD1234": "100000001"}
TILL, TRUCK = "TILL0001", "TRUCK001"
TIN, BOTH = "300000003", "100000001"
"""One taxpayer has registers alone, the other a card and a register."""
BUYER = "10:998877665"


@attrs.define
class MixedLedger:
    """A card, an online till and an offline register; ``since`` is when the first of them sells."""

    signed: SignedLedger
    pki: PkiBench
    since: datetime
    till: Register = attrs.field(init=False)
    truck: Register = attrs.field(init=False)

    @classmethod
    def make(cls, folder: Path, dsn: str, connection: Any, since: datetime) -> MixedLedger:
        """Keys, certificates and registry; the card and both devices are registered in the log."""
        signed = SignedLedger.make(folder, dsn, cards=CARDS)
        begun = since - timedelta(days=2)
        enter_hierarchy(connection, signed.pki, begun)
        connection.commit()
        bench = PkiBench(connection, signed, pki_services(signed.pki))  # type: ignore[arg-type]
        made = cls(signed, bench, since)
        made.till = made._register(TILL, TIN, 1, Channel.ECR_ONLINE, begun)
        made.truck = made._register(TRUCK, BOTH, 2, Channel.ECR_OFFLINE, begun)
        signed.book(register=True)
        made.book(registration(made.till), registration(made.truck))
        for register in (made.till, made.truck):
            [(link,)] = signed.ledger.rows(
                "SELECT link FROM ledger.device_heads WHERE signed_by = %s", register.device.uid
            )
            register.device.link = bytes(link)
        return made

    def _register(self, uid: str, tin: str, device_class: int, channel: Channel, at: datetime) -> Register:
        registry.register_taxpayer(self.pki.conn, Taxpayer(Tin(tin), f"Business {tin}"))
        self.pki.register(uid, device_class=device_class, tin=tin, serial=f"SN-{uid}")
        made = Register.of(uid, tin, ORIGIN, self.since, channel)
        made.device.certificate = self._enrol(uid, made, at)
        return made

    def _enrol(self, uid: str, register: Register, at: datetime) -> bytes:
        from pki_bench import csr, named

        from tallystick.authority.reference.pki import enrolment

        code = self.pki.code(uid, at)
        request = csr(register.device.key, named(uid))
        certificate = enrolment.enrol(self.pki.conn, self.pki.services, uid, code, request, at)
        self.pki.conn.commit()
        return certificate

    # --- the ledger ------------------------------------------------------------------------------------------------

    @property
    def dsn(self) -> str:
        """The database, as its owner."""
        return self.signed.ledger.dsn

    @property
    def issuers(self) -> tuple[bytes, ...]:
        """Every authority between signers and root."""
        pki = self.signed.pki
        national = (pki.authority_certificate(plan.name) for plan in pki.hierarchy)
        return der_of(pki.files.client_authority.read_bytes()), *national

    def book(self, *entries: NewEntry | Made) -> None:
        """Book in this order."""

        async def walk() -> None:
            async with self.signed.ledger.serving() as (client, _):
                for one in entries:
                    booked = await client.append(one.entry if isinstance(one, Made) else one)
                    assert not booked.duplicate

        asyncio.run(walk())

    def serving(self, work: Any) -> None:
        """Do something blocking while the sequencer serves: `work` gets a function that appends."""

        async def walk() -> None:
            async with self.signed.ledger.serving():
                socket = self.signed.ledger.socket
                await asyncio.to_thread(work, lambda entry: append_blocking(socket, entry).index)

        asyncio.run(walk())

    def sell_a_shift(self, register: Register, *, sales: int = 4) -> list[Made]:
        """Opening, sales, a part given back, a correction, an X- and the Z-report; the first opening is preceded by
        the registration. Nothing is booked yet.
        """
        begun = len(register.made)
        if not begun:
            register.register()
        register.open()
        sold = [register.sell(f"{10 + number}.90", buyer_id=BUYER if number == 1 else "") for number in range(sales)]
        register.refund(sold[0], "4.50")
        register.correct(sold[1], "1.00")
        register.status()
        register.close()
        return register.made[begun:]

    def card_sales(self, count: int = 6) -> list[NewEntry]:
        """What the card sells meanwhile, with the buyer of the till among its buyers."""
        return list(self.signed.sales(count, since=self.since, step=timedelta(minutes=7), buyers=True))

    # --- what follows the ledger -----------------------------------------------------------------------------------

    def follow(self) -> int:
        """The fold of claims, once."""
        with psycopg.connect(as_role(self.dsn, INTAKE)) as conn:
            return follow(conn)

    def look(self, at: datetime, names: str = "D-MAN D-DEL D-UND") -> list[Case]:
        """What the detectors see."""
        with psycopg.connect(as_role(self.dsn, INTAKE)) as conn:
            for detector in detectors(Settings(detectors=names), load_pack("AQ")):
                for _ in range(2):
                    watch(conn, detector, at)
            return queries.cases(conn, state=CaseState.OPEN)

    def index_of(self, made: Made) -> int:
        """The entry of a document."""
        [(index,)] = self.signed.ledger.rows(
            "SELECT log_index FROM ledger.identity WHERE act_hash = %s", made.signed.act_hash
        )
        return int(index)


def registration(register: Register) -> NewEntry:
    """The entry that opens a register's sequence, in the form of the registry."""
    entry = register.device.registration()
    body = json.dumps(
        json.loads(entry.body) | {"type": "fiscal-device"}, sort_keys=True, separators=(",", ":")
    ).encode()
    return msgspec.structs.replace(entry, body=body, act_hash=sha256(body))
