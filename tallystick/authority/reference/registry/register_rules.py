"""A taxpayer's word in advance: registers of these makers, so many until then, belong to this point (S1-023).

A rule is bounded in number and in time, for whoever knows a taxpayer's TIN could present a register in his name: it is
set for the days of an installation, and a person looks at everything else.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from tallystick.authority.oversight.activity import operations as activity
from tallystick.authority.oversight.activity.values import Act
from tallystick.authority.oversight.approvals.values import Person
from tallystick.authority.reference.registry import pending_store
from tallystick.authority.reference.registry.registering import require_acts_for
from tallystick.authority.room_queries import Connection
from tallystick.kernel.faults import Fault, FieldFault
from tallystick.kernel.identifiers import parse_tin
from tallystick.kernel.instants import unix_ms

RULE_MAKERS = frozenset({"service_centre", "taxpayer"})
RULE_LIFETIME = timedelta(days=31)
RULE_REGISTERS = 1_000
RULE_MAKERS_NAMED = 20


def accept_registers(
    conn: Connection,
    tin: str,
    premises_id: int,
    makers: tuple[str, ...],
    most: int,
    until: datetime,
    by: Person,
    at: datetime,
) -> int:
    """Accept registers of these makers at a point without a look at each; the rule's number.

    Raises ``TS-4003`` (not his taxpayer), ``TS-1313`` (premises of another) and ``TS-1220`` (bounds).
    """
    parse_tin(tin)
    require_acts_for(conn, by, tin, RULE_MAKERS)
    if pending_store.owner_of_premises(conn, premises_id) != tin:
        raise Fault("TS-1313", detail="these are no premises of the taxpayer")
    bounds = {
        "makers": 1 <= len(set(makers)) <= RULE_MAKERS_NAMED and all(makers),
        "most": 1 <= most <= RULE_REGISTERS,
        "until": at < until <= at + RULE_LIFETIME,
    }
    wrong = [FieldFault(f"/{name}", "5") for name, holds in bounds.items() if not holds]
    if wrong:
        detail = f"1 to {RULE_MAKERS_NAMED} makers, 1 to {RULE_REGISTERS} registers, {RULE_LIFETIME.days} days at most"
        raise Fault("TS-1220", detail=detail, fields=tuple(wrong))
    number = pending_store.add_rule(conn, tin, premises_id, tuple(sorted(set(makers))), most, until, by.actor, at)
    facts = {
        "makers": ", ".join(sorted(set(makers))),
        "most": str(most),
        "premises": str(premises_id),
        "until": str(unix_ms(until)),
    }
    _record(conn, "registry.accept-registers", number, tin, by, at, facts)
    return number


def end_rule(conn: Connection, rule_id: int, by: Person, at: datetime) -> None:
    """End a rule; raises ``TS-4003`` (none that stands, or not his)."""
    rule = pending_store.lock_rule(conn, rule_id)
    if rule is None:
        raise Fault("TS-4003", detail="no such rule, or not yours")
    require_acts_for(conn, by, rule.tin, RULE_MAKERS)
    pending_store.end_rule(conn, rule_id, at)
    _record(conn, "registry.end-rule", rule_id, rule.tin, by, at, {})


def _record(
    conn: Connection, verb: str, rule_id: int, tin: str, by: Person, at: datetime, facts: dict[str, str]
) -> None:
    thing = f"rule:{rule_id}"
    activity.record(conn, Act(at=at, actor=by.actor, verb=verb, object=thing, for_whom=tin, facts=facts))
