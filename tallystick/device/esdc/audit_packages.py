"""The part of a round that hands packages in: earlier cards' first, then the inserted card's; and what commands became.

What was judged is settled, whatever comes after it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs

from tallystick.device.esdc.audit_memory import AuditMemory
from tallystick.device.esdc.audit_needs import LookAtLeft, NoteReported, Obey, Settle, SettleLeft, View
from tallystick.device.esdc.audit_session import Authority, TokenRefused
from tallystick.device.esdc.authority_client import AuthorityAway, HttpAnswer
from tallystick.device.esdc.conversation import Conversation, Need, ask
from tallystick.device.esdc.device_log import Kind
from tallystick.device.esdc.settings import EsdcSettings, Timing
from tallystick.device.esdc.store import AuditStatus
from tallystick.kernel.faults import Fault
from tallystick.kernel.instants import Clock
from tallystick.wire.taxcore_api import AuditAnswer, Command, read_audit_answer, write_boolean


@attrs.define(slots=True, kw_only=True)
class _Batch:
    """Packages on their way, and what the answers said."""

    packages: Sequence[tuple[int, bytes]]
    skip: Callable[[int], None]
    settle: Callable[[tuple[tuple[int, int], ...]], Need[None]]
    whose: str = ""
    judged: list[tuple[int, int]] = attrs.field(factory=list)
    commands: list[Command] = attrs.field(factory=list)


def send_packages(
    authority: Authority, memory: AuditMemory, packages: Sequence[tuple[int, bytes]], timing: Timing, clock: Clock
) -> Conversation[list[int]]:
    """Submit packages of the inserted card, oldest first (S2-093, S2-097); gives their audit statuses."""

    def skip(ordinal: int) -> None:
        memory.skip(ordinal, clock(), timing)

    batch = _Batch(packages=packages, skip=skip, settle=Settle)
    yield from _submit(authority, memory, batch)
    memory.end_pass()
    yield from obey_and_report(authority, memory, batch.commands)
    return [status for _, status in batch.judged]


def send_left(
    authority: Authority, memory: AuditMemory, view: View, settings: EsdcSettings, clock: Clock
) -> Conversation[list[int] | None]:
    """Packages of earlier cards of this environment (S2-132), in this card's session (K-23); none without any."""
    if not view.left_waiting:
        return None
    found = yield from ask(LookAtLeft(dict(memory.after_left), settings.packages_in_a_row))
    if found is None:
        return None
    uid = found.uid

    def skip(ordinal: int) -> None:
        memory.skip(ordinal, clock(), settings.timing, uid)

    def settle(judged: tuple[tuple[int, int], ...]) -> SettleLeft:
        return SettleLeft(uid, judged)

    batch = _Batch(packages=found.packages, skip=skip, settle=settle, whose=f" of card {uid}")
    yield from _submit(authority, memory, batch)
    yield from obey_and_report(authority, memory, batch.commands)
    return [status for _, status in batch.judged]


def _submit(authority: Authority, memory: AuditMemory, batch: _Batch) -> Conversation[None]:
    try:
        yield from _submit_each(authority, memory, batch)
    except (AuthorityAway, TokenRefused):
        yield from _settle(batch)
        raise
    yield from _settle(batch)


def _submit_each(authority: Authority, memory: AuditMemory, batch: _Batch) -> Conversation[None]:
    for ordinal, package in batch.packages:
        verdict = _verdict((yield from authority.call("POST", "audit", package)))
        if verdict is None or verdict.status == AuditStatus.SEND_AGAIN:
            memory.trouble(Kind.AUTHORITY, f"package {ordinal}{batch.whose} was not taken now")
            batch.skip(ordinal)
        elif verdict.status != AuditStatus.VERIFIED:
            memory.trouble(Kind.AUTHORITY, f"package {ordinal}{batch.whose} is kept, audit status {verdict.status}")
        if verdict is not None:
            batch.judged.append((ordinal, verdict.status))
            batch.commands += verdict.commands


def _settle(batch: _Batch) -> Conversation[None]:
    if batch.judged:
        yield from ask(batch.settle(tuple(batch.judged)))


def _verdict(answer: HttpAnswer) -> AuditAnswer | None:
    if answer.status != 200:
        return None
    try:
        return read_audit_answer(answer.body)
    except Fault:
        return None


def _once(commands: Sequence[Command]) -> tuple[Command, ...]:
    """Each command once: an outstanding one comes with every answer."""
    return tuple({command.command_id.upper(): command for command in commands}.values())


def obey_and_report(
    authority: Authority, memory: AuditMemory, commands: Sequence[Command], results: Sequence[tuple[str, bool]] = ()
) -> Conversation[None]:
    """Carry out what came, once each, and tell what became of it (S2-015, S2-016)."""
    if commands:
        results = yield from ask(Obey(_once(commands)))
    yield from _report(authority, memory, results)


def _report(authority: Authority, memory: AuditMemory, results: Sequence[tuple[str, bool]]) -> Conversation[None]:
    """Tell what became of commands (S2-004); one that the authority does not know is not told twice."""
    for command_id, success in results:
        answer = yield from authority.call("PUT", f"commands/{command_id}", write_boolean(success))
        if answer.status >= 400:
            reason = f"the result of command {command_id[:36]} was not taken: HTTP {answer.status}"
            memory.trouble(Kind.AUTHORITY, reason)
        yield from ask(NoteReported(command_id))
