"""Where a card is put in: the reader's port, a reader for virtual cards, what is read at each insertion (S2-026)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from tallystick.crypto.certificates import read_card_certificate
from tallystick.device.esdc.facts import CardFacts
from tallystick.device.secure_element import CardPort, CardUnavailable, SecureElement


class CardReader(Protocol):
    """A slot for one card. `generation` changes with every insertion, removal and reset."""

    @property
    def generation(self) -> int:
        """Which insertion this is."""

    def port(self) -> CardPort | None:
        """The inserted card, none when the slot is empty."""

    def call_on_change(self, callback: Callable[[], None]) -> None:
        """Who wants to hear of insertions and removals; called in any thread."""

    def close(self) -> None:
        """Let go of the reader; the slot is not used any more."""


class VirtualReader:
    """A slot in memory: a virtual card goes in and out as a hand would move it, from any thread."""

    def __init__(self, card: CardPort | None = None) -> None:
        self._lock = threading.Lock()
        self._generation = 0
        self._card: CardPort | None = None
        self._on_change: Callable[[], None] = lambda: None
        if card is not None:
            self.insert(card)

    @property
    def generation(self) -> int:
        """Which insertion this is."""
        return self._generation

    def insert(self, card: CardPort) -> None:
        """Put a card in; one that was inside is out."""
        with self._lock:
            self._generation += 1
            self._card = card
        self._on_change()

    def remove(self) -> None:
        """Take the card out."""
        with self._lock:
            self._generation += 1
            self._card = None
        self._on_change()

    def call_on_change(self, callback: Callable[[], None]) -> None:
        """Who wants to hear of it."""
        self._on_change = callback

    def close(self) -> None:
        """A card in a hand stays in it: whoever opened the card powers it off."""

    def port(self) -> CardPort | None:
        """The inserted card as this insertion sees it."""
        with self._lock:
            return None if self._card is None else _Inserted(self, self._card, self._generation)


class _Inserted:
    """A card until it is taken out: afterwards nobody reaches it, and an answer on its way is lost."""

    def __init__(self, reader: VirtualReader, card: CardPort, generation: int) -> None:
        self._reader = reader
        self._card = card
        self._generation = generation

    def transmit(self, apdu: bytes) -> bytes:
        """Send a command; raises `CardUnavailable` when the card is or goes out."""
        self._look()
        answer = self._card.transmit(apdu)
        self._look()
        return answer

    def _look(self) -> None:
        if self._reader.generation != self._generation:
            raise CardUnavailable("the card was taken out")


def read_card_facts(card: SecureElement) -> CardFacts:
    """Select the applet and read who the card is.

    Raises `CardUnavailable`, `StatusWordError`, and the faults of a certificate that cannot be read.
    """
    card.select()
    version = card.version()
    certificate = read_card_certificate(card.certificate())
    x, y = certificate.environment
    return CardFacts(
        uid=certificate.uid,
        seller=certificate.seller,
        environment=f"{x}.{y}",
        api_url=certificate.api_url,
        not_before=certificate.not_before,
        not_after=certificate.not_after,
        version=version,
        tax_core_key=card.tax_core_public_key(),
        signing_key=certificate.public_key,
    )
