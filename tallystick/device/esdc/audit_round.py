"""One round of the remote audit: token, commands, packages, proof of audit (S2-086 to S2-095, S2-103 to S2-120).

A conversation without I/O. What it remembers between rounds is volatile: a restart is like a new insertion.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import attrs

from tallystick.device.esdc.audit_memory import AuditMemory
from tallystick.device.esdc.audit_needs import (
    VERDICTS_WAIT,
    DropToken,
    FindCycle,
    LookAround,
    Mend,
    NoteSubmitted,
    StartCycle,
    View,
)
from tallystick.device.esdc.audit_packages import obey_and_report, send_left, send_packages
from tallystick.device.esdc.audit_records import Cycle
from tallystick.device.esdc.audit_schedule import AuditFacts, heartbeat_interval, next_start, next_submission
from tallystick.device.esdc.audit_session import Authority, TokenRefused, open_session
from tallystick.device.esdc.authority_client import AuthorityAway, HttpAnswer
from tallystick.device.esdc.conversation import Conversation, ask
from tallystick.device.esdc.device_log import Kind
from tallystick.device.esdc.settings import EsdcSettings
from tallystick.device.esdc.status import near_limit
from tallystick.kernel.faults import Fault
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.instants import Clock
from tallystick.wire.card import AmountStatus
from tallystick.wire.ordinal_ranges import GONE_HEADER, MISSING_HEADER, Ranges, read_ranges, write_ranges
from tallystick.wire.taxcore_api import (
    Command,
    ProofOfAuditRequest,
    read_commands,
    write_boolean,
    write_proof_of_audit_request,
)


@attrs.frozen(slots=True, kw_only=True)
class Round:
    """How a round ended: whether to go on at once, or when the next thing is due."""

    more: bool
    wake_at: datetime
    waiting: int
    """Packages that still waited when the round began."""
    unaudited_ratio: float
    statuses: tuple[int, ...]
    """Audit statuses that packages got in this round."""
    gone: Ranges = ()
    """Ordinals that the authority misses and this device has no more (K-13)."""


def audit_round(memory: AuditMemory, settings: EsdcSettings, clock: Clock) -> Conversation[Round]:
    """Do what is due. Raises `AuthorityAway`, and `PosFault` without a card."""
    memory.begin_pass(clock())
    view = yield from ask(LookAround(memory.after, settings.packages_in_a_row))
    if view.insertion != memory.insertion:
        memory.begin(view.insertion, clock())
        view = yield from ask(LookAround(memory.after, settings.packages_in_a_row))
    authority = yield from open_session(view, clock())
    try:
        yield from _control(authority, memory, view, settings, clock)
        statuses = yield from send_left(authority, memory, view, settings, clock)
        left = statuses is not None
        if statuses is None:
            statuses = yield from send_packages(authority, memory, view.packages, settings.timing, clock)
        cycle, mended = yield from _proof(authority, memory, view, settings, clock)
    except TokenRefused as error:
        yield from ask(DropToken())
        raise AuthorityAway("the token was refused") from error
    end = _end(memory, view, cycle, [*statuses, *mended], settings, clock())
    return attrs.evolve(end, more=end.more or left)


def _control(
    authority: Authority, memory: AuditMemory, view: View, settings: EsdcSettings, clock: Clock
) -> Conversation[None]:
    """Initialization after each insertion (S2-003, S2-006), else the heartbeat; then results that are due (S2-016)."""
    now = clock()
    commands: tuple[Command, ...] = ()
    if not memory.initialised:
        commands = _commands((yield from authority.call("GET", "commands")))
        memory.initialised = True
        memory.next_heartbeat = now + heartbeat_interval(view.cycle, settings.timing)
    elif memory.next_heartbeat is None or now >= memory.next_heartbeat:
        commands = _commands((yield from authority.call("PUT", "status", write_boolean(True))))
        memory.next_heartbeat = now + heartbeat_interval(view.cycle, settings.timing)
    yield from obey_and_report(authority, memory, commands, view.results)


def _commands(answer: HttpAnswer) -> tuple[Command, ...]:
    if answer.status != 200:
        raise AuthorityAway(f"no commands: HTTP {answer.status}")
    try:
        return read_commands(answer.body)
    except Fault as fault:
        raise AuthorityAway(f"no commands: {fault}") from fault


def _proof(
    authority: Authority, memory: AuditMemory, view: View, settings: EsdcSettings, clock: Clock
) -> Conversation[tuple[Cycle | None, list[int]]]:
    """Start a cycle when it is due, hand its request in, and again until the proof comes.

    Gives the newest cycle, and the audit statuses of packages that were sent again.
    """
    now = clock()
    facts = _audit_facts(memory, view, settings)
    mended: list[int] = []
    if next_start(facts, settings.timing) is None:
        memory.asked = False  # nothing is new: an audit that a person asked for is done
    if not (_start_is_due(view, facts, settings, now) or _submission_is_due(facts.last, settings, now)):
        return facts.last, mended
    cycle = yield from ask(FindCycle())  # a command of this very round may have ended the one that was seen
    facts = attrs.evolve(facts, last=cycle)
    if _start_is_due(view, facts, settings, now):
        cycle = (yield from ask(StartCycle(now))) or cycle
        memory.asked = False
    if cycle is not None and _submission_is_due(cycle, settings, now):
        mended = yield from _submit(authority, memory, cycle, settings, clock)
        memory.next_heartbeat = now + settings.timing.heartbeat_pending
    return cycle, mended


def _start_is_due(view: View, facts: AuditFacts, settings: EsdcSettings, now: datetime) -> bool:
    moment = next_start(facts, settings.timing)
    return view.may_start and moment is not None and now >= moment


def _submission_is_due(cycle: Cycle | None, settings: EsdcSettings, now: datetime) -> bool:
    moment = next_submission(cycle, settings.timing)
    return moment is not None and now >= moment


def _submit(
    authority: Authority, memory: AuditMemory, cycle: Cycle, settings: EsdcSettings, clock: Clock
) -> Conversation[list[int]]:
    """Hand the request in, and mend in the same exchange what the authority misses (K-13)."""
    answer = yield from _hand_in(authority, memory, cycle)
    yield from ask(NoteSubmitted(cycle.cycle, clock()))
    named = read_ranges(answer.headers.get(MISSING_HEADER.lower(), "")) if answer.status == 200 else ()
    if not named:
        memory.gone = ()
        return []
    repair = yield from ask(Mend(named, cycle.last_ordinal, settings.packages_in_a_row))
    memory.trouble(Kind.AUDIT, f"the authority misses {write_ranges(named)}: {repair.again} packages are sent again")
    statuses = yield from send_packages(authority, memory, repair.packages, settings.timing, clock)
    if repair.gone and repair.gone != memory.gone:
        reason = f"TS-1406: the authority misses {write_ranges(repair.gone)}, and this device has them no more"
        memory.trouble(Kind.AUDIT, reason)
        yield from _hand_in(authority, memory, cycle, {GONE_HEADER: write_ranges(repair.gone)})
    memory.gone = repair.gone
    return statuses


def _hand_in(
    authority: Authority, memory: AuditMemory, cycle: Cycle, headers: Mapping[str, str] | None = None
) -> Conversation[HttpAnswer]:
    assert cycle.request is not None
    assert cycle.sum is not None
    assert cycle.limit is not None
    request = ProofOfAuditRequest(cycle.request, Money(cycle.sum), Money(cycle.limit))
    answer = yield from authority.call("POST", "audit-proof", write_proof_of_audit_request(request), headers)
    if answer.status != 200:
        memory.trouble(Kind.AUDIT, f"the request for proof of audit was not taken: HTTP {answer.status}")
    return answer


def _audit_facts(memory: AuditMemory, view: View, settings: EsdcSettings) -> AuditFacts:
    assert memory.opened_at is not None
    limit_is_near = view.amounts is not None and near_limit(view.amounts, settings.near_limit_per_cent)
    return AuditFacts(
        opened_at=memory.opened_at,
        newest_ordinal=view.newest_ordinal,
        hurry=limit_is_near or view.storage_low or memory.asked,
        last=view.cycle,
        amounts=view.amounts,
        near_limit_per_cent=settings.near_limit_per_cent,
    )


def _end(
    memory: AuditMemory,
    view: View,
    cycle: Cycle | None,
    statuses: Sequence[int],
    settings: EsdcSettings,
    now: datetime,
) -> Round:
    facts = attrs.evolve(_audit_facts(memory, view, settings), last=cycle)
    moments = [
        memory.next_heartbeat,
        memory.retry_at,
        view.write_at or (now + VERDICTS_WAIT if statuses else None),
        next_start(facts, settings.timing) if view.may_start else None,
        next_submission(cycle, settings.timing),
    ]
    assert memory.next_heartbeat is not None
    return Round(
        more=len(view.packages) == settings.packages_in_a_row,
        wake_at=min(moment for moment in moments if moment is not None),
        waiting=view.waiting + view.left_waiting,
        unaudited_ratio=_ratio(view.amounts),
        statuses=tuple(statuses),
        gone=memory.gone,
    )


def _ratio(amounts: AmountStatus | None) -> float:
    """How much of the limit is used, for a gauge only."""
    return 0.0 if amounts is None or not amounts.limit.scaled else amounts.sum.scaled / amounts.limit.scaled
