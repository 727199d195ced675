"""Documents in quarantine as a person reads them: why they are there, what shows their age, what was decided."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from datetime import datetime
from typing import Any

import attrs
import psycopg

from tallystick.authority.intake import anchors
from tallystick.authority.intake.anchors import CardCounters
from tallystick.authority.intake.held import Decision, Held, HeldState
from tallystick.authority.oversight.approvals.values import Request, State
from tallystick.kernel.fault_catalogue import CATALOGUE
from tallystick.kernel.fixed_point import Money
from tallystick.portals.operator.audit_lines import amount_text
from tallystick.portals.operator.many_lines import facts_of_many, words_of_many

_WORDS = {HeldState.READMITTED: "re-admitted", HeldState.REJECTED: "rejected"}
_ASKED = {Decision.READMIT: "re-admit", Decision.REJECT: "reject"}
_STATES = {State.APPROVED: "approved, is carried out shortly", State.DONE: "carried out", State.REFUSED: "refused"}


@attrs.frozen(slots=True, kw_only=True)
class HeldLine:
    """One document that waits. ``age`` are the anchors; ``too_young`` where the signer is revoked and none is older;
    ``doubt`` is what an officer must know about them. ``lacks``: something before it never came, or is not booked."""

    act: str
    number: str
    tin: str
    amount: str
    causes: tuple[str, ...]
    received_at: datetime
    entry: int | None
    revoked_at: datetime | None
    age: tuple[str, ...]
    too_young: bool
    doubt: str
    hindrance: str
    may_ask: bool
    lacks: bool


@attrs.frozen(slots=True, kw_only=True)
class RequestLine:
    """One request for a decision; ``facts`` are what it says of many documents."""

    number: int
    words: str
    document: str
    state: str
    pending: bool
    reason: str
    anchor: str
    asked_by: str
    asked_at: datetime
    decided_by: str
    facts: tuple[tuple[str, str], ...]


@attrs.frozen(slots=True, kw_only=True)
class DecidedLine:
    """One document that was decided upon."""

    number: str
    words: str
    by: str
    at: datetime | None
    entry: int | None


def held_lines(
    conn: psycopg.Connection[Any], counters: CardCounters, documents: Iterable[Held], open_acts: Set[str]
) -> list[HeldLine]:
    """Lines of the page; ``open_acts`` are documents with a request that is not done."""
    return [_held_line(conn, counters, one, one.act_hash.hex() not in open_acts) for one in documents]


def _held_line(conn: psycopg.Connection[Any], counters: CardCounters, one: Held, may_ask: bool) -> HeldLine:
    standing = anchors.standing(conn, counters, one)
    return HeldLine(
        act=one.act_hash.hex(),
        number=one.number,
        tin=one.tin,
        amount=amount_text(Money(one.turnover)),
        causes=tuple(f"{CATALOGUE[code].title} ({code})" for code in one.codes if code in CATALOGUE),
        received_at=one.received_at,
        entry=one.entry_index,
        revoked_at=standing.revoked_at,
        age=tuple(str(anchor) for anchor in standing.anchors),
        too_young=standing.revoked_at is not None and standing.best is None,
        doubt=standing.doubt,
        hindrance=one.hindrance,
        may_ask=may_ask and one.entry_index is not None,
        lacks="TS-1402" in one.codes,
    )


def request_lines(requests: Iterable[Request], now: datetime) -> list[RequestLine]:
    """Lines of the page."""
    return [_request_line(one, now) for one in requests]


def _request_line(one: Request, now: datetime) -> RequestLine:
    pending = one.state is State.PENDING and now < one.expires_at
    state = "waits for a second officer" if pending else _STATES.get(one.state, "expired without a second officer")
    if one.state is State.DONE and "documents" in one.content:
        state = "taken into work, see decisions about many"
    return RequestLine(
        number=one.request_id,
        words=_words(one.content),
        document=one.content.get("number") or one.content["device"],
        state=state,
        pending=pending,
        reason=one.reason,
        anchor=one.content.get("anchor", ""),
        asked_by=one.asked_by,
        asked_at=one.asked_at,
        decided_by=one.decided_by or "",
        facts=facts_of_many(one.content),
    )


def _words(content: Mapping[str, str]) -> str:
    """What is asked for, before the number of the document."""
    if one_deed := words_of_many(content):
        return one_deed
    if "decision" in content:
        return _ASKED[Decision(content["decision"])]
    first, last = content["first"], content["last"]
    which = f"number {first}" if first == last else f"numbers {first} to {last}"
    return f"settle {which} of {content['device']} as lost, {content['behind']} documents follow from"


def decided_lines(documents: Iterable[Held]) -> list[DecidedLine]:
    """Lines of the page."""
    return [
        DecidedLine(
            number=one.number,
            words=_WORDS[one.state],
            by=one.decided_by or "",
            at=one.decided_at,
            entry=one.document_index,
        )
        for one in documents
    ]
