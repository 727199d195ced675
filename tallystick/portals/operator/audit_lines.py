"""Audits and overrides as a person reads them: words, ranges and amounts, and whether they call for somebody."""

from __future__ import annotations

from collections.abc import Iterable, Set
from datetime import datetime

import attrs

from tallystick.authority.projections.audit.override_store import OverrideState
from tallystick.authority.projections.audit.standing import Standing
from tallystick.authority.projections.audit.values import OpenAudit, RequestState
from tallystick.kernel.fixed_point import Money
from tallystick.wire.ordinal_ranges import count, minus

_RANGES_SHOWN = 20
_WORDS = {
    RequestState.WAITING: "is looked at shortly",
    RequestState.INCOMPLETE: "waits for documents",
    RequestState.CONTRADICTS: "the card's sum is not that of its documents",
    RequestState.PROVEN: "a proof is on its way to the card",
}
_OPEN = (RequestState.INCOMPLETE, RequestState.CONTRADICTS)


@attrs.frozen(slots=True, kw_only=True)
class AuditLine:
    """One open audit. ``may_ask`` where an override could be asked for now."""

    uid: str
    words: str
    code: str
    bad: bool
    since: datetime
    missing: str
    missing_count: int
    gone: str
    card_sum: str
    documents_sum: str
    may_ask: bool


@attrs.frozen(slots=True, kw_only=True)
class OverrideLine:
    """One override. ``rest`` is what is presumed of documents that have not come, ``code`` what is wrong with it."""

    number: int
    uid: str
    words: str
    pending: bool
    code: str
    reason: str
    asked_by: str
    asked_at: datetime
    decided_by: str
    excused: str
    presumed: str
    arrived: str
    rest: str


def audit_lines(audits: Iterable[OpenAudit], pending: Set[str]) -> tuple[AuditLine, ...]:
    """Lines of the page; ``pending`` are cards whose override waits for a second officer."""
    return tuple(
        AuditLine(
            uid=one.uid,
            words=_WORDS[one.state],
            code=one.code,
            bad=one.state in _OPEN,
            since=one.since or one.received_at,
            missing=ranges_text(one.missing),
            missing_count=count(one.missing),
            gone=ranges_text(minus(one.missing, minus(one.missing, one.gone))),
            card_sum=amount_text(one.unaudited),
            documents_sum=amount_text(one.held) if one.held is not None else "",
            may_ask=one.state in _OPEN and one.uid not in pending,
        )
        for one in audits
    )


def override_lines(standings: Iterable[Standing], now: datetime) -> tuple[OverrideLine, ...]:
    """Lines of the page."""
    return tuple(_line(one, now) for one in standings)


def _line(standing: Standing, now: datetime) -> OverrideLine:
    one = standing.override
    pending = one.state is OverrideState.PENDING and now < one.expires_at
    approved = one.state is OverrideState.APPROVED
    expired = one.state is OverrideState.EXPIRED or (one.state is OverrideState.PENDING and not pending)
    words = {OverrideState.APPROVED: "approved", OverrideState.REFUSED: "refused"}.get(one.state, "")
    return OverrideLine(
        number=one.override_id,
        uid=one.uid,
        words="waits for a second officer" if pending else "expired without a second officer" if expired else words,
        pending=pending,
        code="TS-3105" if pending or expired else "TS-1405" if approved and standing.contradicts else "",
        reason=one.reason,
        asked_by=one.asked_by,
        asked_at=one.asked_at,
        decided_by=one.decided_by or "",
        excused=ranges_text(one.excused),
        presumed=amount_text(one.presumed),
        arrived=f"{standing.arrived_count:,} of {count(one.excused):,}" if approved and one.excused else "",
        rest=amount_text(standing.rest) if approved and one.excused else "",
    )


def ranges_text(ranges: tuple[tuple[int, int], ...]) -> str:
    """``2, 5–7``; at most twenty ranges, then how many ordinals more."""
    shown = [str(first) if first == last else f"{first}–{last}" for first, last in ranges[:_RANGES_SHOWN]]
    rest = count(ranges[_RANGES_SHOWN:])
    return ", ".join([*shown, f"{rest:,} more"] if rest else shown)


def amount_text(amount: Money) -> str:
    """With thousands apart, in two places."""
    return f"{amount.rounded(2):,}"
