"""The device's one thread of work: it owns the card session and the store, and answers one job after another.

Nothing here waits for a network. `Device` is plain and synchronous, so that a test can hold it in its hand, cut its
power between any two steps, and open it again.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from tallystick.device.esdc.card_slot import CardReader
from tallystick.device.esdc.commands import CardNotReady, obey
from tallystick.device.esdc.conversation import hold
from tallystick.device.esdc.database import StoreBroken
from tallystick.device.esdc.facts import Facts, Position
from tallystick.device.esdc.fiscalise import Order, SignUncertain, Sold, fiscalise
from tallystick.device.esdc.recovery import CardDisagrees, NotConfigured, recover
from tallystick.device.esdc.session import CardTrouble, Session, open_session
from tallystick.device.esdc.settings import EsdcSettings
from tallystick.device.esdc.setup import SetupProblem, build_setup
from tallystick.device.esdc.storage import FreeBytes, Fullness, free_bytes_of_disk, fullness
from tallystick.device.secure_element import (
    CardUnavailable,
    StatusWordError,
    status_code_for,
)
from tallystick.kernel.faults import Fault, PosFault
from tallystick.kernel.instants import Clock
from tallystick.kernel.status_codes import StatusCode
from tallystick.wire.journal import LANGUAGES
from tallystick.wire.taxcore_api import Command

log = logging.getLogger(__name__)
T = TypeVar("T")

_PIN = re.compile(r"[0-9]{4}", re.ASCII)


class StorageFull(Exception):
    """No room for another sale: refused before anything is written or signed; HTTP 503."""


class PinPaused(Exception):
    """Too many wrong PINs in a row: nobody may try until a person confirms at the device or puts the card in anew."""


class Device:
    """One slot with its stores. All methods run in one thread."""

    def __init__(
        self,
        reader: CardReader,
        stores: Path,
        settings: EsdcSettings,
        clock: Clock,
        *,
        free_bytes: FreeBytes = free_bytes_of_disk,
        languages: Iterable[str] = tuple(LANGUAGES),
    ) -> None:
        self._reader = reader
        self.stores = stores
        self.settings = settings
        self.clock = clock
        self._free_bytes = free_bytes
        self.languages = tuple(languages)
        self._generation = -1
        self._insertions = 0
        self.session: Session | None = None
        self.trouble: StatusCode | None = StatusCode.CARD_NOT_PRESENT

    # Insertion and removal

    def refresh(self) -> Session | None:
        """See whether a card came or went; read a new one, and settle what it left open. None without a usable card."""
        generation = self._reader.generation
        if generation != self._generation:
            self._leave()
            self._generation = generation
        if self.session is None:
            self._enter()
        return self.session

    def _leave(self) -> None:
        session, self.session = self.session, None
        if session is not None:
            session.store.close()
            log.info("card %s removed", session.facts.uid)

    def _enter(self) -> None:
        port = self._reader.port()
        if port is None:
            self.trouble = StatusCode.CARD_NOT_PRESENT
            return
        self._insertions += 1
        try:
            self.session = open_session(port, self.stores, self.settings.storage, self._insertions)
        except CardTrouble as trouble:
            self._note_trouble(trouble)
            return
        self.trouble = None
        self.load_setup()
        self._settle(self.session)
        log.info("card %s inserted", self.session.facts.uid)

    def _note_trouble(self, trouble: CardTrouble) -> None:
        if self.trouble is not trouble.code:
            log.error("card cannot be used: %s", trouble)
        self.trouble = trouble.code

    def load_setup(self) -> None:
        """Read the stored configuration of the inserted card."""
        session = self.session
        assert session is not None
        try:
            session.setup = build_setup(session.store.setup.configuration(), self.languages, self.settings.time_zone)
            session.setup_problem = ""
        except (SetupProblem, Fault) as problem:
            session.setup = None
            session.setup_problem = str(problem)

    def close(self) -> None:
        """A clean stop."""
        session, self.session = self.session, None
        if session is not None:
            session.store.close()

    def abandon(self) -> None:
        """What a power cut leaves: the file as it is."""
        session, self.session = self.session, None
        if session is not None:
            session.store.abandon()

    # Recovery

    def _settle(self, session: Session) -> bool:
        """Judge open intents; until that succeeded nothing is signed."""
        if session.position is not None:
            return True
        try:
            session.position = hold(recover(self._facts(session), self.clock()), session)
        except (CardUnavailable, StatusWordError, CardDisagrees, NotConfigured) as error:
            log.error("card %s cannot sign: %s", session.facts.uid, error)
            return False
        return True

    def _facts(self, session: Session) -> Facts | None:
        if session.setup is None:
            return None
        return Facts(card=session.facts, setup=session.setup, mrc=self.settings.mrc, currency=self.settings.currency)

    # What a POS asks for

    def require_card(self) -> Session:
        """The session with the inserted card; raises 1300, 2220 or 1999 as a `PosFault`."""
        session = self.refresh()
        if session is None:
            raise PosFault.single(self.trouble or StatusCode.SECURE_ELEMENT_UNREACHABLE)
        return session

    def verify_pin(self, pin: str) -> None:
        """Present the PIN once; it is not kept (S2-020 to S2-022).

        Raises `PosFault` (1300, 2220, 2806, 2100, 2110) and `PinPaused`.
        """
        session = self.require_card()
        if _PIN.fullmatch(pin) is None:
            raise PosFault.single(StatusCode.INVALID_FORMAT)
        if session.wrong_pins >= self.settings.wrong_pins_in_a_row:
            raise PinPaused
        try:
            session.card.verify_pin(pin)
        except StatusWordError as error:
            session.pin_verified = False
            code = status_code_for(error.status_word, error.instruction)
            session.locked = code is StatusCode.CARD_LOCKED
            session.wrong_pins += code is StatusCode.PIN_NOT_OK
            log.warning("PIN refused: %s", error)
            raise PosFault.single(code) from error
        except CardUnavailable as error:
            raise self._lost(session, error) from error
        session.pin_verified = True
        session.locked = False
        session.wrong_pins = 0

    def confirm_pin_entry(self) -> None:
        """A person stands at the device: PINs may be tried again."""
        session = self.refresh()
        if session is not None:
            session.wrong_pins = 0

    def sell(self, order: Order) -> Sold:
        """Fiscalise. Raises `PosFault`, `LanguageNotOffered`, `StorageFull`, `StoreBroken`."""
        session = self.require_card()
        facts = self._require_ready(session)
        if session.position is None and not self._settle(session):
            raise PosFault.single(StatusCode.SECURE_ELEMENT_UNREACHABLE)
        assert session.position is not None
        if self.fullness(session) is Fullness.FULL:
            raise StorageFull
        now = self.clock()
        try:
            sold = self._hold_sale(session, order, facts, session.position, now)
        except PosFault as refusal:
            self._note_refusal(session, refusal)
            raise
        if sold.signed is not None:
            session.position = Position(counter=sold.signed.total_counter, last_signed_ms=sold.signed.time_ms)
        return sold

    def _hold_sale(self, session: Session, order: Order, facts: Facts, position: Position, now: datetime) -> Sold:
        settings = self.settings
        sale = fiscalise(order, facts, position, now, settings)
        try:
            return hold(sale, session)
        except CardUnavailable as error:
            raise self._lost(session, error) from error
        except SignUncertain as error:
            session.position = None
            log.error("card %s: %s", session.facts.uid, error)
            raise PosFault.single(StatusCode.SECURE_ELEMENT_UNREACHABLE) from error
        except (PosFault, StoreBroken):
            raise
        except Exception:
            session.position = None
            raise

    def _require_ready(self, session: Session) -> Facts:
        """PIN given and configuration there, in the order in which a cashier can clear it."""
        if session.locked:
            raise PosFault.single(StatusCode.CARD_LOCKED)
        if not session.pin_verified:
            raise PosFault.single(StatusCode.PIN_REQUIRED)
        facts = self._facts(session)
        if facts is None:
            raise PosFault.single(StatusCode.NOT_CONFIGURED)
        return facts

    def _note_refusal(self, session: Session, refusal: PosFault) -> None:
        codes = {error.code for error in refusal.errors}
        if codes & {StatusCode.PIN_REQUIRED, StatusCode.CARD_LOCKED}:
            session.pin_verified = False
            session.locked = StatusCode.CARD_LOCKED in codes
        log.info("invoice request refused: %s", refusal)

    def _lost(self, session: Session, error: CardUnavailable) -> PosFault:
        """The card went away, or does not answer: the session ends, the next job begins a new one."""
        log.error("card %s: %s", session.facts.uid, error)
        self._leave()
        if self._reader.port() is None:
            return PosFault.single(StatusCode.CARD_NOT_PRESENT)
        return PosFault.single(StatusCode.SECURE_ELEMENT_UNREACHABLE)

    def find_invoice(self, request_id: str) -> bytes | None:
        """The newest answer given under a request id; raises `PosFault` 1300, 2220 and 2400."""
        session = self.require_card()
        if session.setup is None:
            raise PosFault.single(StatusCode.NOT_CONFIGURED)
        return session.store.newest_answer(request_id)

    def fullness(self, session: Session) -> Fullness:
        """How full the inserted card's store is."""
        return fullness(session.store.used_bytes(), self._free_bytes(self.stores), self.settings.storage)

    # What the audit loop asks for

    def serve(self, job: Callable[[Device], T]) -> T:
        """Run a job on this device; a card that is lost meanwhile ends the session and raises `PosFault`."""
        try:
            return job(self)
        except CardUnavailable as error:
            if self.session is None:
                raise PosFault.single(StatusCode.SECURE_ELEMENT_UNREACHABLE) from error
            raise self._lost(self.session, error) from error

    def note_audit_refused(self, error: StatusWordError) -> None:
        """The card would not start an audit."""
        log.error("no audit was started: %s", error)

    def obey_all(self, commands: Iterable[Command]) -> None:
        """Carry out commands one after another, in the order received (S2-013 to S2-015).

        Stops early without a word when the card is not ready: what was not carried out stays outstanding.
        """
        session = self.require_card()
        try:
            for command in commands:
                success = hold(obey(command, session.facts.uid, self.languages, self.clock()), session)
                log.info("command %s of type %d: %s", command.command_id, command.type, success)
        except (CardNotReady, CardUnavailable) as error:
            log.warning("commands wait: %s", error)
        finally:
            self.load_setup()
        if session.position is None:
            self._settle(session)
