"""When the audit loop does what: pure decisions from card, last cycle and timing (S2-108, S2-109, S2-120)."""

from __future__ import annotations

from datetime import datetime, timedelta

import attrs

from tallystick.device.esdc.audit_records import Cycle, CycleState
from tallystick.device.esdc.settings import Timing
from tallystick.kernel.instants import from_unix_ms
from tallystick.wire.card import AmountStatus


@attrs.frozen(slots=True, kw_only=True)
class AuditFacts:
    """What decides about the next Start: since when this card is in, how far it has counted, whether there is hurry."""

    opened_at: datetime
    newest_ordinal: int
    hurry: bool
    """The card is near its limit, or the store is almost full."""
    last: Cycle | None
    amounts: AmountStatus | None = None
    """What the card has not been relieved of, and its limit; none where it does not say."""
    near_limit_per_cent: int = 75


def calm_interval(facts: AuditFacts, timing: Timing) -> timedelta:
    """The period far from the limit (S2-108): two hours while hardly anything is used, half an hour before it is near.

    It shrinks evenly with the turnover since the last proof, so a busy till is audited often and a quiet one is not
    troubled. A card that does not say what is used counts as busy.
    """
    longest = max(timing.start_interval_most, timing.start_interval)
    near = facts.amounts.limit.scaled * facts.near_limit_per_cent if facts.amounts is not None else 0
    if facts.amounts is None or near <= 0:
        return timing.start_interval
    used = min(max(facts.amounts.sum.scaled, 0) * 100, near)
    return longest - (longest - timing.start_interval) * used // near


def next_start(facts: AuditFacts, timing: Timing) -> datetime | None:
    """The moment of the next Start Audit; none while there is nothing new to audit (S2-088, S2-109).

    A cycle that awaits its proof is not voided by a newer one before its patience is over (S2-115).
    """
    last = facts.last
    if last is not None and last.state is CycleState.OPENED:  # power failed before its request was kept
        return from_unix_ms(last.started_ms) + timing.start_floor
    if facts.newest_ordinal <= (last.last_ordinal if last else 0):
        return None
    if last is None:
        return facts.opened_at if facts.hurry else facts.opened_at + calm_interval(facts, timing)
    return from_unix_ms(last.started_ms) + max(timing.start_floor, _pause_after(last, facts, timing))


def _pause_after(last: Cycle, facts: AuditFacts, timing: Timing) -> timedelta:
    if last.is_open:
        return timing.proof_patience
    return timing.near_limit_interval if facts.hurry else calm_interval(facts, timing)


def next_submission(last: Cycle | None, timing: Timing) -> datetime | None:
    """When the request of an open cycle is due at the authority: at once, then again until the proof comes."""
    if last is None or not last.is_open:
        return None
    if last.submitted_ms is None:
        return from_unix_ms(last.started_ms)
    return from_unix_ms(last.submitted_ms) + timing.resubmit_interval


def heartbeat_interval(last: Cycle | None, timing: Timing) -> timedelta:
    """How long until the next Notify Online Status: short while a proof is awaited, since it comes as a command."""
    return timing.heartbeat_pending if last is not None and last.is_open else timing.heartbeat
