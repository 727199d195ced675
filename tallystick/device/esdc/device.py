"""The device's one thread of work: it owns the card session and the store, and answers one job after another.

Nothing here waits for a network. `Device` is plain and synchronous, so that a test can hold it in its hand, cut its
power between any two steps, and open it again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, tzinfo
from pathlib import Path
from typing import TypeVar

from tallystick.device.esdc.activity import Activity, Doing
from tallystick.device.esdc.card_slot import CardReader
from tallystick.device.esdc.commands import CardNotReady, obey
from tallystick.device.esdc.conversation import hold
from tallystick.device.esdc.database import StoreBroken
from tallystick.device.esdc.device_log import DeviceLog, Kind
from tallystick.device.esdc.device_notes import StorageFull, note_command, note_failed_sale
from tallystick.device.esdc.facts import Facts, Position
from tallystick.device.esdc.fiscalise import Order, SignUncertain, Sold, fiscalise
from tallystick.device.esdc.left_cards import LeftCards
from tallystick.device.esdc.pin_entry import PinPaused, present_pin
from tallystick.device.esdc.recovery import CardDisagrees, NotConfigured, recover
from tallystick.device.esdc.session import CardTrouble, Session, open_session
from tallystick.device.esdc.settings import EsdcSettings
from tallystick.device.esdc.setup import SetupProblem, build_setup, find_zone
from tallystick.device.esdc.storage import FreeBytes, Fullness, free_bytes_of_disk, fullness, invoices_left
from tallystick.device.secure_element import CardExchanged, CardUnavailable, StatusWordError, is_not_our_applet
from tallystick.kernel.faults import Fault, PosFault
from tallystick.kernel.instants import Clock
from tallystick.kernel.status_codes import StatusCode
from tallystick.wire.journal import LANGUAGES
from tallystick.wire.taxcore_api import Command, CommandType

__all__ = ["Device", "PinPaused", "StorageFull"]

T = TypeVar("T")


class Device:
    """One slot with its stores. All methods run in one thread."""

    def __init__(
        self,
        reader: CardReader,
        stores: Path,
        settings: EsdcSettings,
        clock: Clock,
        *,
        home: Path | None = None,
        free_bytes: FreeBytes = free_bytes_of_disk,
        languages: Iterable[str] = tuple(LANGUAGES),
    ) -> None:
        """`home` is where the slot keeps what belongs to no card: its log, its earlier cards, its clock."""
        self._reader = reader
        self.stores = stores
        self.settings = settings
        self.clock = clock
        self.log = DeviceLog(None if home is None else home / "log", clock, lambda: self.zone, settings.log, free_bytes)
        self.left = LeftCards(stores, home, settings.storage, self.log)
        self.activity = Activity()
        self.on_time_server: Callable[[], None] = lambda: None
        self._free_bytes = free_bytes
        self.languages = tuple(languages)
        self._generation = -1
        self._insertions = 0
        self.session: Session | None = None
        self.trouble: StatusCode | None = StatusCode.CARD_NOT_PRESENT

    @property
    def zone(self) -> tzinfo:
        """The local time of whoever stands at the device."""
        session = self.session
        return session.setup.zone if session and session.setup else find_zone("", self.settings.time_zone)

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
            self.log.event(Kind.DEVICE, f"card {session.facts.uid} removed")

    def _enter(self) -> None:
        port = self._reader.port()
        if port is None:
            self.trouble = StatusCode.CARD_NOT_PRESENT
            return
        self._insertions += 1
        try:
            self.session = open_session(port, self.stores, self.settings.storage, self._insertions, self.log)
        except CardTrouble as trouble:
            self._note_trouble(trouble)
            return
        self.trouble = None
        facts = self.session.facts
        self.log.event(Kind.DEVICE, f"card {facts.uid} inserted, environment {facts.environment}")
        self.load_setup()
        self._settle(self.session)
        self.left.inserted(facts.uid, facts.environment)

    def _note_trouble(self, trouble: CardTrouble) -> None:
        if self.trouble is not trouble.code:
            self.log.error(Kind.INITIALIZATION, f"the card cannot be used: {trouble}")
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

    def time_servers(self) -> list[str]:
        """Whom to ask for the time: command 1, then the environment document's server (S2-018)."""
        session = self.session
        if session is None:
            return []
        told = session.store.setup.configuration().get(CommandType.SET_TIME_SERVER_URL, "")
        found = [told, session.setup.configuration.ntp_server if session.setup else ""]
        return [server for number, server in enumerate(found) if server and server not in found[:number]]

    def close(self) -> None:
        """A clean stop."""
        self.log.event(Kind.DEVICE, "stopped")
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
            reason = str(error) or "waiting for the configuration"
            self.log.error(Kind.FISCALIZATION, f"card {session.facts.uid} cannot sign: {reason}")
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
        try:
            present_pin(session, pin, self.settings.wrong_pins_in_a_row, self.log)
        except CardUnavailable as error:
            raise self._lost(session, error) from error

    def confirm_pin_entry(self) -> None:
        """A person stands at the device: PINs may be tried again."""
        session = self.refresh()
        if session is not None:
            session.wrong_pins = 0
            self.log.event(Kind.INITIALIZATION, "a person confirmed that PINs may be tried again")

    def sell(self, order: Order) -> Sold:
        """Fiscalise. Raises `PosFault`, `LanguageNotOffered`, `StorageFull`, `StoreBroken`."""
        try:
            return self._sell(order)
        except Exception as error:
            note_failed_sale(self.log, error)
            raise

    def _sell(self, order: Order) -> Sold:
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
            self.log.error(Kind.FISCALIZATION, f"card {session.facts.uid} may have signed: {error}")
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
        if is_not_our_applet(refusal.__cause__):
            self._lost(session, CardExchanged("the card knows nothing of this session"))
            return
        codes = {error.code for error in refusal.errors}
        if codes & {StatusCode.PIN_REQUIRED, StatusCode.CARD_LOCKED}:
            session.pin_verified = False
            session.locked = StatusCode.CARD_LOCKED in codes

    def _lost(self, session: Session, error: CardUnavailable) -> PosFault:
        """The card went away, or does not answer: the session ends, the next job begins a new one."""
        self.log.error(Kind.CARD, f"card {session.facts.uid}: {error}")
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

    def invoices_left(self, session: Session) -> int:
        """How many more invoices fit into the inserted card's store, by the size of those that are in it."""
        store = session.store
        used, free = store.used_bytes(), self._free_bytes(self.stores)
        return invoices_left(used, free, store.typical_sale_bytes(), self.settings.storage)

    def distrust(self, uid: str, damage: str) -> None:
        """A store was found damaged. Raises `StoreBroken` when it is the one in use."""
        if self.session is not None and self.session.facts.uid == uid:
            self.session.store.distrust()
            raise StoreBroken(damage)

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
        self.log.error(Kind.AUDIT, f"no audit was started: {error}")

    def obey_all(self, commands: Iterable[Command]) -> None:
        """Carry out commands one after another, in the order received (S2-013 to S2-015).

        Stops early without a word when the card is not ready: what was not carried out stays outstanding.
        """
        session = self.require_card()
        try:
            with self.activity.of(Doing.COMMANDS):
                for command in commands:
                    success = hold(obey(command, session.facts.uid, self.languages, self.clock()), session)
                    note_command(self.log, command, success)
                    if success and command.known_type is CommandType.SET_TIME_SERVER_URL:
                        self.on_time_server()  # asked at once (wire: 6.4)
        except (CardNotReady, CardUnavailable) as error:
            self.log.error(Kind.INITIALIZATION, f"commands wait: {error}")
        finally:
            self.load_setup()
            if session.setup is None:
                self.log.error(Kind.INITIALIZATION, f"not configured: {session.setup_problem}")
        if session.position is None:
            self._settle(session)
