"""One insertion of a card: who it is, its store, and what must be forgotten when it leaves (S2-008, S2-026)."""

from __future__ import annotations

from pathlib import Path

import attrs

from tallystick.device.esdc.card_slot import read_card_facts
from tallystick.device.esdc.database import StoreTaken
from tallystick.device.esdc.device_log import DeviceLog
from tallystick.device.esdc.facts import CardFacts, Position, Setup
from tallystick.device.esdc.left_cards import STORE_FILE
from tallystick.device.esdc.settings import Storage
from tallystick.device.esdc.store import Store
from tallystick.device.esdc.watched_card import WatchedCard
from tallystick.device.secure_element import CardPort, CardUnavailable, SecureElement, StatusWordError
from tallystick.kernel.faults import Fault
from tallystick.kernel.status_codes import StatusCode


class CardTrouble(Exception):
    """A card is in the slot and cannot be used; `code` is what a POS is told."""

    def __init__(self, code: StatusCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code


@attrs.define(slots=True)
class Session:
    """One insertion of a card: everything here is forgotten when the card leaves."""

    port: CardPort
    card: SecureElement
    facts: CardFacts
    store: Store
    setup: Setup | None = None
    setup_problem: str = ""
    position: Position | None = None
    pin_verified: bool = False
    wrong_pins: int = 0
    locked: bool = False
    insertion: int = 0


def open_session(card_port: CardPort, stores: Path, storage: Storage, insertion: int, log: DeviceLog) -> Session:
    """Read a card that was put in, and open its store; raises `CardTrouble` and `StoreBroken`."""
    port = WatchedCard(card_port, log)
    card = SecureElement(port)
    try:
        facts = read_card_facts(card)
    except (CardUnavailable, StatusWordError, Fault) as error:
        raise CardTrouble(StatusCode.SECURE_ELEMENT_UNREACHABLE, str(error)) from error
    try:
        store = Store(stores / facts.uid / STORE_FILE, uid=facts.uid, environment=facts.environment, storage=storage)
    except StoreTaken as error:
        raise CardTrouble(StatusCode.UNDEFINED_WARNING, str(error)) from error
    return Session(port=port, card=card, facts=facts, store=store, insertion=insertion)
