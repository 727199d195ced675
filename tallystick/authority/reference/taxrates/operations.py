"""What may be done with tax rates: ask that groups be published, and publish a group, once and for all."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from tallystick.authority.oversight.activity import operations as activity
from tallystick.authority.oversight.activity.values import Act
from tallystick.authority.oversight.approvals import operations as approvals
from tallystick.authority.oversight.approvals.values import Person, Request
from tallystick.authority.reference.taxrates import queries, store
from tallystick.authority.room_queries import Connection
from tallystick.kernel.faults import Fault
from tallystick.kernel.rate_publication import contradictory, require_in_order, require_sound
from tallystick.kernel.tax_rates import TaxRateGroup
from tallystick.wire.tax_rates import parse_tax_rate_groups, write_tax_rate_groups

PUBLISH = "taxrates.publish"
"""The deed that needs two persons: it reaches every till of the country, and nobody takes it back."""
_THING = "rates"


def publish_group(conn: Connection, group: TaxRateGroup, request_id: int | None = None) -> bool:
    """Publish a group; false when exactly this group is there already.

    Raises ``TS-2004`` when another content stands under the same number, or the group has no category: receipts
    name their group by number, so its content must never change (S2-054).
    """
    if not group.categories:
        raise Fault("TS-2004", detail="a rate group without categories")
    if store.add_group(conn, group, request_id):
        return True
    present = next((known for known in queries.current_groups(conn) if known.group_id == group.group_id), None)
    if present != group:
        raise Fault("TS-2004", detail=f"rate group {group.group_id} is published with another content")
    return False


def ask_to_publish(
    conn: Connection,
    groups: Sequence[TaxRateGroup],
    highest_order_id: int,
    despite: Collection[int],
    reason: str,
    by: Person,
    at: datetime,
) -> tuple[int, list[TaxRateGroup]]:
    """Ask that groups be published; the request's number, and those that are not published yet.

    ``highest_order_id`` is the last category that the country's cards count; ``despite`` names announced groups that
    begin at the same moment or later. Raises ``TS-2010`` (no device could work with it), ``TS-2011`` (number or
    beginning contradicts what is published), ``TS-1220`` (reason) and ``TS-4004`` (a request is open).
    """
    published = queries.current_groups(conn)
    wanted = [one for one in groups if one not in published]
    if groups and not wanted:
        raise contradictory("all of it is published already")
    for one in wanted:
        require_sound(one, highest_order_id)
    require_in_order(wanted, published, despite, at)
    content = {"groups": write_tax_rate_groups(wanted), "despite": " ".join(map(str, sorted(set(despite))))}
    return approvals.ask(conn, PUBLISH, _THING, content, reason, by, at), wanted


def asked_groups(request: Request) -> tuple[TaxRateGroup, ...]:
    """The groups that a request would publish."""
    return parse_tax_rate_groups(request.content["groups"])


def publish(conn: Connection, request: Request, at: datetime) -> bool:
    """Carry an approved request out; false where it came too late, which is an act of its own and changes nothing.

    Between request and approval lie hours: a beginning may have passed since, or another group been published.
    """
    store.take_turns(conn)
    groups, despite = asked_groups(request), [int(one) for one in request.content["despite"].split()]
    try:
        require_in_order(groups, queries.current_groups(conn), despite, at)
    except Fault as fault:
        facts = {"code": fault.code, "detail": fault.detail, "request": str(request.request_id)}
        _record(conn, "taxrates.lapse", request, _THING, facts, at)
        return False
    for one in groups:
        publish_group(conn, one, request.request_id)
        facts = {"asked_by": request.asked_by, "request": str(request.request_id)}
        facts["valid_from"] = f"{one.valid_from:%Y-%m-%dT%H:%M:%SZ}"
        _record(conn, PUBLISH, request, f"rates:{one.group_id}", facts, at)
    return True


def _record(conn: Connection, verb: str, request: Request, thing: str, facts: dict[str, str], at: datetime) -> None:
    act = Act(at=at, actor=request.decider, verb=verb, object=thing, purpose=request.reason, facts=facts)
    activity.record(conn, act)
