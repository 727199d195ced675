"""Carries decisions on quarantine out: judges the document anew, books it as a fresh leaf, and enters the decision.

Re-admitted is only what is lawful now: everything that a package is asked for holds (flags aside), or what hinders it
is the revocation of its signer and an anchor is older than that. The sequencer knows every act, so nothing is booked
twice, whatever crashes between the steps.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from datetime import datetime

import attrs
import msgspec

from tallystick.authority.intake import booking, decision_store
from tallystick.authority.intake.anchors import Anchor, CardCounters
from tallystick.authority.intake.decisions import DECIDE, anchor_of, check_undecided
from tallystick.authority.intake.examining import examine, prove
from tallystick.authority.intake.giving_back import take_from_original
from tallystick.authority.intake.held import Decision, Held, UnpublishedDecision
from tallystick.authority.intake.national.checks import NATIONAL_CHECKS
from tallystick.authority.intake.package import Package
from tallystick.authority.intake.ports import PackageRules, RefundStores
from tallystick.authority.intake.unwrap_messages import OpenedPackage
from tallystick.authority.intake.verdicts import Outcome
from tallystick.authority.ledger import queries as ledger
from tallystick.authority.ledger.entry import Booked, Channel, EntryKind, LeafFlag, NewEntry
from tallystick.authority.oversight.activity import operations as activity
from tallystick.authority.oversight.activity.values import Act
from tallystick.authority.oversight.approvals import operations as approvals
from tallystick.authority.oversight.approvals.values import Request
from tallystick.authority.room_queries import Connection
from tallystick.kernel.faults import Fault
from tallystick.kernel.instants import unix_ms
from tallystick.wire.audit_package import read_audit_data
from tallystick.wire.card import InternalData
from tallystick.wire.leaf import read_leaf

log = logging.getLogger(__name__)

_EXCUSED_BY_AGE = frozenset({"TS-1104"})
"""What an anchor excuses: the signer was revoked, and the document is older than that."""
Append = Callable[[NewEntry], Booked]


@attrs.frozen(slots=True, kw_only=True)
class DecisionServices:
    """What carrying out needs: the rules of the pipeline, the ledger's way in, and a way to wait for the judging.

    ``stores`` notes what a refund takes, on a connection of its own and before the booking. ``national`` judges a
    document of the national channels anew, and gives its entry.
    """

    rules: PackageRules
    stores: RefundStores
    counters: CardCounters
    append: Append
    wait: Callable[[Awaitable[Package]], Package]
    national: Callable[[Held, Channel], NewEntry]


def carry_out(conn: Connection, services: DecisionServices, clock: Callable[[], datetime]) -> bool:
    """Carry out the oldest approved decision; false when none waits. Commits.

    What cannot be carried out is not tried again by itself: the reason stands at the document, and officers may ask
    anew. Raises ``TS-50xx`` when the ledger cannot take the document now; then nothing has happened.
    """
    now = clock()
    request = approvals.take_next(conn, (DECIDE,), now)
    if request is None:
        return False
    act_hash = bytes.fromhex(request.object)
    held = decision_store.lock_held(conn, act_hash)
    try:
        if held is None:
            raise Fault("TS-4003", detail="no such document")
        check_undecided(held)
        decide(conn, services, request, held, now)
    except Fault as fault:
        if fault.code.startswith("TS-50"):
            conn.rollback()
            raise
        decision_store.note_hindrance(conn, act_hash, f"{fault.code}: {fault.detail}")
        activity.record(conn, _act(request, "quarantine.hindered", now, {"code": fault.code}))
        log.warning("a decision on quarantine is not carried out", extra={"code": fault.code, "act": request.object})
    conn.commit()
    return True


def publish_decisions(conn: Connection, append: Append) -> int:
    """Enter decisions (kind 0x04) that are not in the ledger yet; how many."""
    waiting = decision_store.unpublished(conn)
    conn.commit()
    for decision in waiting:
        decision_store.number_decision(conn, decision.act_hash, append(_decision_entry(decision)).index)
        conn.commit()
    return len(waiting)


def decide(conn: Connection, services: DecisionServices, request: Request, held: Held, now: datetime) -> None:
    """Carry one decision out, in the caller's transaction. Raises ``TS-3040``, ``TS-3041`` where it cannot be."""
    decision = Decision(request.content["decision"])
    anchor, document_index, before = None, None, False
    if decision is Decision.READMIT:
        anchor = anchor_of(conn, services.counters, held).best
        channel = _channel_of(conn, held)
        entry = _fresh_entry(services, request, held, channel, anchor, now)
        booked = services.append(entry)
        if booked.duplicate and booked.body_hash != held.body_hash:
            raise Fault("TS-3041", detail="the act is booked with another unsigned part")
        document_index, before = booked.index, booked.duplicate
    body = _decision_body(request, held, decision, anchor, document_index, now)
    decided_by = request.decided_by or ""
    decision_store.decide(
        conn,
        held.act_hash,
        state=decision.state,
        by=decided_by,
        request_id=request.request_id,
        document_index=document_index,
        decision=body,
        at=now,
    )
    facts = {"document": str(document_index) if document_index is not None else "", "known": str(before).lower()}
    activity.record(conn, _act(request, f"quarantine.{decision}", now, facts, for_whom=held.tin))
    log.warning("a decision on quarantine is carried out", extra={"decision": str(decision), "act": request.object})


