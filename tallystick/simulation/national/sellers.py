"""A national register that is in service, and what all national sellers together did."""

from __future__ import annotations

import threading
import time
from collections import Counter

import attrs

from tallystick.kernel.identifiers import Uid
from tallystick.simulation.national.register_till import RegisterTill, TillStopped
from tallystick.simulation.national.road import Road
from tallystick.simulation.national.setup import DevicePlan

_HOME_SECONDS = 180.0
_LOOK_SECONDS = 0.05


@attrs.define(eq=False)
class Register:
    """A register that is in service, with its till; a truck has its radio."""

    plan: DevicePlan
    till: RegisterTill
    road: Road | None = None

    @property
    def uid(self) -> Uid:
        """Its UID."""
        return self.plan.uid

    def await_home(self, stop: threading.Event) -> None:
        """Be within reach until the authority has all that was sold on the road."""
        assert self.road is not None
        self.road.come_back()
        until = time.monotonic() + _HOME_SECONDS
        while int((status := self.till.status())["waiting"]) and not status["stopped"]:
            if stop.wait(_LOOK_SECONDS):
                raise TillStopped
            if time.monotonic() > until:
                raise TimeoutError(f"{self.uid} could not bring what it sold: {status['trouble'] or 'no answer'}")


@attrs.frozen(kw_only=True)
class FleetFigures:
    """What the national sellers did in this run."""

    sold: int
    sold_before: int
    returns: int
    refused: Counter[str]
    heard: int

    def lines(self) -> list[str]:
        """For people."""
        return [
            f"national receipts in this run {self.sold:>9,}",
            f"  sold before                 {self.sold_before:>9,}",
            f"  taken back                  {self.returns:>9,}",
            *(f"  refused with {code:<15}{count:>9,}" for code, count in sorted(self.refused.items())),
            f"  told to the ERP by its feed {self.heard:>9,}",
        ]
