"""The market: makes shops in the background, opens a till in each as soon as its E-SDC serves, lets them all sell."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice

import attrs
import psycopg

from tallystick.authority.reference.registry import queries as registry
from tallystick.crypto.keys import PrivateKey, generate_rsa_key
from tallystick.device.esdc.left_cards import STORE_FILE
from tallystick.ops.processes.context import system_clock
from tallystick.ops.processes.esdc import port_file
from tallystick.simulation.accounting import CardPlaces
from tallystick.simulation.baskets import BasketStore, MappingCounts
from tallystick.simulation.children import rack_file
from tallystick.simulation.country import Country
from tallystick.simulation.shops import Shop, ShopMaker
from tallystick.simulation.till import PosClient, SalesBook, Till

log = logging.getLogger(__name__)

TILLS_AT_ONCE = 32
KEY_THREADS = 2
SHOPS_AHEAD = 4
WAITING_EACH_MAX = 20
_OPENING_SECONDS = 60.0
_LOOK_SECONDS = 0.05


@attrs.define
class OpenShop:
    """A shop whose till sells or has sold."""

    shop: Shop
    baskets: int
    port: int
    till: Till
    book: SalesBook
    counts: MappingCounts


class Market:
    """All shops of a run. Its threads end when every basket is sold, or soon after ``stop`` is set."""

    def __init__(
        self, country: Country, maker: ShopMaker, source: BasketStore, *, stores: int, baskets_each: int | None = None
    ) -> None:
        self.baskets_each = baskets_each
        self._country = country
        self._maker = maker
        self._source = source
        self._stores = source.busiest_stores(stores)
        self.stop = threading.Event()
        self.may_sell = threading.Event()
        self.may_sell.set()
        self.open_shops: list[OpenShop] = []
        self.failures: list[str] = []
        self.planned = len(self._stores)
        self.baskets_planned = sum(baskets for _, baskets in self._stores)
        self._maker_thread = threading.Thread(target=self._make_shops, name="shops", daemon=True)
        self._tills = ThreadPoolExecutor(TILLS_AT_ONCE, "till")
        self._running: list[Future[None]] = []
        self._made = threading.Event()

    def start(self) -> None:
        """Begin to make shops and to sell."""
        self._maker_thread.start()

    def pace(self, waiting_at_devices: int) -> None:
        """Let the tills pause while much waits, so that what they sell is visible soon; they go on at half of it."""
        most = WAITING_EACH_MAX * max(len(self.open_shops), 1)
        if waiting_at_devices > most:
            self.may_sell.clear()
        elif waiting_at_devices < most // 2:
            self.may_sell.set()

    @property
    def finished(self) -> bool:
        """Whether nothing sells any more and nothing will."""
        return self._made.is_set() and all(future.done() for future in self._running)

    def places(self) -> list[CardPlaces]:
        """The cards of the shops that have opened, and where their packages may be."""
        return [
            CardPlaces(
                uid=shop.shop.uid,
                name=shop.shop.seller.location_name,
                card=shop.shop.folder,
                told=len(shop.book.done),
                stores=(shop.shop.folder / STORE_FILE,),
            )
            for shop in self.open_shops
        ]

    def end(self) -> None:
        """Stop selling and wait for the baskets in work."""
        self.stop.set()
        self._maker_thread.join()
        self._tills.shutdown(wait=True)

    def _make_shops(self) -> None:
        try:
            with ThreadPoolExecutor(KEY_THREADS, "keys") as pool, psycopg.connect(self._country.intake_dsn) as conn:
                for shop, baskets, keys in self._with_keys(pool):
                    if self.stop.is_set():
                        break
                    self._open(conn, shop, baskets, keys)
        except Exception as error:
            log.exception("no further shops can be made")
            self.failures.append(f"no further shops: {error}")
        finally:
            self._made.set()

    def _with_keys(self, pool: ThreadPoolExecutor) -> Iterator[tuple[Shop, int, list[Future[PrivateKey]]]]:
        """Shops in order; the keys of those that need a card are begun a few shops ahead."""
        waiting: list[tuple[Shop, int, list[Future[PrivateKey]]]] = []
        for rank, (store_id, baskets) in enumerate(self._stores):
            shop = self._maker.plan(store_id, rank)
            pairs = 0 if self._maker.has_card(shop) else 2
            waiting.append((shop, baskets, [pool.submit(generate_rsa_key) for _ in range(pairs)]))
            if len(waiting) > SHOPS_AHEAD:
                yield waiting.pop(0)
        yield from waiting

    def _open(
        self, conn: psycopg.Connection[tuple[object, ...]], shop: Shop, baskets: int, keys: list[Future[PrivateKey]]
    ) -> None:
        if keys:
            signing, client = (future.result() for future in keys)
            self._maker.make_card(shop, (signing, client), system_clock())
        self._maker.register(conn, shop)
        conn.commit()
        self._wait_for_registration(conn, shop)
        with rack_file(self._country.state.run).open("a", encoding="ascii") as rack:
            rack.write(f"{shop.uid}\n")
        port = self._wait_for_port(shop)
        counts = MappingCounts()
        book = SalesBook(self._country.books / f"{shop.store_id}.txt")
        till = Till(
            client=PosClient("127.0.0.1", port),
            pin=shop.pin,
            cashier=f"Till {shop.store_id}",
            baskets=islice(self._source.baskets(shop.store_id, counts), self.baskets_each),
            book=book,
            stop=self.stop,
            may_sell=self.may_sell,
        )
        self.open_shops.append(OpenShop(shop, baskets, port, till, book, counts))
        self._running.append(self._tills.submit(till.run))

    def _wait_for_registration(self, conn: psycopg.Connection[tuple[object, ...]], shop: Shop) -> None:
        """A device may sell once its registration stands in the ledger."""
        until = time.monotonic() + _OPENING_SECONDS
        while not self.stop.is_set():
            entry = registry.secure_element(conn, shop.uid)
            conn.commit()
            if entry is not None and entry.registration_index is not None:
                return
            if time.monotonic() > until:
                raise TimeoutError(f"{shop.uid} was not entered into the ledger in time")
            time.sleep(_LOOK_SECONDS)

    def _wait_for_port(self, shop: Shop) -> int:
        file = port_file(self._country.state.run, shop.uid)
        until = time.monotonic() + _OPENING_SECONDS
        while not file.exists():
            if time.monotonic() > until:
                raise TimeoutError(f"the E-SDC of {shop.uid} did not start in time")
            time.sleep(_LOOK_SECONDS)
        return int(file.read_text())