def _channel_of(conn: Connection, held: Held) -> Channel:
    """How the document came: its own entry says so."""
    entry = ledger.document_by_index(conn, held.entry_index) if held.entry_index is not None else None
    if entry is None:
        raise Fault("TS-3041", detail="its arrival has no entry in the ledger yet")
    return Channel(read_leaf(entry.leaf).channel)


def _fresh_entry(
    services: DecisionServices, request: Request, held: Held, channel: Channel, anchor: Anchor | None, now: datetime
) -> NewEntry:
    """The document as it is booked now, with the first answer kept: the same bytes again get that one."""
    if channel in NATIONAL_CHECKS:
        entry = services.national(held, channel)
    else:
        judging = judge_anew(services.rules, services.stores, held, channel, now)
        entry = booking.document_entry(services.rules, services.wait(judging))
    facts = {
        "anchor": str(anchor) if anchor is not None else "",
        "quarantined": str(held.entry_index),
        "received": str(unix_ms(held.received_at)),
        "request": str(request.request_id),
    }
    return msgspec.structs.replace(
        entry,
        received_at_ms=unix_ms(now),
        file_hash=held.file_hash,
        leaf_flags=entry.leaf_flags | LeafFlag.READMITTED,
        verdict=held.verdict,
        facts=entry.facts | {name: value for name, value in facts.items() if value},
    )


async def judge_anew(rules: PackageRules, stores: RefundStores, held: Held, channel: Channel, now: datetime) -> Package:
    """Steps 4 to 12 over the kept bytes, by today's registry; the time of arrival is the first one.

    Raises ``TS-3041`` with the code of what still hinders it.
    """
    package = Package(held.body, held.requested_by, held.tin, held.received_at, held.file_hash)
    package.channel, package.unwrapped = channel, OpenedPackage(held.body)
    try:
        package.read = read_audit_data(held.body, zone=rules.zone)
        prove(rules, package)
        if channel is Channel.VSDC:
            sealed = package.result.encrypted_internal_data
            package.internal = InternalData.decode(await rules.unwrap.open_internal_data(sealed))
        await examine(rules, package)
    except Fault as fault:
        if fault.code.startswith("TS-50"):
            raise
        raise _hindered(fault) from None
    for finding in package.findings:
        if finding.outcome is Outcome.QUARANTINED and finding.fault.code not in _EXCUSED_BY_AGE:
            raise _hindered(finding.fault)
    if package.act_hash != held.act_hash:
        raise Fault("TS-3041", detail="the kept bytes are of another act")
    await take_from_original(stores, package, now, readmitted=True)
    return package


def _hindered(fault: Fault) -> Fault:
    return Fault("TS-3041", detail=f"{fault.code} {fault.detail}".strip())


def _decision_body(
    request: Request, held: Held, decision: Decision, anchor: Anchor | None, document_index: int | None, now: datetime
) -> bytes:
    said = {
        "act": held.act_hash.hex(),
        "anchor": str(anchor) if anchor is not None else "",
        "approvedBy": request.decided_by or "",
        "askedBy": request.asked_by,
        "body": held.body_hash.hex(),
        "decidedAt": str(unix_ms(now)),
        "decision": str(decision.state),
        "document": str(document_index) if document_index is not None else "",
        "doubt": request.content.get("doubt", ""),
        "event": "quarantine decided",
        "quarantined": str(held.entry_index),
        "reason": request.reason,
        "request": str(request.request_id),
    }
    return msgspec.json.encode(said, order="sorted")


def _decision_entry(decision: UnpublishedDecision) -> NewEntry:
    return NewEntry(
        kind=EntryKind.QUARANTINE,
        channel=Channel.NONE,
        body=decision.body,
        media_type=booking.MEDIA_TYPE,
        received_at_ms=unix_ms(decision.decided_at),
        device=(decision.requested_by, decision.signed_by),
        tin=decision.tin,
        se_total=decision.ordinal,
        facts={"event": "quarantine decided", "act": decision.act_hash.hex()},
    )


def _act(request: Request, verb: str, at: datetime, facts: dict[str, str], *, for_whom: str = "") -> Act:
    return Act(
        at=at,
        actor=request.decider,
        verb=verb,
        object=request.object,
        for_whom=for_whom,
        purpose=request.reason,
        facts=facts | {"request": str(request.request_id), "asked_by": request.asked_by},
    )
