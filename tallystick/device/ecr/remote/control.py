"""The register obeys: asks when it is told that something waits, carries out what it believes, and answers.

One round at a time, by the background. What is not believed is left alone and told in the log; it changes nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Protocol

import attrs

from tallystick.device.ecr.needs import NoAnswer, Refused, Sign
from tallystick.device.ecr.register import REVOKED, Register
from tallystick.device.ecr.remote.applying import rate_group
from tallystick.device.ecr.remote.believing import Believer
from tallystick.device.ecr.remote.store import CommandStore
from tallystick.kernel.device_commands import (
    REASON_CHARACTERS,
    CommandKind,
    CommandResult,
    Outcome,
    RateChange,
    Resend,
    Verdict,
    Wanted,
    judge,
)
from tallystick.kernel.fault_catalogue import CATALOGUE, Retry
from tallystick.kernel.faults import Fault
from tallystick.kernel.instants import unix_ms
from tallystick.wire.device_command import SignedCommand, write_result, write_wanted

log = logging.getLogger(__name__)
AGAIN_AFTER = timedelta(minutes=1)
"""How long the register waits before it asks again for what it did not believe."""
LOOK_EVERY = timedelta(minutes=5)
"""A register that sells nothing gets no answers, so it asks by itself."""
LOOK_EVERY_HELD = timedelta(seconds=15)
"""One on hold sells nothing until it hears of its release."""
RESEND_MOST = 500


class CommandChannel(Protocol):
    """What this asks of the authority. Verbs raise `NotSent`, `NoAnswer`, `Refused`; `send` also `Disagrees`."""

    @property
    def commands_wait(self) -> int:
        """The highest number that the last answer told of; 0 for none."""

    def commands(self) -> tuple[list[bytes], list[bytes]]:
        """What waits, in order, and the certificates (DER) of its signers."""

    def tell(self, number: int, result: bytes) -> None:
        """Answer a command."""

    def send(self, compact: bytes) -> object:
        """Send a document again; what is booked gets its first answer."""


@attrs.define
class RemoteControl:
    """``identity`` gives the SHA-256 of the certificate whose key signs now."""

    register: Register
    store: CommandStore
    channel: CommandChannel
    believer: Believer
    sign: Sign
    identity: Callable[[], bytes]
    _asked_at: datetime | None = None
    _asked_for: int = 0
    _resent: dict[int, int] = attrs.field(factory=dict)

    def round(self) -> None:
        """Ask if something waits, carry out, answer.

        Raises `NotSent` and `NoAnswer`: the next round goes on; and `Disagrees`, as sending a document does.
        """
        now = self.register.clock()
        if self._is_due(now):
            for compact, certificates in self._ask(now):
                try:
                    read = self.believer.read(compact, certificates, now)
                except Fault as fault:
                    log.warning("a command is not believed: %s", fault)
                    continue
                self._take(read, now)
        for number, result in self.store.untold():
            try:
                self.channel.tell(number, result)
            except Refused as refused:
                _pass_on_later(refused)
                log.warning("the answer to command %d is not taken: %s", number, refused.fault)
            self.store.set_told(number, True)

    def _ask(self, now: datetime) -> Iterator[tuple[bytes, list[bytes]]]:
        """What waits; an authority that refuses the question is not asked again for some minutes."""
        told_of = self.channel.commands_wait
        try:
            compacts, certificates = self.channel.commands()
        except Refused as refused:
            log.warning("commands cannot be fetched: %s", refused.fault)
            if refused.fault.code == REVOKED:
                self.register.bar(str(refused.fault))
            compacts, certificates = [], []
        self._asked_at, self._asked_for = now, told_of
        return ((one, certificates) for one in compacts)

    def _is_due(self, now: datetime) -> bool:
        """At the first round, every few minutes, and when the authority tells of a number that has no answer here."""
        told = self.channel.commands_wait
        every = LOOK_EVERY_HELD if self.register.why_held else LOOK_EVERY
        if self._asked_at is None or now - self._asked_at >= every:
            return True
        if told == 0 or told in self.store.answered():
            return False
        return told != self._asked_for or now - self._asked_at >= AGAIN_AFTER

    def _take(self, read: SignedCommand, now: datetime) -> None:
        command = read.command
        match judge(command, read.command_hash, self.store.answered(), unix_ms(now)):
            case Verdict.ANSWER_AGAIN:
                self.store.set_told(command.number, False)
            case Verdict.SKIP:
                log.warning("command %d comes out of its order and is skipped", command.number)
            case Verdict.REFUSE_EXPIRED:
                self._finish(read, None, now, Fault("TS-3304", detail="its time had ended"))
            case Verdict.CARRY_OUT:
                try:
                    self._prepare(command.number, command.wanted)
                except Fault as fault:
                    self._finish(read, None, now, fault)
                else:
                    self._finish(read, command.wanted, now, None)

    def _prepare(self, number: int, wanted: Wanted) -> None:
        """What has to be done or looked at before the commit; raises why it cannot be carried out."""
        if isinstance(wanted, RateChange):
            rate_group(self.register.own_setup, wanted)
        if isinstance(wanted, Resend):
            self._resend(number, wanted.first)

    def _resend(self, number: int, first: int) -> None:
        """Send booked documents again, page by page; an interruption goes on where it was while the program runs."""
        after = self._resent.get(number, first - 1)
        while page := self.register.booked_after(after, RESEND_MOST):
            for sequence, compact in page:
                try:
                    self.channel.send(compact)
                except Refused as refused:
                    _pass_on_later(refused)
                    raise refused.fault from None
                after = self._resent[number] = sequence

    def _finish(self, read: SignedCommand, effect: Wanted | None, now: datetime, fault: Fault | None) -> None:
        command, setup = read.command, self.register.own_setup
        held = bool(self.register.why_held)
        if effect is not None and effect.kind in (CommandKind.HOLD, CommandKind.RELEASE):
            held = effect.kind is CommandKind.HOLD
        result = CommandResult(
            audience=command.audience,
            device=command.device,
            number=command.number,
            command_hash=read.command_hash,
            outcome=Outcome.DONE if fault is None else Outcome.REFUSED,
            reason="" if fault is None else f"{fault.code} {fault.detail}"[:REASON_CHARACTERS].strip(),
            made_ms=unix_ms(now),
            state="hold" if held else "active",
            sequence=self.register.sequence,
            build=setup.build,
        )
        self.store.keep(read, write_result(result, self.identity(), self.sign), effect)
        self._resent.pop(command.number, None)
        said = " ".join(filter(None, (result.outcome, result.reason)))
        log.warning("command %d (%s): %s", command.number, write_wanted(command.wanted).decode(), said)


def _pass_on_later(refused: Refused) -> None:
    """A refusal that says *later* is no answer yet: the next round asks again."""
    if CATALOGUE[refused.fault.code].retry in (Retry.AFTER, Retry.SAME_BYTES):
        raise NoAnswer(str(refused.fault)) from refused
