"""The stories of a run: which are still to be told, their threads, the outage, and what is noted for the table."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import attrs
import psycopg

from tallystick.kit.atomic_file import write_atomically
from tallystick.ops.supervisor import Supervisor
from tallystick.simulation.accounting import CardPlaces
from tallystick.simulation.children import Children
from tallystick.simulation.country import Country
from tallystick.simulation.day import stories
from tallystick.simulation.day.premises import OWNER, Premises
from tallystick.simulation.day.stage import Outage, Stage, StoryFailed, StoryStopped
from tallystick.simulation.day.stories import Scene
from tallystick.simulation.day.visitor import Visitor
from tallystick.simulation.market import Market
from tallystick.simulation.shops import ShopMaker
from tallystick.simulation.sign_in import OFFICERS

log = logging.getLogger(__name__)

OUTAGE = "outage"
_CERTIFICATES = "certificates"
_GOES_ON = "its story goes on with the next run"
OUTAGE_SECONDS = 4.0
OUTAGE_SECONDS_MOST = 20.0
"""However slowly the tills sell, the API comes back after this, once the stories have had their part."""
SALES_EACH = 5
"""What every till is to sell without the API, where it has so much."""


@attrs.frozen
class Plot:
    """A story with a shop: its name, the shop's title, the UIDs of its cards, how it is told."""

    name: str
    title: str
    uids: tuple[str, ...]
    tell: Callable[[Scene, Premises], str]
    wants_outage: bool


PLOTS = (
    Plot("by-hand", "Pier Kiosk", ("BYHAND01",), stories.carry_by_hand, wants_outage=False),
    Plot("two-cards", "Market Kiosk", ("CHANGE01", "CHANGE02"), stories.change_cards, wants_outage=True),
    Plot("dead-card", "Station Kiosk", ("DEADSE01",), stories.lose_card, wants_outage=True),
    Plot("lost-found", "Lighthouse Kiosk", ("LOSTPK01",), stories.lose_and_find, wants_outage=True),
)


class Day:
    """All stories of one run. `tick` is called in the supervisor's thread, a few times a second."""

    def __init__(
        self,
        country: Country,
        children: Children,
        supervisor: Supervisor,
        maker: ShopMaker,
        market: Market,
        say: Callable[[str], None],
    ) -> None:
        self._country = country
        self._market = market
        self._began_at = 0.0
        self._sold_before = 0
        self.stage = Stage(say)
        self.officer = Visitor(country.state, OFFICERS[0], self.stage)
        self.outage = Outage(lambda: self._stop_api(children), children.start_api, self._is_enough)
        maker = attrs.evolve(maker, plans=self._folder / _CERTIFICATES)
        self._shops = {
            plot.name: Premises(
                name=plot.name,
                title=plot.title,
                number=number,
                uids=plot.uids,
                country=country,
                maker=maker,
                stage=self.stage,
                supervisor=supervisor,
            )
            for number, plot in enumerate(PLOTS, 1)
        }
        self.failures: list[str] = []
        self._threads: list[threading.Thread] = []

    @property
    def _folder(self) -> Path:
        return self._country.state.demo / "premises"

    def _note(self, name: str) -> Path:
        """What became of a story that was told to its end."""
        return self._folder / f"{name}.told"

    def _is_told(self, name: str) -> bool:
        return self._note(name).exists()

    def start(self) -> None:
        """Begin what is still to be told; each story is told once a country."""
        plots = [plot for plot in PLOTS if not self._is_told(plot.name)]
        if not plots and self._is_told(OUTAGE):
            self.stage.say("The stories of the day were told in an earlier run; FRESH=1 makes a country with new ones.")
            return
        self.stage.say("The stories of the day begin, each in a kiosk of its own: the lines below tell them.")
        (self._folder / _CERTIFICATES).mkdir(mode=0o700, parents=True, exist_ok=True)
        people = {"taxpayer": Visitor(self._country.state, OWNER, self.stage), "officer": self.officer}
        jobs: list[tuple[str, Callable[[Scene], str]]] = []
        if not self._is_told(OUTAGE):
            jobs.append((OUTAGE, stories.tell_of_outage))
        jobs += [(plot.name, partial(self._tell, plot, self._shops[plot.name])) for plot in plots]
        for name in [name for name, _ in jobs if name == OUTAGE] + [plot.name for plot in plots if plot.wants_outage]:
            self.outage.expect(name)
        for name, job in jobs:
            thread = threading.Thread(target=self._play, args=(name, job, people), name=f"story {name}", daemon=True)
            self._threads.append(thread)
            thread.start()

    @staticmethod
    def _tell(plot: Plot, shop: Premises, scene: Scene) -> str:
        shop.make_cards()
        return plot.tell(scene, shop)

    def _play(self, name: str, job: Callable[[Scene], str], people: dict[str, Visitor]) -> None:
        try:
            with psycopg.connect(self._country.intake_dsn, autocommit=True) as conn:
                scene = Scene(
                    stage=self.stage,
                    outage=self.outage,
                    market=self._market,
                    sold_meanwhile=self._sold_meanwhile,
                    conn=conn,
                    **people,
                )
                told = job(scene)
            write_atomically(self._note(name), told.encode())
        except StoryStopped:
            pass
        except Exception as error:
            if self.stage.stopped.is_set():
                return
            if not isinstance(error, StoryFailed):
                log.exception("the story %s failed", name)
            self.failures.append(f"story {name}: {error}")
            self.stage.say(f"The story {name} failed: {error}")
        finally:
            self.outage.leave(name)

    @property
    def finished(self) -> bool:
        """Whether every story is at its end, whichever."""
        return not any(thread.is_alive() for thread in self._threads)

    def tick(self) -> None:
        """Start and stop what stories want."""
        self.stage.tick()
        self.outage.tick()

    def end(self) -> None:
        """Play no further; what is not told yet is told by the next run."""
        self.stage.stopped.set()
        for thread in self._threads:
            thread.join(30)

    def _stop_api(self, children: Children) -> None:
        children.stop_api()
        self._began_at, self._sold_before = time.monotonic(), self._sold()

    def _is_enough(self) -> bool:
        passed = time.monotonic() - self._began_at
        if passed < OUTAGE_SECONDS:
            return False
        wanted = SALES_EACH * len(self._market.open_shops)
        return passed > OUTAGE_SECONDS_MOST or self._market.finished or self._sold_meanwhile() >= wanted

    def _sold_meanwhile(self) -> int:
        return self._sold() - self._sold_before

    def _sold(self) -> int:
        """Invoices that all tills were given, those of the stories among them."""
        by_tills = sum(shop.till.figures.sold for shop in list(self._market.open_shops))
        return by_tills + sum(shop.sold(uid) for shop in self._shops.values() for uid in shop.uids)

    def places(self) -> list[CardPlaces]:
        """The cards of all stories that have begun, with what happened to them."""
        found = []
        for plot in PLOTS:
            shop = self._shops[plot.name]
            note, rests = self._note(plot.name), not self._threads
            found += shop.places(note.read_text() if note.exists() else _GOES_ON, rests=rests)
        return found

    def audited_now(self) -> frozenset[str]:
        """The cards whose audits are still going on in this run: those in an E-SDC that is online."""
        if not self._threads:
            return frozenset()
        found = []
        for plot in PLOTS:
            slot = self._shops[plot.name].slot
            if slot.exists() and not self._shops[plot.name].is_dead(slot.resolve().name):
                found.append(slot.resolve().name)
        return frozenset(found)
