"""The walk of one module through the station, step by step, each of which a crash may cut (S1-042 to S1-057).

What the authority must know first is committed first: the number before it is written, the keys before they are
certified, the sealed PIN before the module gets it. What a module was told it can be told again. So a walk that was cut
begins where the records and the module say.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Any

import attrs
import psycopg

from tallystick.authority.reference.production import making
from tallystick.authority.reference.production.hardware import HardwareProfile
from tallystick.authority.reference.production.lifecycle import State
from tallystick.authority.reference.production.making import Issuer
from tallystick.authority.reference.production.moving import STATION, Country
from tallystick.authority.reference.production.values import Module
from tallystick.crypto.keys import PublicKey
from tallystick.crypto.pin_letters import seal_pin
from tallystick.device.secure_element.factory_session import FactorySession
from tallystick.device.secure_element.port import CardAnswerUnreadable, CardPort
from tallystick.device.secure_element.session import SecureElement
from tallystick.device.secure_element.status import StatusWordError
from tallystick.kernel.faults import Fault
from tallystick.kernel.fiscal_module import KeyUse
from tallystick.ops.production.module_tests import prove_keys, read_back, self_test
from tallystick.wire.module_factory import DataGroup, ModuleStage, ModuleTells, write_bounds

Connection = psycopg.Connection[Any]
SPOILS = frozenset({"TS-3003", "TS-3004", "TS-3010", "TS-3061", "TS-3062", "TS-3069"})
"""Faults of the module itself: it is set aside and the next blank is taken. Any other stops the station.

``TS-4023`` is none of them: another module in the reader says nothing about the one of this row.
"""


@attrs.frozen(slots=True, kw_only=True)
class StationPlan:
    """What every module of a run gets and must be."""

    profile: HardwareProfile
    country: Country
    api_url: str
    vsdc_url: str
    categories: int
    encryption_key: PublicKey
    proof_key: PublicKey
    printer_key: PublicKey


def new_pin() -> str:
    """Four random digits."""
    return f"{secrets.randbelow(10_000):04d}"


@attrs.frozen(slots=True, kw_only=True)
class Station:
    """One working place: a connection to the authority, an issuer, a clock."""

    conn: Connection
    issuer: Issuer
    plan: StationPlan
    clock: Callable[[], datetime]
    choose_number: Callable[[], str] = making.random_number
    choose_pin: Callable[[], str] = new_pin
    enter: Callable[[Connection, Module, datetime], None] = lambda conn, module, at: None
    """Notes the module's certificates and proof key where the PKI and the keys want them, with its registration."""

    def make(self, module: Module, port: CardPort) -> None:
        """Lead a module from wherever it is to its entry in the registry.

        Raises the faults of ``SPOILS`` when the module is no good, ``TS-4023`` when what is in the reader is not this
        module, other faults and `CardUnavailable` when the station cannot go on with it now.
        """
        try:
            _Walk(self, module, port).go()
        except (StatusWordError, CardAnswerUnreadable) as error:
            self.conn.rollback()
            raise Fault("TS-3062", detail=f"the module does not do what it must: {error}") from error
        except BaseException:
            self.conn.rollback()
            raise

    def take(self, batch_id: int, line: int) -> Module:
        """The module of a line: the one in work, or the next blank. Raises ``TS-3009``, ``TS-3064``."""
        module = making.take_blank(self.conn, batch_id, line, self.clock())
        self.conn.commit()
        return module

    def spoil(self, module: Module, because: Fault) -> None:
        """Set a module aside."""
        making.spoil(self.conn, module.module_id, str(because), STATION, self.clock())
        self.conn.commit()


