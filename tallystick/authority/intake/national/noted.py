"""Where a register's fold stood at a place of its sequence, as bytes in a table: a beginning for whoever reads on.

Without it a process that meets a device reads all documents of the open shift; an ERP system has a hundred thousand,
which take longer than a database may, so that it could never go on. Nothing rests on the note: it is made of the ledger
alone, is believed only where the ledger has the same link in the same place, and may be deleted at any time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import attrs
import msgspec

from tallystick.authority.intake.national.standing import Standing
from tallystick.authority.room_queries import Connection, RoomQueries
from tallystick.kernel.faults import Fault
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.instants import from_unix_ms, unix_ms
from tallystick.kernel.national_document import CountAndSum, ShiftTotals
from tallystick.kernel.shifts import RegisterState

_QUERIES = RoomQueries("tallystick.authority.intake")
_VERSION = 1
log = logging.getLogger(__name__)

NOTED_EVERY = 512
"""Documents of a device from one note to the next."""


@attrs.frozen(slots=True, kw_only=True)
class Noted:
    """A state after the document in a place, and the device link there."""

    sequence: int
    link: bytes
    state: RegisterState


class Notes:
    """Notes where devices stand now and then; no document waits for it. Belongs to one event loop."""

    def __init__(self, put: Callable[[str, Noted], Awaitable[None]]) -> None:
        self._put = put
        self._at_work: set[asyncio.Task[None]] = set()

    def take(self, uid: str, standing: Standing) -> None:
        """A document of the device was taken. One that is not booked after all leaves a note that nobody believes."""
        if standing.sequence % NOTED_EVERY or standing.unsure or standing.state.lacks:
            return
        noted = Noted(sequence=standing.sequence, link=standing.link, state=standing.state)
        task = asyncio.create_task(self._note(uid, noted))
        self._at_work.add(task)
        task.add_done_callback(self._at_work.discard)

    async def written(self) -> None:
        """Wait for what is under way."""
        while self._at_work:
            await asyncio.wait(self._at_work)

    async def _note(self, uid: str, noted: Noted) -> None:
        try:
            await self._put(uid, noted)
        except Fault as fault:
            log.warning("it could not be noted where a device stands", extra={"uid": uid, "code": fault.code})


class _Totals(msgspec.Struct, array_like=True, gc=False):
    counted: tuple[tuple[int, int], tuple[int, int], tuple[int, int], tuple[int, int]]
    taxes: dict[str, int]
    payments: dict[str, int]


class _State(msgspec.Struct, array_like=True, gc=False):
    version: int
    documents: int
    shift: int
    first: int
    opened_ms: int | None
    cash: int
    turnover: int
    is_registered: bool
    is_closed: bool
    totals: _Totals


def note(conn: Connection, uid: str, noted: Noted) -> None:
    """Put it in the place of what was noted before."""
    values = {"sequence": noted.sequence, "link": noted.link, "state": write_state(noted.state)}
    _QUERIES.run(conn, "note_register_state", uid=uid, **values)


def find(conn: Connection, uid: str) -> Noted | None:
    """What was noted of a device, unless the ledger has another document in that place, or none."""
    row = _QUERIES.row(conn, "register_state", uid=uid)
    if row is None:
        return None
    state = read_state(row[2])
    return None if state is None else Noted(sequence=row[0], link=row[1], state=state)


def write_state(state: RegisterState) -> bytes:
    """The state as it is kept."""
    totals, opened = state.totals, state.opened_at
    counted = (totals.sales, totals.refunds, totals.corrections_up, totals.corrections_down)
    return msgspec.json.encode(
        _State(
            version=_VERSION,
            documents=state.documents,
            shift=state.shift,
            first=state.first,
            opened_ms=None if opened is None else unix_ms(opened),
            cash=state.cash.scaled,
            turnover=state.turnover.scaled,
            is_registered=state.is_registered,
            is_closed=state.is_closed,
            totals=_Totals(
                counted=tuple((one.count, one.total.scaled) for one in counted),  # type: ignore[arg-type]  # four
                taxes={key: amount.scaled for key, amount in totals.taxes},
                payments={key: amount.scaled for key, amount in totals.payments},
            ),
        )
    )


def read_state(text: bytes) -> RegisterState | None:
    """Undo `write_state`; none for what another version wrote."""
    try:
        said = msgspec.json.decode(text, type=_State)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    if said.version != _VERSION:
        return None
    sales, refunds, up, down = (CountAndSum(count, Money(scaled)) for count, scaled in said.totals.counted)
    return RegisterState(
        documents=said.documents,
        shift=said.shift,
        first=said.first,
        opened_at=None if said.opened_ms is None else from_unix_ms(said.opened_ms),
        cash=Money(said.cash),
        turnover=Money(said.turnover),
        is_registered=said.is_registered,
        is_closed=said.is_closed,
        totals=ShiftTotals(
            sales=sales,
            refunds=refunds,
            corrections_up=up,
            corrections_down=down,
            taxes=_amounts(said.totals.taxes),
            payments=_amounts(said.totals.payments),
        ),
    )


def _amounts(said: dict[str, Any]) -> tuple[tuple[str, Money], ...]:
    return tuple((key, Money(scaled)) for key, scaled in said.items())
