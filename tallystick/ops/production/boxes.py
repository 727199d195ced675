"""Boxes of blanks: virtual ones in a folder, or real ones that a person puts into a reader one by one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

import attrs

from tallystick.authority.reference.production.values import Module
from tallystick.device.applet.blank import VIRTUAL_HARDWARE, supply
from tallystick.device.applet.contacts import Transmission, contacts
from tallystick.device.applet.module import VirtualModule
from tallystick.device.secure_element.pcsc import PcscReader
from tallystick.device.secure_element.port import CardPort, CardUnavailable
from tallystick.device.secure_element.t0 import T0Port

KEY_SECONDS = 120.0
"""A controller of this class may take a minute for a key of RSA-2048."""


NOTICE_SECONDS = 10.0


class Box(Protocol):
    """Where blanks come from. The same slot is the same blank, before and after a crash."""

    def insert(self, module: Module) -> AbstractContextManager[CardPort]:
        """The module of a slot, in the reader as long as the context lives; raises `CardUnavailable`."""


@attrs.frozen(slots=True, kw_only=True)
class VirtualBox:
    """A folder with a virtual module in each slot, supplied when it is first taken; over T=0 or T=1 (S1-049)."""

    folder: Path
    transmission: Transmission = Transmission.T1

    def place(self, slot: int) -> Path:
        """The folder of a slot, which becomes the card's."""
        return self.folder / f"{slot:06d}"

    @contextmanager
    def insert(self, module: Module) -> Iterator[CardPort]:
        """Power it on."""
        place = self.place(module.slot)
        if not place.exists():
            supply(place, attrs.evolve(VIRTUAL_HARDWARE, form_factor=module.form_factor))
        powered = VirtualModule.open(place)
        try:
            touched = contacts(powered, self.transmission)
            yield T0Port(touched) if self.transmission is Transmission.T0 else touched
        finally:
            powered.power_off()


@attrs.frozen(slots=True, kw_only=True)
class ReaderBox:
    """A PC/SC reader; ``ask`` tells the person which blank to put in, and returns when it is."""

    reader: str
    ask: Callable[[Module], None]

    @contextmanager
    def insert(self, module: Module) -> Iterator[CardPort]:
        """Have the person put it in."""
        self.ask(module)
        reader = PcscReader(self.reader, answer_seconds=KEY_SECONDS)
        try:
            yield self._port_of(reader)
        finally:
            reader.close()

    @staticmethod
    def _port_of(reader: PcscReader) -> CardPort:
        """A reader takes a moment to notice a card."""
        until = time.monotonic() + NOTICE_SECONDS
        while (port := reader.port()) is None:
            if time.monotonic() > until:
                raise CardUnavailable("no module in the reader")
            time.sleep(0.1)
        return port
