"""A shop of a story: its cards, its own machine with an E-SDC, its till, its sticks, and hands that move them."""

from __future__ import annotations

import secrets
import shutil
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from itertools import islice
from pathlib import Path

import attrs
import psycopg

from tallystick.authority.reference.registry import queries as registry
from tallystick.crypto.keys import generate_rsa_key
from tallystick.device.applet.identity import KEYS_FILE, STATE_FILE
from tallystick.device.applet.inspection import read_state
from tallystick.device.esdc.left_cards import STORE_FILE
from tallystick.device.secure_element import CardUnavailable
from tallystick.kernel.identifiers import Tin, Uid, parse_uid
from tallystick.kernel.invoice import Seller
from tallystick.kit.atomic_file import write_atomically
from tallystick.ops.processes.context import system_clock
from tallystick.ops.supervisor import Supervisor
from tallystick.simulation.accounting import CardPlaces, packages_on
from tallystick.simulation.baskets import Basket, MappingCounts
from tallystick.simulation.catalogue import CatalogueSource
from tallystick.simulation.country import Country
from tallystick.simulation.day.machine import Machine
from tallystick.simulation.day.stage import Stage, StoryFailed, StoryStopped
from tallystick.simulation.shops import Shop, ShopMaker
from tallystick.simulation.till import PosError, SalesBook, Till, invoice_request, read_book

OWNER = Tin("100900009")
OWNER_NAME = "Harbour Kiosks Ltd"
_FIRST_NUMBER = 900_000
"""Of the shops of stories: above the numbers of the stores in the purchase data."""


