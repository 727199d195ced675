"""A reader for virtual cards whose slot is a link: whoever makes it puts a card in, whoever removes it takes it out.

So a running E-SDC can be shown what a hand does at a real reader: a card pulled, another put in, one that is dead.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from tallystick.device.applet.card import VirtualCard
from tallystick.device.esdc.card_slot import VirtualReader
from tallystick.device.secure_element import CardPort, CardUnavailable

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.1
_Seen = tuple[int, int, int] | None


class LinkSlot:
    """A `CardReader`: the card is the one to whose folder the link leads. A thread looks until `close`."""

    def __init__(self, link: Path) -> None:
        self._link = link
        self._reader = VirtualReader()
        self._card: VirtualCard | None = None
        self._seen: _Seen = None
        self._closed = threading.Event()
        self._look()
        self._thread = threading.Thread(target=self._follow, name=f"slot {link.name}", daemon=True)
        self._thread.start()

    @property
    def generation(self) -> int:
        """Which insertion this is."""
        return self._reader.generation

    def port(self) -> CardPort | None:
        """The card that is in, none when the slot is empty."""
        return self._reader.port()

    def call_on_change(self, callback: Callable[[], None]) -> None:
        """Who wants to hear of insertions and removals."""
        self._reader.call_on_change(callback)

    def close(self) -> None:
        """Look no more, and power the card off."""
        self._closed.set()
        self._thread.join()
        self._take_out()

    def _follow(self) -> None:
        while not self._closed.wait(LOOK_SECONDS):
            self._look()

    def _look(self) -> None:
        seen = _what_is_in(self._link)
        if seen == self._seen:
            return
        self._take_out()
        self._seen = seen
        if seen is not None:
            self._reader.insert(self._powered_on())

    def _take_out(self) -> None:
        if self._reader.port() is not None:
            self._reader.remove()
        card, self._card = self._card, None
        if card is not None:
            card.power_off()

    def _powered_on(self) -> CardPort:
        try:
            self._card = VirtualCard.open(self._link)
        except CardUnavailable as error:
            log.error("the card in %s does not answer: %s", self._link, error)
            return _Mute(str(error))
        return self._card


class _Mute:
    """A card that is in the reader and answers nothing."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def transmit(self, apdu: bytes) -> bytes:
        """Always raises `CardUnavailable`."""
        raise CardUnavailable(self._reason)


def _what_is_in(link: Path) -> _Seen:
    """What tells one insertion from another: the link itself, and the folder to which it leads."""
    try:
        made, folder = link.lstat(), link.stat()
    except OSError:
        return None
    return made.st_ino, made.st_mtime_ns, folder.st_ino
