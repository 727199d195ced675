"""The life of a fiscal module as a table: from each state the deeds that are possible, and what else they bring about.

What the table does not name is refused (TS-3060), here and by the database. Documents: `docs/operations/production.md`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

import attrs

from tallystick.kernel.faults import Fault


class State(StrEnum):
    """Where a module is in its life."""

    BLANK = "blank"
    INSTALLED = "installed"
    NUMBERED = "numbered"
    KEYED = "keyed"
    CERTIFIED = "certified"
    PERSONALISED = "personalised"
    RECORDED = "recorded"
    STOCK = "stock"
    SHIPPED = "shipped"
    HANDED_OVER = "handed-over"
    LOST = "lost"
    MISSING = "missing"
    DAMAGED = "damaged"
    RECALLED = "recalled"
    RETURNED = "returned"
    CLOSED = "closed"
    DESTROYED = "destroyed"
    SPOILT = "spoilt"


class Deed(StrEnum):
    """What is done to a module."""

    INSTALL = "install"
    NUMBER = "number"
    KEY = "key"
    CERTIFY = "certify"
    PERSONALISE = "personalise"
    RECORD = "record"
    STORE = "store"
    SHIP = "ship"
    COME_BACK = "come-back"
    HAND_OVER = "hand-over"
    LOSE = "lose"
    FIND = "find"
    DAMAGE = "damage"
    RECALL = "recall"
    TAKE_BACK = "take-back"
    CLOSE = "close"
    DESTROY = "destroy"
    SPOIL = "spoil"


class Effect(StrEnum):
    """What a deed does to the module's registration and certificates."""

    NONE = "none"
    REGISTER = "register"
    """Enter it, on hold until it is in its taxpayer's hand."""
    ACTIVATE = "activate"
    HOLD = "hold"
    REVOKE = "revoke"
    """The registration and both certificates; of a module that was never registered, the certificates."""
    CLOSE = "close"


class CrlReason(StrEnum):
    """Why certificates are revoked (RFC 5280, 5.3.1)."""

    KEY_COMPROMISE = "keyCompromise"
    SUPERSEDED = "superseded"
    CESSATION = "cessationOfOperation"

    @property
    def number(self) -> int:
        """As a CRL has it."""
        return {"keyCompromise": 1, "superseded": 4, "cessationOfOperation": 5}[self.value]


@attrs.frozen(slots=True)
class Move:
    """Where a deed leads, its effect, why certificates are revoked, and whether the tax service is told (S1-046)."""

    to: State
    effect: Effect = Effect.NONE
    reason: CrlReason | None = None
    is_reported: bool = False


_HELD = (State.STOCK, State.SHIPPED)
_OUT = (*_HELD, State.HANDED_OVER)
_UNCERTIFIED = (State.BLANK, State.INSTALLED, State.NUMBERED, State.KEYED)
_S, _D, _E, _R = State, Deed, Effect, CrlReason

_MAKING: dict[tuple[State, Deed], Move] = {
    (_S.BLANK, _D.INSTALL): Move(_S.INSTALLED),
    (_S.INSTALLED, _D.NUMBER): Move(_S.NUMBERED),
    (_S.NUMBERED, _D.KEY): Move(_S.KEYED),
    (_S.KEYED, _D.CERTIFY): Move(_S.CERTIFIED),
    (_S.CERTIFIED, _D.PERSONALISE): Move(_S.PERSONALISED),
    (_S.PERSONALISED, _D.RECORD): Move(_S.RECORDED, _E.REGISTER, is_reported=True),
    (_S.RECORDED, _D.STORE): Move(_S.STOCK),
    **{(state, _D.SPOIL): Move(_S.SPOILT) for state in _UNCERTIFIED},
    (_S.CERTIFIED, _D.SPOIL): Move(_S.SPOILT, _E.REVOKE, _R.CESSATION),
    (_S.PERSONALISED, _D.SPOIL): Move(_S.SPOILT, _E.REVOKE, _R.CESSATION),
    (_S.RECORDED, _D.SPOIL): Move(_S.SPOILT, _E.REVOKE, _R.CESSATION, is_reported=True),
}

_KEEPING: dict[tuple[State, Deed], Move] = {
    (_S.STOCK, _D.SHIP): Move(_S.SHIPPED),
    (_S.SHIPPED, _D.COME_BACK): Move(_S.STOCK),
    **{(state, _D.HAND_OVER): Move(_S.HANDED_OVER, _E.ACTIVATE, is_reported=True) for state in _HELD},
    **{(state, _D.LOSE): Move(_S.MISSING, _E.REVOKE, _R.KEY_COMPROMISE, is_reported=True) for state in _HELD},
    (_S.HANDED_OVER, _D.LOSE): Move(_S.LOST, _E.HOLD, is_reported=True),
    (_S.LOST, _D.FIND): Move(_S.HANDED_OVER, _E.ACTIVATE, is_reported=True),
    (_S.LOST, _D.CLOSE): Move(_S.CLOSED, _E.REVOKE, _R.KEY_COMPROMISE, is_reported=True),
    **{(state, _D.DAMAGE): Move(_S.DAMAGED, _E.REVOKE, _R.SUPERSEDED, is_reported=True) for state in _OUT},
    **{(state, _D.RECALL): Move(_S.RECALLED, _E.HOLD, is_reported=True) for state in _OUT},
    (_S.RECALLED, _D.TAKE_BACK): Move(_S.RETURNED, _E.REVOKE, _R.SUPERSEDED, is_reported=True),
    (_S.RECALLED, _D.CLOSE): Move(_S.CLOSED, _E.REVOKE, _R.KEY_COMPROMISE, is_reported=True),
    (_S.HANDED_OVER, _D.CLOSE): Move(_S.CLOSED, _E.CLOSE, _R.CESSATION, is_reported=True),
    (_S.CLOSED, _D.TAKE_BACK): Move(_S.RETURNED),
    **{(state, _D.DESTROY): Move(_S.DESTROYED) for state in (_S.SPOILT, _S.MISSING, _S.DAMAGED, _S.RETURNED)},
}

TABLE: Mapping[tuple[State, Deed], Move] = MappingProxyType(_MAKING | _KEEPING)

IN_WORK = frozenset({*_UNCERTIFIED, State.CERTIFIED, State.PERSONALISED})
"""States of a module that is still at the station, half made."""
GOOD = frozenset(State) - IN_WORK - {State.SPOILT}
"""States of a module that left the station as a good one; a destroyed one may have been either."""


def move(state: State, deed: Deed) -> Move:
    """What the deed does to a module in that state; raises ``TS-3060``."""
    found = TABLE.get((state, deed))
    if found is None:
        raise Fault("TS-3060", detail=f"{deed}: not possible with a module that is {state}")
    return found
