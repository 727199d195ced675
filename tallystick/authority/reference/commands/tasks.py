"""Background work of the commands: rates that are published reach every device with a card, a page at a time (E-06)."""

from __future__ import annotations

from datetime import datetime, timedelta

import attrs

from tallystick.authority.oversight.activity import operations as activity
from tallystick.authority.oversight.activity.values import Act
from tallystick.authority.reference.commands import operations
from tallystick.authority.room_queries import Connection
from tallystick.wire.taxcore_api import CommandType

TELL = "commands.tell-rates"
PAGE_DEVICES = 200
PAGES_MOST = 20
"""Pages of one round; each is a transaction of its own."""
PASS_EVERY = timedelta(minutes=10)
"""How often everything is looked at again: for a device that was initialised from an older view meanwhile."""


@attrs.define
class CardRateTeller:
    """One pass after another over the devices; where it stands is only in memory, who was told in their outboxes."""

    _payload: str = ""
    _after: str = ""
    _next_pass: datetime | None = None

    def round(self, conn: Connection, payload: str, at: datetime) -> int:
        """Queue the rates (payload of command 0) for devices that have others; how many. Commits each page."""
        if payload == self._payload and self._next_pass is not None and at < self._next_pass:
            return 0
        if payload != self._payload:
            self._payload, self._after = payload, ""
        self._next_pass, told = None, 0
        for _ in range(PAGES_MOST):
            found = operations.queue_for_all(
                conn, CommandType.SET_TAX_RATES, payload, after=self._after, most=PAGE_DEVICES
            )
            if found:
                facts = {"first": found[0], "given": str(len(found)), "last": found[-1]}
                act = Act(
                    at=at, actor="process:worker", verb=TELL, object="rates", purpose="published", facts=facts
                )  # fmt: skip
                activity.record(conn, act)
            conn.commit()
            told += len(found)
            if len(found) < PAGE_DEVICES:
                self._after, self._next_pass = "", at + PASS_EVERY
                break
            self._after = found[-1]
        return told
