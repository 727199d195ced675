"""The SQL of first requests and of the rules for them: one function a query, values in and out."""

from __future__ import annotations

from datetime import datetime

from tallystick.authority.reference.registry.presented import (
    PendingRegister,
    Presentation,
    PresentedState,
    RegisterRule,
)
from tallystick.authority.reference.registry.values import FormFactor
from tallystick.authority.room_queries import Connection, RoomQueries, Row
from tallystick.kernel.device_policy import DeviceClass
from tallystick.kernel.identifiers import Tin, Uid

_SQL = RoomQueries(__package__)


def _pending(row: Row) -> PendingRegister:
    number, tin, kind, maker, model, serial_number, memory_number, form_factor, build_id, key_hash = row[:10]
    premises_id, came_from, first_at, last_at, state, uid, decided_by, reason = row[10:]
    return PendingRegister(
        pending_id=number,
        tin=Tin(tin),
        device_class=DeviceClass(kind),
        maker=maker,
        model=model,
        serial_number=serial_number,
        memory_number=memory_number,
        form_factor=FormFactor(form_factor),
        build_id=build_id,
        key_hash=bytes(key_hash),
        premises_id=premises_id,
        came_from=came_from,
        first_at=first_at,
        last_at=last_at,
        state=PresentedState(state),
        uid=None if uid is None else Uid(uid),
        decided_by=decided_by,
        reason=reason,
    )


def by_hash(conn: Connection, presented_hash: bytes) -> PendingRegister | None:
    """What the same request led to, held until the transaction ends."""
    row = _SQL.row(conn, "pending_by_hash", presented_hash=presented_hash)
    return None if row is None else _pending(row)


def lock(conn: Connection, pending_id: int) -> PendingRegister | None:
    """By number, held until the transaction ends."""
    row = _SQL.row(conn, "lock_pending", pending_id=pending_id)
    return None if row is None else _pending(row)


def pending(conn: Connection, state: str, tin: str, limit: int) -> list[PendingRegister]:
    """The newest in a state, or in all."""
    return [_pending(row) for row in _SQL.rows(conn, "pending_registers", state=state, tin=tin, limit=limit)]


def first_requests_from(conn: Connection, came_from: str, since: datetime) -> int:
    """How many new ones came from an address since a moment."""
    return int(_SQL.value(conn, "count_first_requests", came_from=came_from, since=since))


def waiting_of(conn: Connection, tin: str) -> int:
    """How many of a taxpayer wait."""
    return int(_SQL.value(conn, "count_pending_of", tin=tin))


def waiting(conn: Connection) -> int:
    """How many wait in all."""
    return int(_SQL.value(conn, "count_pending"))


def add(
    conn: Connection,
    asked: Presentation,
    *,
    maker: str,
    model: str,
    premises_id: int | None,
    came_from: str,
    at: datetime,
) -> bool:
    """Insert; false when the same request is there already."""
    return bool(
        _SQL.run(
            conn,
            "add_pending",
            presented_hash=asked.hash,
            tin=asked.tin,
            device_class=int(asked.device_class),
            maker=maker,
            model=model,
            serial_number=asked.serial_number,
            memory_number=asked.memory_number,
            form_factor=asked.form_factor.value,
            build_id=asked.build_id,
            key_hash=asked.key_hash,
            maker_certificate=asked.maker_certificate,
            premises_id=premises_id,
            came_from=came_from,
            at=at,
        )
    )


def see(conn: Connection, pending_id: int, build_id: str, at: datetime) -> None:
    """Note that it came again, with which build."""
    _SQL.run(conn, "see_pending", pending_id=pending_id, build_id=build_id, at=at)


def decide(
    conn: Connection,
    pending_id: int,
    state: PresentedState,
    by: str,
    at: datetime,
    *,
    uid: str | None = None,
    premises_id: int | None = None,
    reason: str = "",
) -> None:
    """Write what was decided about one that waits."""
    _SQL.run(
        conn,
        "decide_pending",
        pending_id=pending_id,
        state=state.value,
        by=by,
        at=at,
        uid=uid,
        premises_id=premises_id,
        reason=reason,
    )


