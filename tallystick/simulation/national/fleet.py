"""Who sells on the national channels: two companies' registers, trucks and ERP, made in the background and let sell."""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg

from tallystick.kernel.builds import BuildClass
from tallystick.kernel.device_policy import BUILD_CLASS, DeviceClass
from tallystick.kernel.identifiers import Uid
from tallystick.kernel.instants import utc_offset_minutes
from tallystick.ops.build_files import OWN_FILES
from tallystick.ops.processes.context import system_clock
from tallystick.ops.processes.till import RACK_FILE
from tallystick.ops.settings import Settings
from tallystick.simulation.baskets import Basket, BasketStore, MappingCounts
from tallystick.simulation.children import Children
from tallystick.simulation.country import Country
from tallystick.simulation.national import setup
from tallystick.simulation.national.account import DevicePlaces
from tallystick.simulation.national.erp_office import ErpOffice, OfficeFigures
from tallystick.simulation.national.plans import BASKETS_MOST, PLANS
from tallystick.simulation.national.register_till import RegisterTill, TillStopped
from tallystick.simulation.national.road import Road
from tallystick.simulation.national.sellers import FleetFigures, Register
from tallystick.simulation.national.setup import DevicePlan
from tallystick.simulation.own_build import certify_own_build
from tallystick.simulation.till import SalesBook
from tallystick.wire.build_manifest import read_manifest

log = logging.getLogger(__name__)

_LOOK_SECONDS = 0.05
_MADE_SECONDS = 180.0


