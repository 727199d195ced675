"""Many documents of a device as a person reads them: what waits, what is asked for, what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import attrs
import psycopg

from tallystick.authority.intake.held import Decision
from tallystick.authority.intake.many import counted
from tallystick.authority.intake.many_store import Progress, Waiting
from tallystick.authority.oversight.approvals import queries as approval_queries
from tallystick.kernel.fault_catalogue import CATALOGUE
from tallystick.kernel.fixed_point import Money
from tallystick.portals.operator.audit_lines import amount_text

_ASKED = {Decision.READMIT: "re-admit", Decision.REJECT: "reject"}


@attrs.frozen(slots=True, kw_only=True)
class ManyLine:
    """What waits of one device."""

    uid: str
    count: int
    first: int
    last: int
    amount: str
    first_at: datetime
    last_at: datetime


@attrs.frozen(slots=True, kw_only=True)
class ProgressLine:
    """One decision about many; ``elsewhere`` were decided by themselves between question and end."""

    number: int
    uid: str
    words: str
    state: str
    at: datetime | None
    done: int
    left: int
    elsewhere: int
    codes: str
    hindrance: str


def many_lines(devices: Iterable[Waiting]) -> list[ManyLine]:
    """Lines of the page."""
    return [
        ManyLine(
            uid=one.uid,
            count=one.count,
            first=one.first,
            last=one.last,
            amount=amount_text(Money(one.turnover)),
            first_at=one.first_at,
            last_at=one.last_at,
        )
        for one in devices
    ]


def progress_lines(conn: psycopg.Connection[Any], found: Iterable[Progress]) -> list[ProgressLine]:
    """Lines of the page."""
    return [_progress_line(conn, one) for one in found]


def _progress_line(conn: psycopg.Connection[Any], one: Progress) -> ProgressLine:
    request = approval_queries.request(conn, one.request_id)
    content = {} if request is None else request.content
    judged = one.done + one.left_waiting
    ended = one.finished_at is not None and one.at_number >= 0
    return ProgressLine(
        number=one.request_id,
        uid=one.uid,
        words=words_of_many(content) or "decide about",
        state="in work" if one.finished_at is None else "done" if ended else "none was judged",
        at=one.finished_at,
        done=one.done,
        left=one.left_waiting,
        elsewhere=int(content.get("documents", judged)) - judged if ended else 0,
        codes=counted(dict(one.codes)),
        hindrance=one.hindrance,
    )


def words_of_many(content: Mapping[str, str]) -> str:
    """What is asked for about many, before the UID of the device; empty for any other request."""
    if "documents" not in content:
        return ""
    first, last = content["first"], content["last"]
    return f"{_ASKED[Decision(content['decision'])]} {content['documents']} documents, numbers {first} to {last}, of"


def facts_of_many(content: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """What both officers see of many before one approves; nothing for any other request."""
    if "documents" not in content:
        return ()
    facts = [
        ("Turnover", amount_text(Money.of(content["turnover"]))),
        ("Arrived", f"{content['arrived']} UTC"),
        ("Why apart", content.get("codes", "")),
        ("Entries up to", content["edge"]),
    ]
    if "revoked" in content:
        facts += [
            ("Signer revoked", f"{content['revoked']} UTC"),
            ("Older by arrival or chain", f"{content['older']} of {content['documents']}"),
        ]
    return tuple(facts)


def cause_lines(codes: Mapping[str, int]) -> list[str]:
    """Why they lie apart, in words."""
    return [f"{CATALOGUE[code].title} ({code}): {count}" for code, count in codes.items() if code in CATALOGUE]
