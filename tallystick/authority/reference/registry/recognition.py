"""A register that nobody entered presents itself; a person or a rule confirms where it stands (S1-018, S1-023, K-22).

What it says is filled in from its build; the first contact makes a row that waits, never a document. The same request
again gets the same answer and makes no second register. Who floods with new ones meets a bound for each address, for
each taxpayer and for all.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from tallystick.authority.oversight.activity import operations as activity
from tallystick.authority.oversight.activity.values import Act
from tallystick.authority.oversight.approvals.values import Person
from tallystick.authority.reference.registry import pending_store
from tallystick.authority.reference.registry.ports import ConnectingServices, KnownBuild
from tallystick.authority.reference.registry.presented import (
    Answer,
    Confirmed,
    PendingRegister,
    Presentation,
    PresentedState,
)
from tallystick.authority.reference.registry.registering import free_uid, register_device, require_acts_for
from tallystick.authority.reference.registry.values import FiscalDevice
from tallystick.authority.room_queries import Connection
from tallystick.kernel.builds import require_fit
from tallystick.kernel.device_policy import BUILD_CLASS, DeviceClass
from tallystick.kernel.faults import Fault
from tallystick.kernel.identifiers import Uid
from tallystick.kernel.limits import LIMITS
from tallystick.kernel.reasons import read_reason

CONFIRMERS = frozenset({"service_centre"})
"""Beside officers, each for the taxpayers he acts for."""
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_PRUNED_AT_ONCE = 1_000


def present(
    conn: Connection, services: ConnectingServices, asked: Presentation, *, came_from: str, at: datetime
) -> Answer:
    """What an unknown register is told at its first request, and whenever it sends the same one again.

    ``came_from`` is the address that it has at our door. Raises ``TS-1220``, ``TS-1313``, ``TS-2405`` (form, TIN,
    class), ``TS-2402`` (no agreement, or no such taxpayer: which of them is not told), ``TS-2406`` (build unknown, not
    certified, of another class or another maker), ``TS-3004`` (the serial number is another taxpayer's device),
    ``TS-3233`` (too many, with the time to wait) and, for one that is confirmed, ``TS-2401`` and ``TS-2407``.
    """
    asked.check()
    known = pending_store.by_hash(conn, asked.hash)
    if known is None:
        answer = _first(conn, services, asked, came_from, at)
        if answer is not None:
            return answer
        known = pending_store.by_hash(conn, asked.hash)
        assert known is not None, "it was added just now"
        _apply_rule(conn, services, known, at)
        known = pending_store.by_hash(conn, asked.hash)
        assert known is not None
    elif known.build_id != asked.build_id:
        _fitting_build(conn, services, asked.device_class, asked.build_id, asked.maker)
    pending_store.see(conn, known.pending_id, asked.build_id, at)
    return _tell(conn, services, known, at)


def _first(
    conn: Connection, services: ConnectingServices, asked: Presentation, came_from: str, at: datetime
) -> Answer | None:
    """Take a new request in; an answer where the device is registered already."""
    if not services.agreements(conn, asked.tin, at):
        raise Fault("TS-2402", detail="the taxpayer has no agreement in force")
    build = _fitting_build(conn, services, asked.device_class, asked.build_id, asked.maker)
    model = asked.model or build.product
    entered = pending_store.device_of_maker(conn, build.maker, model, asked.serial_number)
    if entered is not None:
        uid, tin = entered
        if tin != asked.tin:
            raise Fault("TS-3004", detail="this serial number is registered for another taxpayer")
        return Answer(state=PresentedState.CONFIRMED, uid=uid, enrol_url=services.enrol_url)
    _check_budget(conn, asked.tin, came_from, at)
    premises = pending_store.only_premises(conn, asked.tin)
    pending_store.add(
        conn, asked, maker=build.maker, model=model, premises_id=premises, came_from=came_from, at=at
    )  # fmt: skip
    return None


def _fitting_build(
    conn: Connection, services: ConnectingServices, kind: DeviceClass, build_id: str, maker: str
) -> KnownBuild:
    build = services.builds(conn, build_id)
    wanted = BUILD_CLASS[kind]
    if build is None:
        raise Fault("TS-2406", detail="no maker has handed such a build in")
    require_fit(services.certification[wanted], wanted, build.build_class, build.state)
    if maker and maker != build.maker:
        raise Fault("TS-2406", detail="the build is another maker's")
    return build


def _check_budget(conn: Connection, tin: str, came_from: str, at: datetime) -> None:
    if pending_store.first_requests_from(conn, came_from, at - _HOUR) >= LIMITS.first_requests_per_address_hour:
        raise _too_many("from this address", _HOUR)
    if pending_store.waiting_of(conn, tin) >= LIMITS.pending_registers_per_taxpayer:
        raise _too_many("of this taxpayer", _DAY)
    if pending_store.waiting(conn) >= LIMITS.pending_registers:
        raise _too_many("in all", _DAY)


def _too_many(which: str, wait: timedelta) -> Fault:
    return Fault(
        "TS-3233", detail=f"too many registers {which} wait", retry_after_seconds=int(wait.total_seconds())
    )  # fmt: skip


def _apply_rule(conn: Connection, services: ConnectingServices, waiting: PendingRegister, at: datetime) -> None:
    """Confirm where exactly one point of the taxpayer takes such registers, and nothing else speaks against it.

    A register that names no key gets its code from a person, so a rule does not help it; hardware needs the report
    that a person gives.
    """
    rules = pending_store.fitting_rules(conn, waiting.tin, waiting.maker, at)
    if not waiting.key_hash or len({rule.premises_id for rule in rules}) != 1:
        return
    if waiting.device_class is DeviceClass.HARDWARE and not services.policy.simulated_memory:
        return
    _register(conn, services, waiting, rules[0].premises_id, f"rule:{rules[0].rule_id}", at)
    pending_store.use_rule(conn, rules[0].rule_id)


def _tell(conn: Connection, services: ConnectingServices, known: PendingRegister, at: datetime) -> Answer:
    if known.state is not PresentedState.CONFIRMED or known.uid is None:
        return Answer(state=known.state, pending_id=known.pending_id, reason=known.reason)
    code = ""
    if known.key_hash and not pending_store.has_certificate(conn, known.uid):
        if not pending_store.count_code(conn, known.pending_id, at - _DAY, at, LIMITS.register_codes_per_day):
            raise _too_many("codes of this register", _DAY)
        code = services.codes(conn, known.uid, known.key_hash, known.decided_by, at)
    return Answer(
        state=known.state, pending_id=known.pending_id, uid=known.uid, enrol_url=services.enrol_url, code=code
    )  # fmt: skip


def confirm(
    conn: Connection,
    services: ConnectingServices,
    pending_id: int,
    premises_id: int | None,
    by: Person,
    at: datetime,
    *,
    memory_report: str = "",
    enterprise_number: str = "",
) -> Confirmed:
    """Confirm where a register stands (none: the point that was proposed); it becomes a device with its number.

    Raises ``TS-4003`` (no such one, or not his), ``TS-4007`` (decided already), ``TS-2406`` (its build is not good any
    more) and what `registering.register_device` raises.
    """
    waiting = _waiting(conn, pending_id, by)
    place = premises_id if premises_id is not None else waiting.premises_id
    uid = _register(conn, services, waiting, place, by.actor, at, memory_report, enterprise_number)
    code = "" if waiting.key_hash else services.codes(conn, uid, b"", by.actor, at)
    return Confirmed(uid=uid, code=code)


def refuse(conn: Connection, pending_id: int, by: Person, reason: str, at: datetime) -> None:
    """Refuse a register; it is told why. Raises ``TS-4003``, ``TS-4007`` and ``TS-1220`` (the reason)."""
    words = read_reason(reason)
    waiting = _waiting(conn, pending_id, by)
    pending_store.decide(conn, pending_id, PresentedState.REFUSED, by.actor, at, reason=words)
    _record(conn, "registry.refuse-register", waiting, by.actor, at, words, {})


def prune(conn: Connection, at: datetime) -> int:
    """Remove first requests that did not come again for their time, decided or not; how many."""
    return pending_store.prune(conn, at - timedelta(days=LIMITS.pending_register_days), _PRUNED_AT_ONCE)


def _waiting(conn: Connection, pending_id: int, by: Person) -> PendingRegister:
    waiting = pending_store.lock(conn, pending_id)
    if waiting is None:
        raise Fault("TS-4003", detail="no such register or taxpayer, or not yours")
    require_acts_for(conn, by, waiting.tin, CONFIRMERS)
    if waiting.state is not PresentedState.PENDING:
        raise Fault("TS-4007", detail=f"it is {waiting.state} already")
    return waiting


def _register(
    conn: Connection,
    services: ConnectingServices,
    waiting: PendingRegister,
    premises_id: int | None,
    by: str,
    at: datetime,
    memory_report: str = "",
    enterprise_number: str = "",
) -> Uid:
    _fitting_build(conn, services, waiting.device_class, waiting.build_id, waiting.maker)
    device = FiscalDevice(
        uid=free_uid(conn),
        device_class=int(waiting.device_class),
        tin=waiting.tin,
        premises_id=premises_id,
        maker=waiting.maker,
        model=waiting.model,
        serial_number=waiting.serial_number,
        form_factor=waiting.form_factor,
        memory_number=waiting.memory_number,
        enterprise_number=enterprise_number,
        memory_report=memory_report,
    )
    made = register_device(conn, services, device, by, at)
    pending_store.decide(
        conn, waiting.pending_id, PresentedState.CONFIRMED, by, at, uid=made.uid, premises_id=premises_id
    )  # fmt: skip
    rivals = pending_store.refuse_rivals(conn, waiting, by, at, "another register of this serial number was confirmed")
    _record(conn, "registry.confirm-register", waiting, by, at, "", {"uid": made.uid, "rivals": str(rivals)})
    return made.uid


def _record(
    conn: Connection,
    verb: str,
    register: PendingRegister,
    by: str,
    at: datetime,
    why: str,
    facts: dict[str, str],
) -> None:
    known = {"from": register.came_from, "maker": register.maker, "serial": register.serial_number}
    act = Act(
        at=at,
        actor=by,
        verb=verb,
        object=f"register:{register.pending_id}",
        for_whom=register.tin,
        purpose=why,
        facts={**known, **facts},
    )
    activity.record(conn, act)