def refuse_rivals(conn: Connection, chosen: PendingRegister, by: str, at: datetime, reason: str) -> int:
    """Refuse what else waits under the chosen one's serial number; how many that were."""
    return _SQL.run(
        conn,
        "refuse_rivals",
        maker=chosen.maker,
        model=chosen.model,
        serial_number=chosen.serial_number,
        by=by,
        at=at,
        reason=reason,
    )


def count_code(conn: Connection, pending_id: int, day_ago: datetime, at: datetime, most: int) -> bool:
    """Count a code that a register is to get; false when it has had its number for a day."""
    return bool(_SQL.run(conn, "count_code", pending_id=pending_id, day_ago=day_ago, at=at, most=most))


def prune(conn: Connection, before: datetime, most: int) -> int:
    """Remove those that did not come again since a moment, oldest first; how many."""
    return _SQL.run(conn, "prune_pending", before=before, most=most)


def is_uid_taken(conn: Connection, uid: str) -> bool:
    """Whether a device or a secure element has this UID."""
    return bool(_SQL.value(conn, "is_uid_taken", uid=uid))


def device_of_maker(conn: Connection, maker: str, model: str, serial_number: str) -> tuple[Uid, Tin] | None:
    """The registered device of a maker's serial number: UID and taxpayer."""
    row = _SQL.row(conn, "device_of_maker", maker=maker, model=model, serial_number=serial_number)
    return None if row is None else (Uid(row[0]), Tin(row[1]))


def has_certificate(conn: Connection, uid: str) -> bool:
    """Whether a registered device was ever certified."""
    return bool(_SQL.value(conn, "has_certificate", uid=uid))


def only_premises(conn: Connection, tin: str) -> int | None:
    """The premises of a taxpayer who has just one."""
    rows = _SQL.rows(conn, "premises_of", tin=tin)
    return int(rows[0][0]) if len(rows) == 1 else None


def owner_of_premises(conn: Connection, premises_id: int) -> Tin | None:
    """Whose premises they are."""
    row = _SQL.row(conn, "owner_of_premises", premises_id=premises_id)
    return None if row is None else Tin(row[0])


def _rule(row: Row) -> RegisterRule:
    number, tin, premises_id, makers, most, taken, until = row
    return RegisterRule(
        rule_id=number,
        tin=Tin(tin),
        premises_id=premises_id,
        makers=tuple(makers),
        most=most,
        taken=taken,
        until=until,
    )


def add_rule(
    conn: Connection,
    tin: str,
    premises_id: int,
    makers: tuple[str, ...],
    most: int,
    until: datetime,
    by: str,
    at: datetime,
) -> int:
    """Insert; the rule's number."""
    return int(
        _SQL.value(
            conn,
            "add_rule",
            tin=tin,
            premises_id=premises_id,
            makers=list(makers),
            most=most,
            until=until,
            by=by,
            at=at,
        )
    )


def fitting_rules(conn: Connection, tin: str, maker: str, at: datetime) -> list[RegisterRule]:
    """Rules in force for a register of that maker, held until the transaction ends."""
    return [_rule(row) for row in _SQL.rows(conn, "lock_rules", tin=tin, maker=maker, at=at)]


def lock_rule(conn: Connection, rule_id: int) -> RegisterRule | None:
    """One that has not been ended, held until the transaction ends."""
    row = _SQL.row(conn, "lock_rule", rule_id=rule_id)
    return None if row is None else _rule(row)


def rules_in_force(conn: Connection, tin: str, at: datetime, limit: int) -> list[RegisterRule]:
    """Of a taxpayer, or of all."""
    return [_rule(row) for row in _SQL.rows(conn, "rules_in_force", tin=tin, at=at, limit=limit)]


def use_rule(conn: Connection, rule_id: int) -> None:
    """Count a register that the rule let in."""
    _SQL.run(conn, "use_rule", rule_id=rule_id)


def end_rule(conn: Connection, rule_id: int, at: datetime) -> None:
    """End it."""
    _SQL.run(conn, "end_rule", rule_id=rule_id, at=at)
