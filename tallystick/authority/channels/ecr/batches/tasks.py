"""Background work of this room beside the booking itself."""

from __future__ import annotations

from datetime import datetime, timedelta

from tallystick.authority.channels.ecr.batches import store
from tallystick.authority.channels.ecr.batches.values import Matter, MatterKind
from tallystick.authority.intake.national.ports import NationalDevices
from tallystick.authority.room_queries import Connection
from tallystick.kernel.channel_rules import ChannelRules
from tallystick.kernel.offline_limits import waited

FORGOTTEN_AFTER = timedelta(days=30)
"""An announced batch that nobody closes: its device still has all of it, and announces another one."""


def tidy_up(conn: Connection, now: datetime) -> int:
    """Forget batches that were announced long ago and never closed; how many."""
    return store.let_old_go(conn, now - FORGOTTEN_AFTER)


def tell_overdue(conn: Connection, devices: NationalDevices, rules: ChannelRules, now: datetime) -> int:
    """Make a matter of each device that holds documents back beyond the limit, whether it comes back or not (S0-032).

    Once for each oldest document that waits; how many devices hold some back. One that speaks to us holds nothing back
    for as long as a batch of it waits with us, as on hold: it brings the next one behind its receipt.
    """
    before = now - rules.offline_limit
    found = [
        (uid, contact_at, waiting, oldest_at)
        for uid, contact_at, waiting, oldest_at in store.overdue(conn, before)
        if contact_at < before or oldest_at + waited(store.waits(conn, uid, now), oldest_at, now) < before
    ]
    for uid, contact_at, waiting, oldest_at in found:
        device = devices.device(uid)
        if device is None:
            continue
        facts = {
            "lastContact": contact_at.isoformat(timespec="seconds"),
            "oldest": oldest_at.isoformat(timespec="seconds"),
            "waiting": str(waiting),
        }
        item = f"waits since {facts['oldest']}"
        matter = Matter(kind=MatterKind.OFFLINE_TOO_LONG, uid=uid, item=item, tin=device.tin, facts=facts)
        store.put_matter(conn, matter, now)
    return len(found)
