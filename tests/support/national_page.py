"""The public listener with a register beside its cards: what the page says of national receipts, without a database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
from public_bench import PROGRAM, PublicBench, Reply

from benchmarks.national_documents import Made, Register
from tallystick.authority.ledger.entry import EntryKind
from tallystick.authority.ledger.queries import LedgerDocument
from tallystick.authority.projections.verification import national_check
from tallystick.authority.projections.verification.api import build_app
from tallystick.authority.projections.verification.national_check import NationalVerdict
from tallystick.authority.reference.registry.values import DeviceCertificate
from tallystick.crypto.national_oids import DeviceClass
from tallystick.kernel.hashing import sha256
from tallystick.kernel.identifiers import SdcInvoiceNumber, Tin, Uid
from tallystick.kernel.invoice import Seller
from tallystick.wire.leaf import Leaf, write_leaf
from tallystick.wire.receipt_code import ReceiptCode, read_receipt_code, receipt_code, write_receipt_code
from tallystick.wire.record import Record, write_record

SELLER = Seller(
    tin=Tin("300000003"),
    business_name="Green Grocers Ltd",
    location_name="Green Grocers 7",
    address="7 Market Square",
    district="Harbour",
    city="McMurdo",
    country="AQ",
)
AT = datetime(2026, 3, 4, 10, 0, tzinfo=UTC)


@attrs.define
class NationalPage:
    """A listener, one register of a class, and what the registry and the intake know of it."""

    bench: PublicBench
    device_class: DeviceClass = DeviceClass.SOFTWARE
    till: Register = attrs.field(init=False)
    certificate: DeviceCertificate = attrs.field(init=False)
    apart: set[bytes] = attrs.field(factory=set)
    noted: list[NationalVerdict] = attrs.field(factory=list)
    first_shown: datetime | None = None
    here: set[bytes] = attrs.field(factory=set)
    heard_at: datetime | None = None

    def __attrs_post_init__(self) -> None:
        """Register a device, open its shift."""
        self.till = Register.of("REGISTR1", SELLER.tin, "fdo.example/test", AT)
        self.till.device.link = bytes(32)
        self.certificate = self._certificate(self.till)
        self.bench.services = attrs.evolve(
            self.bench.services,
            registers=self,
            is_kept_apart=self.apart.__contains__,
            find_on_its_way=self.on_its_way,
            sightings=self,
        )
        self.bench.app = build_app(self.bench.services)
        self.till.register()
        self.till.open()
        self.bench.now = self.till.at + timedelta(minutes=5)

    def _certificate(self, till: Register) -> DeviceCertificate:
        return DeviceCertificate(
            certificate_hash=sha256(till.device.certificate),
            uid=Uid(till.device.uid),
            device_class=self.device_class,
            tin=SELLER.tin,
            certificate=till.device.certificate,
            not_before=AT - timedelta(days=30),
            not_after=AT + timedelta(days=367),
        )

    # --- the room's ports ------------------------------------------------------------------------------------------

    def register(self, uid: str) -> national_check.Register | None:
        """The one device."""
        if uid != self.till.device.uid:
            return None
        return national_check.Register(uid=Uid(uid), device_class=self.device_class, seller=SELLER)

    def certificates(self, uid: str) -> list[DeviceCertificate]:
        """Its one certificate."""
        return [self.certificate]

    def on_its_way(self, uid: str, sequence: int, act_hash: bytes) -> national_check.OnItsWay:
        """What came with parts, and when the device was heard of."""
        assert (uid, sequence > 0) == (self.till.device.uid, True)
        return national_check.OnItsWay(is_here=act_hash in self.here, heard_at=self.heard_at)

    def note(self, facts: object) -> None:
        """Cards are not looked at here."""

    def note_receipt(self, verdict: NationalVerdict) -> datetime | None:
        """Keep it."""
        self.noted.append(verdict)
        return self.first_shown

    # --- what a test does ------------------------------------------------------------------------------------------

    def put(self, made: Made, *, acked: bool = True, flags: int = 0, erased: bool = False) -> None:
        """Book it."""
        entry, index = made.entry, len(self.bench.ledger.documents) + 1
        leaf = Leaf(
            kind=EntryKind.DOCUMENT, channel=entry.channel, flags=flags, received_ms=0, record_commitment=bytes(32)
        )
        record = Record(
            version="1",
            day_amount=str(entry.day_amount),
            issued_at=str(entry.issued_at_ms),
            total=str(entry.total),
            type=str(entry.document_type),
        )
        self.bench.ledger.documents[SdcInvoiceNumber.parse(made.number)] = LedgerDocument(
            index=index,
            verdict=4,
            act_hash=made.signed.act_hash,
            body_hash=made.signed.body_hash,
            media_type="application/vnd.tallystick.erased; entry=9" if erased else entry.media_type,
            body=b"" if erased else entry.body,
            salt=b"",
            record=write_record(record),
            leaf=write_leaf(leaf),
            acked=acked,
        )

    def ask(self, made: Made | str, accept: str = PROGRAM, **headers: str) -> Reply:
        """Scan a code."""
        return self.bench.get(f"/r/{made if isinstance(made, str) else made.letters}", accept, **headers)

    def told(self, made: Made | str) -> tuple[str, bool]:
        """The state that a program is told, and whether the receipt is valid."""
        reply = self.ask(made)
        assert reply.status == 200, reply.text
        return reply.json["status"], reply.json["isValid"]


def altered(made: Made, till: Register | None = None, **changes: Any) -> str:
    """The letters of a code that somebody has changed; signed anew where a till is the one who did."""
    code: ReceiptCode = attrs.evolve(read_receipt_code(made.letters), **changes)
    if till is not None:
        code = attrs.evolve(code, signature=till.device.sign(code.signed_text))
    return write_receipt_code(code)


def made_from_document(made: Made, **changes: Any) -> str:
    """The letters of a code that a document alone gives, as the operator makes it; changed."""
    code: ReceiptCode = attrs.evolve(receipt_code(made.signed, made.document), **changes)
    return write_receipt_code(code)