@attrs.frozen
class Premises:
    """One shop. `name` is its folder and its process, `title` what people call it; cards have UIDs of their own."""

    name: str
    title: str
    number: int
    uids: tuple[str, ...]
    country: Country
    maker: ShopMaker
    stage: Stage
    supervisor: Supervisor

    # Where things are

    @property
    def folder(self) -> Path:
        """Everything of this shop."""
        return self.country.state.demo / "premises" / self.name

    @property
    def machine(self) -> Machine:
        """Its computer, on which the E-SDC runs."""
        return Machine(self.name, self.title, self.folder, self.country, self.stage, self.supervisor)

    @property
    def slot(self) -> Path:
        """The card slot of its E-SDC."""
        return self.folder / "slot"

    def card(self, uid: str) -> Path:
        """The folder that stands for a card."""
        return self.folder / "cards" / uid

    def disk(self, number: int = 1) -> Path:
        """The disk of its first E-SDC, or of the one that replaced it."""
        return self.folder / f"device-{number}"

    def medium(self, name: str) -> Path:
        """A stick or memory card that belongs to the shop."""
        return self.folder / name

    def places(self, story: str, *, rests: bool) -> list[CardPlaces]:
        """Where the packages of its cards may be."""
        found = []
        for uid in filter(self._has_card, self.uids):
            stores = [self.disk(number) / uid / STORE_FILE for number in (1, 2)] + [self.card(uid) / STORE_FILE]
            media = tuple(path for path in self.folder.glob("stick*") if path.is_dir())
            found.append(
                CardPlaces(
                    uid=Uid(uid),
                    name=self.title,
                    card=self.card(uid),
                    told=self.sold(uid),
                    stores=tuple(stores),
                    media=media,
                    story=story,
                    rests=rests,
                )
            )
        return found

    # Cards

    def make_cards(self) -> None:
        """Personalise and register what is not there yet, and wait until the ledger knows it."""
        with psycopg.connect(self.country.intake_dsn, autocommit=True) as conn:
            for uid in self.uids:
                shop = self._shop(uid)
                if not self._has_card(uid):
                    self.maker.make_card(shop, (generate_rsa_key(), generate_rsa_key()), system_clock())
                with conn.transaction():
                    self.maker.register(conn, shop)
            self.stage.until(
                f"the registration of {', '.join(self.uids)}",
                lambda: all(_is_registered(conn, uid) for uid in self.uids),
            )

    def _has_card(self, uid: str) -> bool:
        return (self.card(uid) / KEYS_FILE).exists()

    def _shop(self, uid: str) -> Shop:
        seller = Seller(
            tin=OWNER,
            business_name=OWNER_NAME,
            location_name=self.title,
            address="1 Harbour Road",
            district="Harbour",
            city=self.country.pack.city,
            country=self.country.pack.country,
        )
        number = _FIRST_NUMBER + 10 * self.number + self.uids.index(uid)
        return Shop(store_id=number, uid=parse_uid(uid), pin=self._pin(uid), seller=seller, folder=self.card(uid))

    def _pin(self, uid: str) -> str:
        file = self.folder / f"{uid}.pin"
        if not file.exists():
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_atomically(file, f"{secrets.randbelow(10_000):04d}".encode(), mode=0o600)
        return file.read_text()

    def put_in(self, uid: str) -> None:
        """Put a card into the slot; one that was inside is out."""
        self.take_out()
        self.slot.symlink_to(self.card(uid), target_is_directory=True)

    def take_out(self) -> None:
        """Pull the card."""
        self.slot.unlink(missing_ok=True)

    def is_dead(self, uid: str) -> bool:
        """Whether a card that was made answers no more."""
        try:
            read_state(self.card(uid))
        except CardUnavailable:
            return self._has_card(uid)
        return False

    def kill_card(self, uid: str) -> None:
        """The chip burns out: neither its keys nor its memory can be read again."""
        for name in (STATE_FILE, KEYS_FILE):
            file = self.card(uid) / name
            file.write_bytes(secrets.token_bytes(file.stat().st_size))

    def start_device(self, *, disk: int = 1) -> None:
        """Start its E-SDC with the slot, and with a disk of its own."""
        place = (f"--slot={self.slot}", f"--stores={self.disk(disk)}", f"--name={self.name}-{disk}")
        self.machine.start(*place, online=True)

    # The till

    def sell(self, uid: str, times: int) -> None:
        """Sell so many further baskets with the card that is in."""
        may_sell = threading.Event()
        may_sell.set()
        till = Till(
            client=self.machine.client(),
            pin=self._pin(uid),
            cashier=self.title,
            baskets=list(islice(self._further_baskets(uid), times)),
            book=SalesBook(self._book(uid)),
            stop=self.stage.stopped,
            may_sell=may_sell,
        )
        till.run()
        if self.stage.stopped.is_set():
            raise StoryStopped
        figures = till.figures
        if figures.failure or figures.sold != times:
            raise StoryFailed(f"{self.title} sold {figures.sold} of {times}: {figures.failure or figures.refused}")

    def refusal(self, uid: str) -> str:
        """Try to sell where no usable card is in; gives the status code of the refusal, empty for a sale."""
        client = self.machine.client()
        try:
            client.sell(invoice_request(next(self._further_baskets(uid)), self.title), f"refused-{time.time_ns()}")
        except PosError as error:
            return error.codes[0] if error.codes else str(error.status)
        finally:
            client.close()
        return ""

    def _further_baskets(self, uid: str) -> Iterator[Basket]:
        pack, done = self.country.pack, self._told(uid)
        source = CatalogueSource(pack.department_labels, pack.default_label, seed=self.number)
        return (one for one in source.baskets(1, MappingCounts()) if one.basket_id not in done)

    def sold(self, uid: str) -> int:
        """How many invoices its till was given with a card."""
        return len(self._told(uid))

    def _told(self, uid: str) -> Mapping[str, str]:
        return read_book(self._book(uid))

    def _book(self, uid: str) -> Path:
        return self.folder / f"{uid}.txt"

    def give_pin(self, uid: str) -> None:
        """Unlock the card that is in."""
        with closing(self.machine.client()) as client:
            client.send_pin(self._pin(uid))

    # Sticks

    def plug_in(self, name: str) -> Path:
        """Put an empty stick into the device, which sees it and begins; gives where it is mounted."""
        mounted = self.machine.plugged_in / name
        shutil.rmtree(mounted, ignore_errors=True)
        mounted.mkdir(parents=True)
        return mounted

    def copied(self, uid: str) -> frozenset[int]:
        """The invoices of a card whose packages lie on sticks that are plugged in."""
        return packages_on(Uid(uid), [self.machine.plugged_in])

    def pull(self, mounted: Path, stick: Path) -> None:
        """Take it out and put it somewhere."""
        shutil.rmtree(stick, ignore_errors=True)
        mounted.rename(stick)

    def break_disk(self, number: int = 1) -> None:
        """The disk of the E-SDC is gone, and what was on it."""
        broken = self.folder / f"broken-{number}"
        shutil.rmtree(broken, ignore_errors=True)
        self.disk(number).rename(broken)
        shutil.rmtree(broken)


def _is_registered(conn: psycopg.Connection[tuple[object, ...]], uid: str) -> bool:
    entry = registry.secure_element(conn, uid)
    return entry is not None and entry.registration_index is not None
