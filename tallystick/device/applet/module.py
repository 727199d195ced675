"""A virtual module over APDU bytes from the factory to its end: fresh, with applet, then a card and nothing else.

The private keys are made in here and never leave (S1-044). Once the factory has ended, its commands do not exist.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path
from threading import Lock

from tallystick.crypto.keys import PrivateKey, generate_rsa_key
from tallystick.device.applet.blank import Blank
from tallystick.device.applet.card import VirtualCard
from tallystick.device.applet.core import Random, Refusal
from tallystick.device.applet.factory_floor import FactoryFloor
from tallystick.device.applet.identity import KEYS_FILE
from tallystick.device.secure_element.port import CardUnavailable
from tallystick.kernel.faults import Fault
from tallystick.wire.apdu import CommandApdu, ResponseApdu, StatusWord
from tallystick.wire.module_factory import FACTORY_AID

_SELECT = 0xA4


class VirtualModule:
    """A module in a reader. One command at a time; once the factory has ended it is its card."""

    def __init__(self, folder: Path, random: Random, make_key: Callable[[], PrivateKey]) -> None:
        """Power on; `open` is the usual way."""
        self._folder = folder
        self._random = random
        self._make_key = make_key
        self._one_at_a_time = Lock()
        self._powered = True
        self._floor: FactoryFloor | None = None
        self._card: VirtualCard | None = None
        self._selected = False
        self._power_on()

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        random: Random = secrets.token_bytes,
        make_key: Callable[[], PrivateKey] = generate_rsa_key,
    ) -> VirtualModule:
        """Power a module's folder on; raises `CardUnavailable`, `CardInUse`."""
        return cls(path, random, make_key)

    def _power_on(self) -> None:
        self._selected = False
        if (self._folder / KEYS_FILE).exists():
            self._card, self._floor = VirtualCard.open(self._folder, random=self._random), None
        else:
            self._floor = FactoryFloor(self._folder, Blank.load(self._folder), self._random, self._make_key)

    def transmit(self, apdu: bytes) -> bytes:
        """Carry one command out, whatever its bytes. Raises `CardUnavailable` without power."""
        with self._one_at_a_time:
            if self._floor is not None and self._floor.has_ended:
                self._power_on()
            if self._card is not None:
                return self._card.transmit(apdu)
            if not self._powered:
                raise CardUnavailable("the module has no power")
            try:
                return ResponseApdu(self._run(apdu), StatusWord.OK).encode()
            except Refusal as refusal:
                return ResponseApdu(b"", refusal.status_word).encode()
            except OSError:
                self._powered = False
                return ResponseApdu(b"", StatusWord.MEMORY_FAILURE).encode()

    def reset(self) -> None:
        """What a reader's reset does: nothing is selected; a module that was finished wakes up as a card."""
        if self._card is not None:
            self._card.reset()
            return
        with self._one_at_a_time:
            self._power_on()

    def power_off(self) -> None:
        """Take the module out."""
        self._powered = False
        if self._card is not None:
            self._card.power_off()

    def _run(self, apdu: bytes) -> bytes:
        try:
            command = CommandApdu.parse(apdu)
        except Fault:
            raise Refusal(StatusWord.WRONG_LENGTH) from None
        if command.cla == 0x00 and command.ins == _SELECT:
            if command.data != FACTORY_AID:
                raise Refusal(StatusWord.NOT_FOUND)
            self._selected = True
            return b""
        if not self._selected or self._floor is None:
            raise Refusal(StatusWord.CLASS_UNKNOWN)
        return self._floor.run(command)
