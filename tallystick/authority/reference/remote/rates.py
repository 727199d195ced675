"""A rate group that is published reaches the registers by itself (S0-030): a command to each, a page a round.

Told are groups that begin later and the one in force, to devices that were registered before it began: whoever comes
after that is set up with it. A command that ended without an answer is given again, so that a register that was away
for long is told when it is back. What interrupts the work costs nothing: who was told stands beside the commands.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import attrs

from tallystick.authority.oversight.activity import operations as activity
from tallystick.authority.oversight.activity.values import Act
from tallystick.authority.reference.remote import store
from tallystick.authority.reference.remote.operations import enter, require_can_take
from tallystick.authority.reference.remote.ports import Devices
from tallystick.authority.room_queries import Connection
from tallystick.kernel.device_commands import RateChange, rate_change
from tallystick.kernel.faults import Fault
from tallystick.kernel.tax_rates import TaxRateGroup, group_at

log = logging.getLogger(__name__)

TELL = "remote.tell-rates"
PAGE_DEVICES = 100
"""So many get a command in one transaction; the next page waits until all are signed: a hold waits for no more."""
PAGES_MOST = 20
"""Pages that are looked at in one round where nothing is to be told."""
PASS_EVERY = timedelta(minutes=10)
"""How often the whole fleet is looked at for devices that came meanwhile; a new group begins at once."""
_ACTOR = "process:worker"


class _ToldMeanwhile(Exception):
    """Another process told the device first."""


def groups_to_tell(groups: Iterable[TaxRateGroup], at: datetime) -> list[TaxRateGroup]:
    """The group in force and those that wait for their day, by their beginning."""
    found = list(groups)
    now = group_at(found, at)
    wanted = [one for one in found if one.valid_from > at or one == now]
    return sorted(wanted, key=lambda one: (one.valid_from, one.group_id))


@attrs.define
class RateTeller:
    """One pass after another over the fleet; where it stands is only in memory."""

    devices: Devices
    _seen: tuple[int, ...] = ()
    _queue: list[TaxRateGroup] = attrs.field(factory=list)
    _after: str = ""
    _next_pass: datetime | None = None

    def round(self, conn: Connection, groups: Iterable[TaxRateGroup], at: datetime) -> int:
        """Tell a page of devices, with a commit of its own; how many got a command now.

        While commands wait for their signature nothing is added to them.
        """
        if store.is_any_unsigned(conn, at):
            return 0
        self._begin(groups_to_tell(groups, at), at)
        for _ in range(PAGES_MOST):
            if not self._queue:
                return 0
            group = self._queue[0]
            uids = self.devices.registered_before(conn, self._after, group.valid_from, PAGE_DEVICES)
            given = 0
            try:
                given = tell(conn, self.devices, group, uids, at)
            except Fault as fault:
                conn.rollback()
                log.error("rate group %d is told to nobody: %s", group.group_id, fault)
                uids = []
            conn.commit()
            self._after = uids[-1] if len(uids) == PAGE_DEVICES else ""
            if not self._after:
                self._queue.pop(0)
            if given:
                return given
        return 0

    def _begin(self, wanted: list[TaxRateGroup], at: datetime) -> None:
        seen = tuple(one.group_id for one in wanted)
        if seen == self._seen and self._next_pass is not None and at < self._next_pass:
            return
        if seen == self._seen and self._queue:
            return
        self._seen, self._queue, self._after, self._next_pass = seen, wanted, "", at + PASS_EVERY


def tell(conn: Connection, devices: Devices, group: TaxRateGroup, uids: Sequence[str], at: datetime) -> int:
    """Give those of the devices a command that were not told of the group; how many. One act says so.

    A device for which too many commands wait is passed over, and looked at again with the next pass. Raises
    ``TS-3300``.
    """
    change = rate_change(group)
    told = store.told_rates(conn, group.group_id, uids, at)
    given, passed_over = list[str](), 0
    for uid in uids:
        number, holds = told.get(uid, (0, False))
        if holds:
            continue
        try:
            with conn.transaction():
                _tell_one(conn, devices, change, uid, number, at)
            given.append(uid)
        except (_ToldMeanwhile, Fault) as error:
            if isinstance(error, Fault) and error.code not in ("TS-3308", "TS-3309"):
                raise
            passed_over += 1
    if given:
        facts = {"first": given[0], "given": str(len(given)), "last": given[-1], "passed_over": str(passed_over)}
        what = f"rates:{group.group_id}"
        activity.record(conn, Act(at=at, actor=_ACTOR, verb=TELL, object=what, purpose="published", facts=facts))
    return len(given)


def _tell_one(
    conn: Connection, devices: Devices, change: RateChange, uid: str, before: int, at: datetime
) -> None:  # fmt: skip
    device = devices.device(conn, uid)
    if device is None:
        raise _ToldMeanwhile
    require_can_take(device)
    command = enter(conn, devices, device, change, "published", _ACTOR, at)
    if not store.note_told(conn, change.group, uid, command.number, before):
        raise _ToldMeanwhile
