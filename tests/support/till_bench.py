"""A register on a bench: a small authority that checks what it is sent, and a power supply that fails when told to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import attrs
import pytest

from tallystick.crypto.keys import PrivateKey, generate_p256_key
from tallystick.crypto.national_oids import DeviceClass
from tallystick.crypto.signatures import sign_es256, verify_es256
from tallystick.device.ecr.channel import Booked, Looked
from tallystick.device.ecr.needs import NoAnswer, NotSent, Refused
from tallystick.device.ecr.online import OnlineWay
from tallystick.device.ecr.orders import Line, OpenShift, Sell
from tallystick.device.ecr.orders import Register as RegisterOrder
from tallystick.device.ecr.register import Register
from tallystick.device.ecr.setup import RegisterSetup
from tallystick.device.ecr.store import Store
from tallystick.device.ecr.synchronise import Synchroniser
from tallystick.device.ecr.write_once import OfflineWay, SealedMemory, recover
from tallystick.device.worm import Capacity, FileMemory, begin_memory, open_memory
from tallystick.kernel.faults import Fault
from tallystick.kernel.fixed_point import Money, Quantity, Rate
from tallystick.kernel.hashing import device_genesis, device_link, sha256
from tallystick.kernel.identifiers import Tin, Uid
from tallystick.kernel.invoice import Payment, PaymentType, Seller, TaxCategoryType
from tallystick.kernel.national_document import DocumentKind
from tallystick.kernel.shifts import RegisterState
from tallystick.kernel.tax_rates import TaxCategory, TaxRate, TaxRateGroup
from tallystick.kit import sqlite_file
from tallystick.wire.batch_receipt import BatchAnswer, BatchProgress, PartHere, read_batch_answer, write_receipt
from tallystick.wire.compact_jws import write_base64url
from tallystick.wire.document_jws import SignedDocument, read_signed
from tallystick.wire.national_document import read_document
from tallystick.wire.offline_batch import (
    HeadReport,
    SignedManifest,
    merkle_root,
    read_head,
    read_manifest,
    read_part,
)

UID = Uid("TILL0001")
START = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)
GENESIS = device_genesis(f"{UID}-{UID}", bytes(32), bytes(range(32)))
KEY: PrivateKey = generate_p256_key()
RATES = TaxRateGroup(
    START - timedelta(days=100),
    7,
    (
        TaxCategory("VAT", TaxCategoryType.TAX_ON_NET, 1, (TaxRate("A", Rate.of("19")), TaxRate("B", Rate.of("9.5")))),
        TaxCategory("None", TaxCategoryType.TAX_ON_NET, 2, (TaxRate("C", Rate.of("0")),)),
    ),
)


class PowerCut(BaseException):
    """The power fails."""


class Supply:
    """Counts the points it passes, and fails at the chosen ones."""

    def __init__(self, *cuts: int) -> None:
        self.cuts = set(cuts)
        self.passed = 0

    def point(self) -> None:
        """A place where the power may fail."""
        self.passed += 1
        if self.passed - 1 in self.cuts:
            raise PowerCut


@attrs.define
class SmallBatch:
    """A batch at the small authority."""

    batch: bytes
    first: int
    parts: dict[int, bytes] = attrs.field(factory=dict)
    manifest: bytes | None = None
    receipt: bytes | None = None

    def documents(self) -> list[bytes]:
        """All of them, in order."""
        return [one for number in sorted(self.parts) for one in read_part(self.parts[number])]

    def progress(self) -> BatchProgress:
        """How far it is."""
        parts = [PartHere(number=at, sha256=sha256(text), size=len(text)) for at, text in self.parts.items()]
        state = "open" if self.receipt is None else "done"
        return BatchProgress(batch=self.batch, first=self.first, state=state, parts=tuple(parts))


class Authority:
    """Books documents in their place, as the real one does; a `Channel`. It can be away, or lose its answers."""

    def __init__(self) -> None:
        self.booked: list[SignedDocument] = []
        self.state = RegisterState()
        self.link = GENESIS
        self.away = False
        self.lost_answers = 0
        self.refusals: list[str] = []
        self.links: list[tuple[str, str, str]] = []
        self.batches: dict[bytes, SmallBatch] = {}
        self.heads: list[HeadReport] = []
        self.steps: list[str] = []
        self.cut_at = 0
        self.revoked = False
        self.slow = False
        self.says_head = b""

    def send(self, compact: bytes) -> Booked:
        """Check, book, answer."""
        if self.away:
            raise NotSent("nobody there")
        if self.revoked:
            raise Refused(Fault("TS-1104"))
        booked = self._book(read_signed(compact))
        if self.lost_answers:
            self.lost_answers -= 1
            raise NoAnswer("the answer is lost")
        return booked

    def _book(self, signed: SignedDocument) -> Booked:
        header = signed.header
        for index, one in enumerate(self.booked):
            if one.compact == signed.compact:
                return Booked(sequence=header.sequence, log_index=index)
        if self.refusals:
            raise Refused(Fault(self.refusals.pop()))
        try:
            verify_es256(KEY.public, signed.signing_input, signed.signature)
            if (header.sequence, header.previous) != (len(self.booked) + 1, self.link):
                expected = {
                    "ts-seq": str(len(self.booked) + 1),
                    "ts-prev": write_base64url(self.link).decode("ascii"),
                }
                raise Fault("TS-1402", expected=expected)
            document = read_document(signed.payload)
            self.state = self.state.after(document, header.sequence, header.time)
        except Fault as fault:
            raise Refused(fault) from fault
        self.link = device_link(header.previous, header.sequence, signed.body_hash)
        self.booked.append(signed)
        return Booked(sequence=header.sequence, log_index=len(self.booked) - 1)

    def look(self) -> Looked:
        """A head."""
        self._met("look")
        if self.revoked:
            raise Refused(Fault("TS-1104"))
        return Looked(checkpoint=b"small.example/log\n1\n\n", genesis=GENESIS)

    # The door for batches, by the same rules as the real one

    def announce(self, batch: bytes, first: int) -> BatchProgress:
        """A new one, or as it stands."""
        self._met("announce")
        found = self.batches.setdefault(batch, SmallBatch(batch, first))
        assert found.first == first, "one id, one batch"
        return found.progress()

    def put_part(self, batch: bytes, number: int, text: bytes) -> PartHere:
        """Never other bytes under one number; each document of the form."""
        found, digest = self._batch(batch), sha256(text)
        self._met("before part")
        for compact in read_part(text):
            read_signed(compact)
        if digest != sha256(found.parts.setdefault(number, text)):
            raise Refused(Fault("TS-2410"))
        self._met("part")
        return PartHere(number=number, sha256=digest, size=len(text))

    def close_batch(self, batch: bytes, manifest: bytes) -> BatchAnswer:
        """The manifest agrees with the parts and ends with a report; then it is booked."""
        found, signed = self._batch(batch), read_manifest(manifest)
        self._met("before close")
        if found.manifest is not None and found.manifest != manifest:
            raise Refused(Fault("TS-3283"))
        if found.receipt is None:
            self._check(found, signed)
            found.manifest = manifest
            found.receipt = self._receipt(found, signed)
        self._met("close")
        return found.progress() if self.slow else self.find_batch(batch)

    def find_batch(self, batch: bytes) -> BatchAnswer:
        """Its receipt where there is one."""
        self._met("find")
        found = self._batch(batch)
        return found.progress() if found.receipt is None else read_batch_answer(found.receipt)

    def withdraw(self, batch: bytes) -> None:
        """Forget it."""
        self._met("withdraw")
        self.batches.pop(batch, None)

    def report_head(self, report: bytes) -> None:
        """A head never goes back."""
        self._met("head")
        head = read_head(report)
        verify_es256(KEY.public, head.signed.signing_input, head.signed.signature)
        if self.heads and head.sequence < self.heads[-1].sequence:
            raise Refused(Fault("TS-3285"))
        self.heads.append(head)

    def _met(self, step: str) -> None:
        if self.away:
            raise NotSent("nobody there")
        self.steps.append(step)
        if self.cut_at == len(self.steps):
            raise NoAnswer(f"cut at {step}")

    def _batch(self, batch: bytes) -> SmallBatch:
        if batch not in self.batches:
            raise Refused(Fault("TS-3282"))
        return self.batches[batch]

    def _check(self, found: SmallBatch, signed: SignedManifest) -> None:
        manifest = signed.manifest
        verify_es256(KEY.public, signed.signed.signing_input, signed.signed.signature)
        documents = [read_signed(one) for one in found.documents()]
        assert manifest.parts == tuple([sha256(found.parts[number]) for number in sorted(found.parts)])
        assert manifest.root == merkle_root(one.body_hash for one in documents)
        assert (manifest.first, manifest.last) == (found.first, documents[-1].header.sequence)
        kind = read_document(documents[-1].payload).kind
        assert kind in (DocumentKind.SHIFT_CLOSING, DocumentKind.STATUS) or kind.is_register_report
        if found.first > len(self.booked) + 1 and not self.revoked:
            expected = {"ts-seq": str(len(self.booked) + 1), "ts-prev": write_base64url(self.link).decode("ascii")}
            raise Refused(Fault("TS-1402", expected=expected))

    def _receipt(self, found: SmallBatch, signed: SignedManifest) -> bytes:
        documents = [read_signed(one) for one in found.documents()]
        indexes = [] if self.revoked else [self._book(one).log_index for one in documents]
        counts = dict.fromkeys(("booked", "flagged", "apart", "refused", "doubled"), 0)
        counts["apart" if self.revoked else "booked"] = len(documents)
        return write_receipt(
            batch=found.batch,
            first=found.first,
            last=signed.manifest.last,
            head=self.says_head or signed.head,
            indexes=(min(indexes), max(indexes)) if indexes else None,
            counts=counts,
            codes={"TS-2403": len(documents)} if self.revoked else {},
        )

    def send_link(self, number: str, by: str, to: str) -> None:
        """Note it."""
        self.links.append((number, by, to))


class FedStore(Store):
    """A store whose commits may be cut before and after.

    After the intent is before the delivery, and after the delivery is before the document: these are all the cuts.
    """

    supply: Supply

    @contextmanager
    def writing(self) -> Iterator[None]:
        self.supply.point()
        with super().writing():
            yield
        self.supply.point()


class Bench:
    """One register, switched on and off over what its folder holds."""

    def __init__(
        self,
        folder: Path,
        *,
        offline: bool = False,
        supply: Supply | None = None,
        genesis: bytes | None = GENESIS,
        authority: Authority | None = None,
        languages: tuple[str, ...] = ("en-US",),
        records: int = 10_000,
    ) -> None:
        self.languages = languages
        self.supply = supply or Supply()
        self.authority = authority or Authority()
        self.folder = folder
        self.offline = offline
        self.genesis = genesis
        self.now = START
        self.register: Register
        self._store: FedStore | None = None
        self._memory: FileMemory | None = None
        if offline:
            begin_memory(folder / "worm", UID, Capacity(records=records, data_bytes=10**9))
        self.switch_on()

    def clock(self) -> datetime:
        """A second later each time that somebody looks."""
        self.now += timedelta(seconds=1)
        return self.now

    def setup(self, **other: Any) -> RegisterSetup:
        """What the register is."""
        values: dict[str, Any] = {
            "uid": UID,
            "device_class": DeviceClass.HARDWARE if self.offline else DeviceClass.SOFTWARE,
            "seller": Seller(
                tin=Tin("100200300"), business_name="Mill", location_name="Market", address="1 Row", district="North"
            ),
            "maker": "Works",
            "model": "T1",
            "serial_number": "0001",
            "build": "ab" * 32,
            "audience": "small.example/log",
            "verification_page": "https://verify.example",
            "currency": "XTS",
            "zone": ZoneInfo("Europe/Belgrade"),
            "languages": self.languages,
            "rate_groups": (RATES,),
            "genesis": self.genesis,
            "certificate_hash": bytes(32),
            "not_after": START + timedelta(days=365),
        }
        return RegisterSetup(**(values | other))

    def switch_on(self) -> Register:
        """Open what the folder holds."""
        FedStore.supply = Supply()
        setup = self.setup()
        store = FedStore(self.folder, setup.uid, setup.device_class)
        self._store = store
        FedStore.supply = self.supply
        if self.offline:
            self._memory = open_memory(self.folder / "worm", UID, self.now)
            recover(self._memory, store, setup, sign, self.now)
            way: Any = OfflineWay(self._memory, sign)
            memory = SealedMemory(self._memory, sign)
        else:
            way, memory = OnlineWay(self.authority), None
        self.register = Register(setup, store, sign, way, self.authority, self.clock, memory=memory)
        return self.register

    def switch_off(self) -> None:
        """As a power cut does: nothing is said to anybody."""
        if self._memory is not None:
            self._memory.release()
        if self._store is not None:
            self._store.close()
        self._memory = self._store = None

    def restart(self) -> None:
        """Off and on, until the power holds."""
        while True:
            self.switch_off()
            self.now += timedelta(seconds=5)
            try:
                self.switch_on()
                return
            except PowerCut:
                continue

    def until_done(self, step: Callable[[], Any]) -> Any:
        """Again and again, until no power cut interrupts it."""
        while True:
            try:
                return step()
            except PowerCut:
                self.restart()

    def sync(self) -> bool:
        """One round of a background that has just begun."""
        return Synchroniser(self.register, self.authority, self.clock).round()

    @property
    def documents(self) -> list[bytes]:
        """The signed forms in the store."""
        assert self._store is not None
        return [compact for _, compact in self._store.documents()]

    @property
    def memory(self) -> FileMemory:
        """The write-once memory."""
        assert self._memory is not None
        return self._memory

    @property
    def store(self) -> Store:
        """The store."""
        assert self._store is not None
        return self._store

    def do(self, request_id: str, order: Any) -> bytes:
        """An order whose contents are its name."""
        return self.register.issue(request_id, repr(order).encode(), order)

    def opened(self) -> Bench:
        """Registered, with an open shift."""
        self.do("registration", RegisterOrder())
        self.do("opening", OpenShift(cash=Money.of("50")))
        return self


def sign(text: bytes) -> bytes:
    """By the key of the bench."""
    return sign_es256(KEY, text)


def sale(price: str = "12.50", *, quantity: str = "1", label: str = "A", paid: str | None = None) -> Sell:
    """A sale of one thing, paid in cash."""
    line = Line(name="Bread", quantity=Quantity.of(quantity), price=Money.of(price), labels=(label,))
    amount = Money.of(paid) if paid is not None else price_of(line)
    return Sell(lines=(line,), payments=(Payment(amount, PaymentType.CASH),), cashier="Ana")


def price_of(line: Line) -> Money:
    """A line's total in a currency of two places."""
    scaled = (2 * line.price.scaled * line.quantity.scaled + 100 * 1000) // (2 * 100 * 1000) * 100
    return Money(scaled)


@contextmanager
def without_flushes() -> Iterator[None]:
    """Leave the disk's flushes out: these cuts are exceptions, which lose nothing that was written."""
    with pytest.MonkeyPatch.context() as patch:
        pragmas = (*sqlite_file._PRAGMAS, "PRAGMA synchronous = OFF")
        patch.setattr("tallystick.kit.sqlite_file._PRAGMAS", pragmas)
        patch.setattr("tallystick.device.worm.disk._flush", lambda handle: None)
        patch.setattr("tallystick.kit.sqlite_file.sync_folder", lambda folder: None)
        yield
