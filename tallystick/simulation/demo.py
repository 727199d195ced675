"""The demonstration: a country from nothing to a checked ledger, with what a person wants to see on the way."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

import attrs
import msgspec
import psycopg
from rich.console import Console
from rich.progress import Progress

from tallystick.authority.ledger.findings import Finding
from tallystick.kernel.fixed_point import Money
from tallystick.ops.processes.till import RACK_NAME
from tallystick.ops.self_check import check_ledger
from tallystick.ops.settings import Settings
from tallystick.ops.state_folder import StateFolder
from tallystick.ops.supervisor import Supervisor, stop_flag
from tallystick.simulation.accounting import account_cards
from tallystick.simulation.baskets import BasketSource, BasketStore, find_data_folder
from tallystick.simulation.catalogue import CatalogueSource
from tallystick.simulation.children import RACK, Children
from tallystick.simulation.country import Country, open_country
from tallystick.simulation.day.day import Day
from tallystick.simulation.display import Display
from tallystick.simulation.figures import Figures, Observer
from tallystick.simulation.hosted import DemoPos, hosted_row, prepare_hosting
from tallystick.simulation.market import Market
from tallystick.simulation.national.account import account_devices
from tallystick.simulation.national.day import NationalDay
from tallystick.simulation.national.fleet import Fleet
from tallystick.simulation.sample import SampleReceipt, sample_of
from tallystick.simulation.shops import ShopMaker
from tallystick.simulation.sign_in import make_link
from tallystick.simulation.summary import summary_lines, take_account
from tallystick.simulation.tax_office import TaxOffice, wait_until_handed

log = logging.getLogger(__name__)

DEFAULT_STORES = 20
CARD_LIMIT = Money.of(Decimal(30_000))
"""Of a card in the demonstration: low enough that every busy shop is audited several times."""
_TICK_SECONDS = 0.1
_LOOK_SECONDS = 0.5
_DRAIN_SECONDS = 120.0
_HANDED_SECONDS = 60.0


@attrs.frozen(kw_only=True)
class DemoOptions:
    """What the person asked for."""

    stores: int = DEFAULT_STORES
    baskets_each: int | None = None
    fresh: bool = False
    keep: bool = False
    calm: bool = False
    """Whether the day goes by without its stories."""
    host: str = "127.0.0.1"


class Demo:
    """One run, from the command to its exit status."""

    def __init__(self, settings: Settings, options: DemoOptions, console: Console) -> None:
        self._settings = msgspec.structs.replace(settings, timing="demo", single_disk_accepted=True)
        self._options = options
        self._console = console
        self._state = StateFolder.of(settings.state)
        self._started = time.monotonic()
        self._stop_wanted: Callable[[], bool] = lambda: False
        self._days: tuple[Day | NationalDay, ...] = ()

    def run(self) -> int:
        """Do all of it; 0 when every basket is accounted for and the ledger is whole, 1 when not."""
        self._state.make()
        with Supervisor(self._state.run) as supervisor:
            if self._options.fresh and self._state.wipe():
                self._state.make()
                self._say("The former country was removed.")
            self._stop_wanted = stop_flag()
            self._say("Making the country: keys, database, rates …")
            country = open_country(self._settings, self._state)
            try:
                return self._run_country(country, supervisor)
            finally:
                supervisor.stop_all()
                country.close()

    def _run_country(self, country: Country, supervisor: Supervisor) -> int:
        children = Children(country, self._settings, self._options.host, supervisor)
        hosted_pos = prepare_hosting(country, self._settings, children.vsdc_url) if self._settings.demo_vsdc else None
        children.hosts = hosted_pos is not None
        self._say("Starting the authority …")
        children.start()
        baskets, each = self._baskets(country), self._options.baskets_each
        market = Market(country, self._shop_maker(country), baskets, stores=self._options.stores, baskets_each=each)
        fleet = Fleet(country, children, self._settings, baskets, each)
        day = Day(country, children, supervisor, self._shop_maker(country), market, self._tell)
        national = NationalDay(country, children, supervisor, fleet, day)
        self._days = (day, national)
        if not self._options.calm:
            national.prepare()
        children.start_registers(fleet.passphrase_file)
        market.start()
        fleet.start()
        try:
            with psycopg.connect(country.intake_dsn, autocommit=True) as connection:
                observer = Observer(market, fleet, connection, self._state.run / f"{RACK}.health")
                sample = self._first_receipt(market, supervisor, country)
                self._print_addresses(country, children, market, fleet, sample, hosted_pos)
                if not (self._options.calm or self._stop_wanted()):
                    day.start()
                    national.start()
                self._watch(market, fleet, day, observer, supervisor)
                market.end()
                national.end()
                fleet.end()
                day.end()
                figures = self._drain(market, day, observer, supervisor)
                if self._stop_wanted():
                    for rack in (RACK, RACK_NAME):
                        supervisor.stop(rack)  # the check looks at a ledger that rests
                status = self._account(market, fleet, day, connection, country, children.tax_office)
                self._print_last(figures, sample)
        finally:
            for sellers in (market, fleet):
                sellers.stop.set()
            for stories in self._days:
                stories.end()
            market.end()
            fleet.end()
        if self._options.keep and not self._stop_wanted():
            self._print_rows(fleet.rows())
            self._say("Everything keeps running. Ctrl-C ends it.")
            supervisor.run_until(self._stop_wanted)
        fleet.close()
        return status

    def _say(self, text: str) -> None:
        self._console.print(text, highlight=False, soft_wrap=True)

    def _tell(self, text: str) -> None:
        """A line of the day's stories."""
        self._say(f"{time.monotonic() - self._started:>5.0f} s  {text}")

    def _shop_maker(self, country: Country) -> ShopMaker:
        return ShopMaker(
            pack=country.pack,
            pki=country.pki,
            api_url=country.api_url,
            limit=CARD_LIMIT,
            plans=country.plans,
            folder_of=country.state.esdc,
        )

    def _baskets(self, country: Country) -> BasketStore:
        pack = country.pack
        folder = find_data_folder()
        if folder is None:
            self._say("The purchase data could not be had: the tills sell baskets that the project draws itself.")
            return CatalogueSource(pack.department_labels, pack.default_label)
        return BasketSource(folder, pack.department_labels, pack.default_label)

    def _pause(self, supervisor: Supervisor) -> None:
        supervisor.tick()
        for stories in self._days:
            stories.tick()
        time.sleep(_TICK_SECONDS)

    def _first_receipt(self, market: Market, supervisor: Supervisor, country: Country) -> SampleReceipt | None:
        is_over = False
        while not is_over:
            is_over = self._stop_wanted() or market.finished  # before looking: few baskets are sold between two looks
            for shop in list(market.open_shops):
                sale = shop.till.figures.first
                if sale is not None:
                    sample = sample_of(sale, country.state.demo / "receipt.gif")
                    self._say(f"First fiscal receipt {time.monotonic() - self._started:.0f} s after the start:\n")
                    text = sample.text(self._console.width)
                    self._console.print(text, highlight=False, markup=False, soft_wrap=True)
                    return sample
            self._pause(supervisor)
        return None

    def _print_addresses(
        self,
        country: Country,
        children: Children,
        market: Market,
        fleet: Fleet,
        sample: SampleReceipt | None,
        hosted_pos: DemoPos | None,
    ) -> None:
        link = make_link(country.state)
        rows = [
            ("this receipt, for its buyer", sample.url if sample is not None else "–"),
            ("operator's live page", f"{link}  (signs in once; `make link` prints another)"),
            ("two officers' pages", "`tallystick state link officer-1`, `… officer-2`"),
            ("an E-SDC to sell with", f"http://127.0.0.1:{market.open_shops[0].port}" if market.open_shops else "–"),
            ("device API", country.api_url),
            *hosted_row(country, children, hosted_pos),
            ("national door (TLS)", f"{children.ecr_url}  (registers, ERP systems, server nodes)"),
            ("checkpoint of the ledger", f"{children.public_url}checkpoint"),
            ("enrolment of devices (EST)", children.est_url),
            ("revocation lists, OCSP", country.birth.pki_url),
            ("figures of the tax queue", f"{children.tax_queue_url}queue"),
            ("its witnesses", ", ".join(children.witness_urls().values()) or "none"),
            ("data, logs", str(country.state.demo)),
        ]
        self._print_rows(rows)

    def _print_rows(self, rows: Iterable[tuple[str, str]]) -> None:
        self._say("")
        for name, value in rows:
            self._console.print(f"{name:<28} {value}", highlight=False, markup=False, soft_wrap=True)
        self._say("")

    def _watch(self, market: Market, fleet: Fleet, day: Day, observer: Observer, supervisor: Supervisor) -> None:
        with Display(self._console) as display:
            next_look = 0.0
            while not (market.finished and fleet.finished and day.finished) and not self._stop_wanted():
                self._pause(supervisor)
                if time.monotonic() >= next_look:
                    figures = observer.look()
                    market.pace(0 if day.outage.is_on else figures.waiting_at_devices)
                    display.show(figures)
                    next_look = time.monotonic() + _LOOK_SECONDS

    def _drain(self, market: Market, day: Day, observer: Observer, supervisor: Supervisor) -> Figures:
        """Wait until everything has arrived and the last audits are closed, unless the person is in a hurry."""
        until = time.monotonic() + _DRAIN_SECONDS
        figures = observer.look()
        if self._stop_wanted():
            return figures
        audited = {shop.shop.uid for shop in market.open_shops} | day.audited_now()
        self._say("Every basket is offered. Waiting for the last packages and proofs of audit …")
        with Display(self._console) as display:
            while time.monotonic() < until and not self._stop_wanted():
                display.show(figures)
                if not figures.waiting_at_devices and not observer.cards_in_audit() & audited:
                    break
                for _ in range(5):
                    self._pause(supervisor)
                figures = observer.look()
        return figures

    def _account(
        self,
        market: Market,
        fleet: Fleet,
        day: Day,
        connection: psycopg.Connection[Any],
        country: Country,
        office: TaxOffice,
    ) -> int:
        cards = account_cards(connection, [*market.places(), *day.places()])
        devices = account_devices(connection, fleet.places())
        account = take_account(market, fleet, cards, devices, day.failures)
        self._say("")
        for line in summary_lines(account):
            self._console.print(line, highlight=False, markup=False, soft_wrap=True)
        handed = wait_until_handed(connection, office, _HANDED_SECONDS, self._stop_wanted)
        self._say(handed.line)
        findings = self._self_check(country)
        stopped = self._stop_wanted()
        if stopped:
            self._say("Stopped early: what waits at the devices goes on with the next `make demo`.")
        whole = account.whole and handed.is_all
        good = not findings and account.adds_up and account.nothing_lost and (stopped or whole)
        if not account.nothing_lost:
            self._say("INVOICES ARE LOST: see the account above.")
        return 0 if good else 1

    def _self_check(self, country: Country) -> list[Finding]:
        self._say("\nChecking the whole ledger …")
        started = time.monotonic()
        entries = 0
        with Progress(console=self._console, transient=True, disable=not self._console.is_terminal) as progress:
            task = progress.add_task("entries", total=None)

            def tell(done: int, total: int) -> None:
                nonlocal entries
                entries = total
                progress.update(task, completed=done, total=total)

            findings = check_ledger(country.owner_dsn, self._settings, self._state, country.pki.public_key("log"), tell)
        seconds = time.monotonic() - started
        if findings:
            self._say(f"THE LEDGER IS NOT WHOLE: {len(findings)} findings in {entries:,} entries.")
            for found in findings[:20]:
                self._say(f"  {found}")
        else:
            self._say(f"The ledger is whole: {entries:,} entries in {seconds:.1f} s, all sequences and both copies.")
        return findings

    def _print_last(self, figures: Figures, sample: SampleReceipt | None) -> None:
        audit = figures.audit
        seconds = time.monotonic() - self._started
        self._say(f"Audits done {audit.ended_cycles:,}, open {audit.open_cycles:,}. The run took {seconds:.0f} s.")
        if sample is not None:
            self._say(f"The buyer's answer for the first receipt: {sample.verification_status()}")
