"""Power cuts for E-SDC tests: every exchange with card, disk and authority is a point where the power may fail.

A cut is an exception that nothing catches. Afterwards the device is opened anew over what the disk and the card hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from esdc_authority import SmallAuthority
from esdc_bench import PIN, Bench

from tallystick.device.applet import VirtualCard
from tallystick.device.esdc import database
from tallystick.device.esdc.audit_memory import AuditMemory
from tallystick.device.esdc.audit_needs import Call, DeviceNeed
from tallystick.device.esdc.audit_round import Round, audit_round
from tallystick.device.esdc.authority_client import HttpAnswer
from tallystick.device.esdc.card_slot import VirtualReader
from tallystick.device.esdc.database import Database
from tallystick.device.esdc.device import Device


class PowerCut(BaseException):
    """The power fails."""


class Supply:
    """The power: counts the points it passes, and fails at the chosen ones."""

    def __init__(self, *cuts: int) -> None:
        self.cuts = set(cuts)
        self.passed: list[str] = []
        self._steady = False

    def point(self, name: str) -> None:
        """A place where the power may fail."""
        if self._steady:
            return
        self.passed.append(name)
        if len(self.passed) - 1 in self.cuts:
            raise PowerCut(name)

    def stays(self) -> None:
        """From here on the power does not fail any more."""
        self._steady = True


class FedCard:
    """A card on the same supply."""

    def __init__(self, card: VirtualCard, supply: Supply) -> None:
        self._card = card
        self._supply = supply

    def transmit(self, apdu: bytes) -> bytes:
        """Send a command; the power may fail before and after."""
        self._supply.point(f"before card {apdu[1]:02X}")
        answer = self._card.transmit(apdu)
        self._supply.point(f"after card {apdu[1]:02X}")
        return answer


@contextmanager
def without_flushes() -> Iterator[None]:
    """Leave the disk's flushes out: these cuts are exceptions, which lose nothing that was written."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tallystick.device.applet.disk._flush", lambda handle: None)
        patch.setattr("tallystick.device.esdc.database.sync_folder", lambda folder: None)
        patch.setattr("tallystick.device.esdc.database._PRAGMAS", (*database._PRAGMAS, "PRAGMA synchronous = OFF"))
        yield


@contextmanager
def fed_disk(supply: Supply) -> Iterator[None]:
    """While this is open, every commit of a store may be cut before and after."""
    leave = Database.__exit__

    def cut_or_leave(self: Database, *error: Any) -> None:
        if error[0] is None:
            supply.point("before commit")
            leave(self, *error)
            supply.point("after commit")
        elif not issubclass(error[0], PowerCut):
            leave(self, *error)

    Database.__exit__ = cut_or_leave  # type: ignore[method-assign]
    try:
        yield
    finally:
        Database.__exit__ = leave  # type: ignore[method-assign]


def call_authority(authority: SmallAuthority, call: Call, supply: Supply | None = None) -> HttpAnswer:
    """Answer a call without a network; the power may fail before it leaves and after it was carried out."""
    if supply:
        supply.point(f"before {call.method} {call.path}")
    if call.certificate_of is not None:
        answer = authority.give_token()
    else:
        answer = authority.answer(call.method, call.path, call.body, call.headers)
    if supply:
        supply.point(f"after {call.method} {call.path}")
    return answer


def hold_round(device: Device, memory: AuditMemory, authority: SmallAuthority, supply: Supply | None = None) -> Round:
    """Drive one round of the audit without threads and network."""
    conversation = audit_round(memory, device.settings, device.clock)
    try:
        need = next(conversation)
        while True:
            try:
                if isinstance(need, Call):
                    answer: Any = call_authority(authority, need, supply)
                else:
                    assert isinstance(need, DeviceNeed)
                    answer = device.serve(need.on)
            except Exception as error:
                need = conversation.throw(error)
            else:
                need = conversation.send(answer)
    except StopIteration as end:
        result: Round = end.value
        return result


class Shop:
    """A device, its card and its authority on one supply; what the power interrupts is tried again afterwards."""

    def __init__(self, bench: Bench, authority: SmallAuthority, supply: Supply) -> None:
        self.bench = bench
        self.authority = authority
        self.supply = supply
        self.memory = AuditMemory()
        bench.reader = VirtualReader(FedCard(bench.card, supply))
        self.starts = 0
        try:
            self._switch_on()
        except PowerCut:
            self._restart()

    @property
    def device(self) -> Device:
        """The device as it runs now."""
        return self.bench.device

    def _switch_on(self) -> None:
        self.starts += 1
        self.memory = AuditMemory()
        self.bench.switch_on()

    def unlock(self) -> None:
        """The POS sends the PIN where the device asks for it."""
        session = self.device.refresh()
        assert session is not None
        if not session.pin_verified:
            self.device.verify_pin(PIN)

    def until_done(self, step: Callable[[], Any]) -> Any:
        """Do a step, again and again, until no power cut interrupts it."""

        def unlocked_step() -> Any:
            self.unlock()
            return step()

        return self._live(unlocked_step)

    def _live(self, step: Callable[[], Any]) -> Any:
        while True:
            try:
                return step()
            except PowerCut:
                self._restart()

    def _restart(self) -> None:
        while True:
            self.device.abandon()
            self.bench.card.reset()
            self.bench.clock.forward(seconds=1)
            try:
                self._switch_on()
                return
            except PowerCut:
                continue

    def audit(self, rounds: int = 1) -> None:
        """Rounds of the audit, some seconds apart."""
        for _ in range(rounds):
            self.bench.clock.forward(seconds=3)
            self.until_done(lambda: hold_round(self.device, self.memory, self.authority, self.supply))
