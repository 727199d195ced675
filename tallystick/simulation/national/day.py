"""The national stories of a run: who tells which, when they may begin, and what is noted when one is over."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from functools import partial

from tallystick.kit.atomic_file import write_atomically
from tallystick.ops.supervisor import Supervisor
from tallystick.simulation.children import Children
from tallystick.simulation.country import Country
from tallystick.simulation.day.day import Day
from tallystick.simulation.day.stage import Outage, StoryFailed, StoryStopped
from tallystick.simulation.day.visitor import Visitor
from tallystick.simulation.national import stories
from tallystick.simulation.national.fleet import Fleet
from tallystick.simulation.national.register_till import TillStopped
from tallystick.simulation.national.sellers import Register
from tallystick.simulation.national.stories import Scene
from tallystick.simulation.sign_in import OFFICERS

log = logging.getLogger(__name__)

_OFFICE_HELPS = "TRCK0101"
PLOTS: Mapping[str, Callable[[Scene, Register], str]] = {
    "MART0101": stories.lose_the_door,
    "TRCK0101": stories.drive_a_day,
    "TRCK0201": stories.steal_a_truck,
}
"""By the register whose seller tells it."""
_WANT_OUTAGE = ("MART0101", "TRCK0101")


class NationalDay:
    """All national stories of one run, on the stage of the shops' day. `tick` is called in the supervisor's thread."""

    def __init__(self, country: Country, children: Children, supervisor: Supervisor, fleet: Fleet, day: Day) -> None:
        self.stage = day.stage
        self._fleet = fleet
        self._curtain = threading.Event()
        self.outage = Outage(children.stop_ecr, children.start_ecr, lambda: True)
        officers = day.officer, Visitor(country.state, OFFICERS[1], self.stage)
        self._scene = Scene(self.stage, self.outage, fleet, country, supervisor, officers)

    def prepare(self) -> None:
        """Take the registers whose stories are still to be told, before the fleet starts."""
        self._fleet.on_end = self._left
        for uid in PLOTS:
            if self._fleet.note_of(uid).exists():
                continue
            self._fleet.drivers[uid] = partial(self._play, uid)
            self._fleet.has_errands = self._fleet.has_errands or uid == _OFFICE_HELPS
            if uid in _WANT_OUTAGE:
                self.outage.expect(uid)

    def start(self) -> None:
        """Let them begin."""
        self._curtain.set()

    def tick(self) -> None:
        """The stage is the shops' as well, and they tick it."""
        self.outage.tick()

    def end(self) -> None:
        """Play no further; what is not told yet is told by the next run."""
        self.stage.stopped.set()

    def _play(self, uid: str, register: Register) -> None:
        try:
            self.stage.until("the beginning of the stories", self._curtain.is_set)
            told = PLOTS[uid](self._scene, register)
            if told:
                write_atomically(self._fleet.note_of(uid), told.encode())
        except (StoryStopped, TillStopped):
            raise TillStopped from None
        except Exception as error:
            if not isinstance(error, StoryFailed):
                log.exception("the story of %s failed", uid)
            self._fleet.failures.append(f"story of {uid}: {error}")
            self.stage.say(f"The story of {uid} failed: {error}")

    def _left(self, uid: str) -> None:
        """Nobody waits for a seller that has come to its end."""
        self.outage.leave(uid)
        if uid == _OFFICE_HELPS:
            self._fleet.errands.put(None)