class Fleet:
    """All national devices of one run. Its threads end when everything is sold, or soon after ``stop`` is set."""

    def __init__(
        self,
        country: Country,
        children: Children,
        settings: Settings,
        source: BasketStore,
        baskets_each: int | None,
    ) -> None:
        self._country = country
        self._children = children
        self._settings = settings
        self._source = source
        self._stores = [store for store, _ in source.busiest_stores(2)]
        self.baskets_each = min(baskets_each or BASKETS_MOST, BASKETS_MOST)
        self.folder = country.state.demo / "national"
        self.passphrase_file, self._passphrase = setup.passphrase_in(self.folder)
        self.stop = threading.Event()
        self.failures: list[str] = []
        self.registers: list[Register] = []
        self.office: ErpOffice | None = None
        self._jobs: list[Future[None]] = []
        self._maker = threading.Thread(target=self._make, name="national devices", daemon=True)
        self._sellers = ThreadPoolExecutor(len(PLANS), "national seller")
        self._made = threading.Event()
        self.drivers: dict[str, Callable[[Register], None]] = {}
        """Who sells at a register otherwise than every day: told by stories before the start."""
        self.on_end: Callable[[Uid], None] = lambda uid: None
        """Told of every seller that has come to its end, whichever."""
        self.errands: queue.SimpleQueue[Callable[[ErpOffice], None] | None] = queue.SimpleQueue()
        """What stories want of the office; none ends its day. Only looked at while `has_errands`."""
        self.has_errands = False

    def start(self) -> None:
        """Begin to make devices and to sell."""
        self._maker.start()

    @property
    def finished(self) -> bool:
        """Whether nothing sells any more and nothing will."""
        return self._made.is_set() and all(job.done() for job in self._jobs)

    def end(self) -> None:
        """Stop selling, and wait for what is in work. Trucks stay where they are."""
        self.stop.set()
        self._maker.join()
        self._sellers.shutdown(wait=True)

    def close(self) -> None:
        """No radio any more."""
        for register in self.registers:
            if register.road is not None:
                register.road.close()

    def register(self, uid: str) -> Register | None:
        """One that is in service."""
        return next((one for one in list(self.registers) if one.uid == uid), None)

    def folder_of(self, uid: str) -> Path:
        """Where a device lies."""
        return self.folder / uid

    def book_of(self, uid: str) -> Path:
        """What its till wrote down."""
        return self.folder / f"{uid}.txt"

    def rows(self) -> list[tuple[str, str]]:
        """What a person may open, of each kind the first: the till of a register, and a receipt."""
        kinds = {one.plan.device_class: one for one in reversed(list(self.registers)) if one.till.client.serves}
        shown = [kinds[kind] for kind in sorted(kinds)]
        rows = [(f"till of {one.till.cashier}", one.till.client.till_url) for one in shown]
        found = [(one.till.cashier, one.till.figures.first) for one in shown]
        if self.office is not None:
            found.append(("the ERP", self.office.figures.first))
        return rows + [(f"receipt of {name}", sale.verification_url) for name, sale in found if sale is not None]

    def places(self) -> list[DevicePlaces]:
        """Every device, for the account, with what happened to it."""
        return [
            DevicePlaces(
                plan=plan,
                folder=self.folder_of(plan.uid),
                book=self.book_of(plan.uid),
                story=self.told_of(plan.uid),
            )
            for plan in PLANS
        ]

    def note_of(self, uid: str) -> Path:
        """What became of the story of a device, once it was told to its end."""
        return self.folder / f"{uid}.told"

    def told_of(self, uid: str) -> str:
        """The same, in a sentence; empty without one."""
        note = self.note_of(uid)
        return note.read_text(encoding="utf-8") if note.exists() else ""

    def figures(self) -> FleetFigures:
        """What was done so far."""
        tills = [one.till.figures for one in list(self.registers)]
        office = self.office.figures if self.office else OfficeFigures()
        refused: Counter[str] = Counter()
        for counted in (*(one.refused for one in tills), office.refused):
            refused.update(counted)
        return FleetFigures(
            sold=sum(one.sold for one in tills) + office.sold,
            sold_before=sum(one.sold_before for one in tills) + office.sold_before,
            returns=sum(one.returns for one in tills) + office.returns,
            refused=refused,
            heard=office.heard,
        )

    # Making

    def _make(self) -> None:
        try:
            builds = self._builds()
            with psycopg.connect(self._country.owner_dsn) as conn:
                for plan in PLANS:
                    setup.enter_device(conn, plan)
                conn.commit()
                for plan in PLANS:
                    if self.stop.is_set():
                        return
                    self._put_into_service(conn, plan, builds[BUILD_CLASS[plan.device_class]])
        except Exception as error:
            log.exception("no further national devices")
            self.failures.append(f"no further national devices: {error}")
        finally:
            for plan in PLANS[len(self._jobs) :]:
                self.on_end(plan.uid)
            self._made.set()

    def _builds(self) -> dict[BuildClass, str]:
        sources = {
            BuildClass.SOFTWARE_REGISTER: ("Tallystick register", OWN_FILES),
            BuildClass.HARDWARE_REGISTER: ("Tallystick register with memory", OWN_FILES),
            BuildClass.ERP: ("Reference ERP client", _client_files()),
        }
        folder, at = self._country.state.demo / "maker", system_clock()
        return {
            kind: read_manifest(
                certify_own_build(
                    self._country.portal_dsn, folder, at, build_class=kind, product=product, sources=files
                ).read_bytes()
            ).build_id
            for kind, (product, files) in sources.items()
        }

    def _put_into_service(self, conn: psycopg.Connection[tuple[object, ...]], plan: DevicePlan, build: str) -> None:
        folder, road = self.folder_of(plan.uid), None
        if plan.device_class is DeviceClass.ERP:
            self._enrol(conn, plan, lambda code: setup.enrol_system(
                folder, plan.uid, self._country.pki, self._children.est_url, code
            ))  # fmt: skip
            self._jobs.append(self._sellers.submit(self._run, plan, lambda: self._sell_by_erp(plan, build)))
            return
        if plan.device_class is DeviceClass.HARDWARE:
            road = Road(lambda: self._children.ecr_port)
        to = setup.Addresses(
            door=self._children.ecr_url if road is None else f"https://127.0.0.1:{road.port}",
            est=self._children.est_url,
            renewal=f"{self._country.birth.pki_url}pki/renewal-info",
            receipts=self._children.public_url.rstrip("/"),
            audience=self._settings.log_origin,
        )
        setup.write_register(folder, plan, self._country.pack, self._country.pki, to, build)
        self._enrol(conn, plan, lambda code: setup.enrol_register(folder, self._passphrase, code))
        with (self._country.state.run / RACK_FILE).open("a", encoding="utf-8") as rack:
            rack.write(f"{folder}\n")
        till = RegisterTill(folder, plan.seller.location_name, self.book_of(plan.uid), self.stop)
        register = Register(plan, till, road)
        self.registers.append(register)
        self._jobs.append(self._sellers.submit(self._run, plan, lambda: self._sell(register)))

    def _enrol(
        self, conn: psycopg.Connection[tuple[object, ...]], plan: DevicePlan, enrol: Callable[[str], None]
    ) -> None:
        if not setup.is_enrolled(self.folder_of(plan.uid)):
            code = setup.one_time_code(conn, self._country.pki, plan.uid)
            conn.commit()
            enrol(code)

    # Selling

    def _run(self, plan: DevicePlan, work: Callable[[], None]) -> None:
        try:
            self._await_registration(plan.uid)
            work()
        except TillStopped:
            pass
        except Exception as error:
            log.exception("%s sells no more", plan.uid)
            self.failures.append(f"{plan.uid}: {error}")
        finally:
            self.on_end(plan.uid)

    def _await_registration(self, uid: Uid) -> None:
        with psycopg.connect(self._country.intake_dsn, autocommit=True) as conn:
            until = time.monotonic() + _MADE_SECONDS
            while not setup.has_begun(conn, uid):
                if self.stop.wait(_LOOK_SECONDS):
                    raise TillStopped
                if time.monotonic() > until:
                    raise TimeoutError("it was not entered into the ledger in time")

    def _sell(self, register: Register) -> None:
        till = register.till
        try:
            driver = self.drivers.get(register.uid)
            if driver is not None:
                driver(register)
            elif till.status()["stopped"]:
                return  # a truck whose certificate was revoked stands for good
            elif register.road is not None:
                self.drive(register)
            else:
                self.sell_a_day(register)
        finally:
            till.close()

    def sell_a_day(self, register: Register) -> None:
        """An online register: shift, baskets, Z report."""
        till = register.till
        baskets = list(till.further(self.baskets(register.uid)))
        if baskets:
            till.begin_day()
            till.sell_all(baskets)
        till.end_day()

    def drive(self, register: Register, baskets: Sequence[Basket] | None = None) -> None:
        """A truck's tour: it sells out of reach, makes its Z report there, and brings the batch home."""
        assert register.road is not None
        till = register.till
        if baskets is None:
            baskets = list(till.further(self.baskets(register.uid)))
        if baskets:
            till.begin_day()
            register.road.drive_off()
            till.sell_all(baskets)
        till.end_day()
        register.await_home(self.stop)

    def _sell_by_erp(self, plan: DevicePlan, build: str) -> None:
        local = system_clock().astimezone(ZoneInfo(self._country.pack.time_zone))
        office = ErpOffice(
            folder=self.folder_of(plan.uid),
            url=self._children.ecr_url,
            build=build,
            currency=self._country.pack.currency,
            utc_offset_minutes=utc_offset_minutes(local),
            book=SalesBook(self.book_of(plan.uid)),
            stop=self.stop,
        )
        office.figures.sold_before = len(office.book.done)
        office.open()
        self.office = office
        try:
            office.invoice(self.baskets(plan.uid))
            while self.has_errands and (errand := self._next_errand()):
                errand(office)
            office.close()
        finally:
            office.let_go()

    def _next_errand(self) -> Callable[[ErpOffice], None] | None:
        while not self.stop.is_set():
            with contextlib.suppress(queue.Empty):
                return self.errands.get(timeout=_LOOK_SECONDS)
        raise TillStopped

    def baskets(self, uid: str) -> Iterable[Basket]:
        """What a seller is to sell: the baskets of the largest stores, each its own."""
        place = [plan.uid for plan in PLANS].index(Uid(uid))
        stores = self._stores
        store = stores[place % len(stores)]
        step = (len(PLANS) + len(stores) - 1) // len(stores)
        found = islice(self._source.baskets(store, MappingCounts()), place // len(stores), None, step)
        return islice(found, self.baskets_each)


def _client_files() -> Path:
    import tallystick_erp

    return Path(tallystick_erp.__path__[0])
