"""What persons do to finished modules: stock, shipping, hand-over, loss, damage, recall, closure.

The caller's transaction is the unit of work.
"""

from __future__ import annotations

from datetime import datetime

import attrs

from tallystick.authority.oversight.approvals.values import Person
from tallystick.authority.reference.production import store
from tallystick.authority.reference.production.lifecycle import Deed, State, move
from tallystick.authority.reference.production.moving import go, locked, log
from tallystick.authority.reference.production.values import PLACE_CHARACTERS_MOST, Module
from tallystick.authority.room_queries import Connection
from tallystick.kernel.faults import Fault, FieldFault
from tallystick.kernel.limits import LIMITS
from tallystick.kernel.reasons import read_reason

NEEDS_PLACE = frozenset({Deed.SHIP, Deed.HAND_OVER})
"""Deeds that say where to, or to whom."""
NEEDS_RECEIPT = frozenset({Deed.HAND_OVER})
NEEDS_REASON = frozenset({Deed.LOSE, Deed.FIND, Deed.DAMAGE, Deed.RECALL, Deed.CLOSE, Deed.DESTROY, Deed.SPOIL})
BY_HAND = NEEDS_PLACE | NEEDS_REASON | {Deed.COME_BACK, Deed.TAKE_BACK}
"""What a person does to one module; the rest is done by the station, or by a batch as a whole."""


@attrs.frozen(slots=True, kw_only=True)
class Account:
    """What a person says of a deed: where to or to whom, under which receipt, and why."""

    place: str = ""
    receipt: str = ""
    reason: str = ""


def do(conn: Connection, number: str, deed: Deed, account: Account, by: Person, at: datetime) -> State:
    """Do a deed to the module of that number; gives its new state.

    Raises ``TS-4003`` (no such module), ``TS-3060`` (not possible in its state), ``TS-1220`` (place, receipt or reason
    missing). A module that is lost, recalled or closed stops at the registry in the same transaction.
    """
    if deed not in BY_HAND:
        raise Fault("TS-3060", detail=f"{deed}: no person does that to a single module")
    module = _by_number(conn, number)
    move(module.state, deed)
    _check(account, deed)
    state = go(conn, module, deed, at, because=account.reason)
    if deed in NEEDS_PLACE:
        store.note_place(conn, module.module_id, account.place)
    facts = {"place": account.place, "receipt": account.receipt, "from": module.state.value, "to": state.value}
    stated = {name: value for name, value in facts.items() if value}
    log(conn, module, deed, by.actor, at, purpose=account.reason, facts=stated)
    return state


def put_in_stock(conn: Connection, batch_id: int, by: Person, at: datetime) -> int:
    """Take into stock every module of a batch that both registries know and that is printed; how many.

    Raises ``TS-3063`` when there is none and some wait.
    """
    ready = store.ready_for_stock(conn, batch_id)
    if not ready:
        waiting = store.counts(conn, batch_id).by_state.get(State.RECORDED, 0)
        if waiting:
            detail = f"{waiting} modules wait for the tax service, for their print or for their letter"
            raise Fault("TS-3063", detail=detail)
    modules = [locked(conn, module_id) for module_id in ready]
    for module in modules:
        go(conn, module, Deed.STORE, at)
    for module in modules:
        log(conn, module, Deed.STORE, by.actor, at)
    return len(modules)


def _by_number(conn: Connection, number: str) -> Module:
    module_id = store.module_by_number(conn, number)
    if module_id is None:
        raise Fault("TS-4003", detail="no module of that number")
    return locked(conn, module_id)


def _check(account: Account, deed: Deed) -> None:
    if deed in NEEDS_PLACE:
        _text("place", account.place, 1, PLACE_CHARACTERS_MOST)
    if deed in NEEDS_RECEIPT:
        _text("receipt", account.receipt, 1, PLACE_CHARACTERS_MOST)
    if deed in NEEDS_REASON:
        read_reason(account.reason)
        _text("reason", account.reason, 1, LIMITS.reason_characters_most)  # on one line, as the module's row has it


def _text(name: str, value: str, least: int, most: int) -> None:
    if not least <= len(value.strip()) <= most or not value.isprintable():
        detail = f"{name}: {least} to {most} printable characters"
        raise Fault("TS-1220", detail=detail, fields=(FieldFault(f"/{name}", "5"),))
