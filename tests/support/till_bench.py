"""A register on a bench: a small authority that checks what it is sent, and a power supply that fails when told to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from till_authority import GENESIS, KEY, UID, Authority

from tallystick.crypto.national_oids import DeviceClass
from tallystick.crypto.signatures import sign_es256
from tallystick.device.ecr.online import OnlineWay
from tallystick.device.ecr.orders import Line, OpenShift, Sell
from tallystick.device.ecr.orders import Register as RegisterOrder
from tallystick.device.ecr.register import Register
from tallystick.device.ecr.remote.applying import StandingOrders
from tallystick.device.ecr.remote.store import CommandStore
from tallystick.device.ecr.setup import RegisterSetup
from tallystick.device.ecr.store import Store
from tallystick.device.ecr.synchronise import Synchroniser
from tallystick.device.ecr.write_once import OfflineWay, SealedMemory, recover
from tallystick.device.worm import Capacity, FileMemory, begin_memory, open_memory
from tallystick.kernel.device_commands import Wanted
from tallystick.kernel.fixed_point import Money, Quantity, Rate
from tallystick.kernel.identifiers import Tin
from tallystick.kernel.invoice import Payment, PaymentType, Seller, TaxCategoryType
from tallystick.kernel.tax_rates import TaxCategory, TaxRate, TaxRateGroup
from tallystick.kit import sqlite_file
from tallystick.wire.device_command import SignedCommand

START = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)
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


class FedCommands(CommandStore):
    """The store of commands, whose commits may be cut before and after."""

    supply: Supply

    def keep(self, read: SignedCommand, result: bytes, effect: Wanted | None) -> None:
        self.supply.point()
        super().keep(read, result, effect)
        self.supply.point()

    def set_told(self, number: int, is_told: bool) -> None:
        self.supply.point()
        super().set_told(number, is_told)


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
        FedCommands.supply = self.supply
        self.commands = FedCommands(self.folder)
        self.commands.begin(has_documents=store.standing().sequence > 0)
        orders = StandingOrders(self.commands)
        self.register = Register(
            setup, store, sign, way, self.authority, self.clock, memory=memory, orders=orders
        )  # fmt: skip
        return self.register

    def switch_off(self) -> None:
        """As a power cut does: nothing is said to anybody."""
        if self._memory is not None:
            self._memory.release()
        if self._store is not None:
            self.commands.close()
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