class _Walk:
    """One module on its way."""

    def __init__(self, station: Station, module: Module, port: CardPort) -> None:
        self._station = station
        self._conn = station.conn
        self._plan = station.plan
        self._port = port
        self._session = FactorySession(port)
        self._module = module
        self._in_factory = False

    def go(self) -> None:
        """Every step that is not done yet, in order."""
        self._recognise()
        for states, steps in (
            ((State.BLANK, State.INSTALLED), (self._install, self._number)),
            ((State.NUMBERED,), (self._take_keys,)),
            ((State.KEYED,), (self._certify,)),
            ((State.CERTIFIED,), (self._personalise, self._record)),
        ):
            if self._module.state in states:
                for step in steps[states.index(self._module.state) :]:
                    self._module = step()
                self._conn.commit()

    def _recognise(self) -> None:
        """The module in the reader is the one of this row, and as far as the row says or one step further.

        A row that has a number takes nothing for its module that does not bear it, so no other module spoils it. Raises
        ``TS-4023``.
        """
        module = self._module
        if module.number is None:
            self._in_factory = self._session.is_open()
            if not self._in_factory:
                raise Fault("TS-4023", detail="it is no blank: it is finished already, or no module at all")
            try:
                self._must_bear(self._session.tells().number, "")
            except CardAnswerUnreadable as error:
                raise Fault("TS-4023", detail=f"it does not say what it is: {error}") from error
            return
        try:
            self._in_factory = self._session.is_open()
            if self._in_factory:
                self._must_be_so_far(self._session.tells())
            else:
                self._must_be_finished()
        except (StatusWordError, CardAnswerUnreadable) as error:
            raise Fault("TS-4023", detail=f"it does not say that it is {module.number}: {error}") from error

    def _must_be_so_far(self, told: ModuleTells) -> None:
        """What was recorded of this module has happened to the one in the reader."""
        if told.stage is ModuleStage.FRESH:
            raise Fault("TS-4023", detail=f"it is a fresh blank, and {self._module.number} has its applet")
        is_written = self._module.state is not State.NUMBERED
        self._must_bear(told.number, *(() if is_written else ("",)), self._module.known_number)

    def _must_be_finished(self) -> None:
        if self._module.state is not State.CERTIFIED:
            raise Fault("TS-4023", detail=f"it is finished, and {self._module.number} is not")
        card = SecureElement(self._port)
        card.select()
        params = card.cert_params()
        self._must_bear(params.uid if params is not None else "", self._module.known_number)

    @staticmethod
    def _must_bear(found: str, *allowed: str) -> None:
        if found not in allowed:
            raise Fault("TS-4023", detail=f"it bears the number {found}" if found else "it bears no number")

    def _install(self) -> Module:
        hardware = self._session.tells().hardware
        self._plan.profile.check(hardware, self._module.form_factor)
        tested = self_test(self._session, self._plan.profile)
        self._session.install()
        return making.installed(self._conn, self._module, hardware, tested, self._station.clock())

    def _number(self) -> Module:
        return making.number(self._conn, self._module, self._station.clock(), self._station.choose_number)

    def _take_keys(self) -> Module:
        self._session.store(DataGroup.NUMBER, self._module.known_number.encode("ascii"))
        found = {use: self._key(use) for use in KeyUse}
        return making.keys(self._conn, self._module, found, self._station.clock())

    def _key(self, use: KeyUse) -> PublicKey:
        try:
            return self._session.key(use)
        except Fault as fault:
            raise Fault("TS-3003", detail=f"the {use} key: {fault.detail}") from fault

    def _certify(self) -> Module:
        plan, now = self._plan, self._station.clock()
        return making.certify(
            self._conn, self._module, self._station.issuer, plan.api_url, plan.vsdc_url, plan.country.country, now
        )

    def _personalise(self) -> Module:
        """Write, test and end the factory, unless that is where the walk was cut; then read everything back."""
        if self._in_factory:
            prove_keys(self._session, self._module)
            pin = self._station.choose_pin()
            sealed = seal_pin(pin, self._module.known_number, self._plan.printer_key)
            making.seal_pin(self._conn, self._module, sealed)
            self._conn.commit()
            self._write()
            self._session.set_pin(pin)
            self._session.end()
        read_back(self._port, self._module, self._plan.encryption_key)
        return making.personalised(self._conn, self._module, self._station.clock())

    def _write(self) -> None:
        module, plan = self._module, self._plan
        assert module.certificate is not None, "certified"
        assert module.client_certificate is not None, "certified"
        self._session.store(DataGroup.SIGNING_CERTIFICATE, module.certificate)
        self._session.store(DataGroup.CLIENT_CERTIFICATE, module.client_certificate)
        self._session.store(DataGroup.ENCRYPTION_KEY, plan.encryption_key.card_export)
        self._session.store(DataGroup.PROOF_KEY, plan.proof_key.card_export)
        self._session.store(DataGroup.BOUNDS, write_bounds(module.limit.scaled, plan.categories))

    def _record(self) -> Module:
        at = self._station.clock()
        self._station.enter(self._conn, self._module, at)
        return making.record(self._conn, self._module, self._plan.country, at)
