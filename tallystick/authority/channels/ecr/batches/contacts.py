"""When devices are heard of: outages are measured by our clock, and a head never goes back (S0-032, S0-093, K-15)."""

from __future__ import annotations

from datetime import datetime, timedelta

from tallystick.authority.channels.ecr.batches import store
from tallystick.authority.channels.ecr.batches.values import Contact, Matter, MatterKind
from tallystick.authority.intake.national.values import Sender
from tallystick.authority.ledger import queries as ledger
from tallystick.authority.room_queries import Connection
from tallystick.kernel.channel_rules import ChannelRules
from tallystick.kernel.faults import Fault
from tallystick.kernel.instants import from_unix_ms
from tallystick.kernel.offline_limits import OUTAGE_LEAST, Lateness, too_long
from tallystick.wire.compact_jws import write_base64url
from tallystick.wire.offline_batch import HeadReport

HEADS_A_MINUTE = 5
"""What is kept of one device's reports; it sends one every few minutes."""
HEADS_KEPT = timedelta(days=7)
"""A report shows the age of what is not in the ledger; below what is, it shows nothing more."""


def hear_of(
    conn: Connection, uid: str, at: datetime, *, sequence: int = 0, link: bytes | None = None, says_head: bool = False
) -> Contact:
    """A device was heard of, and shows that its sequence reaches so far; what was known before.

    A silence before that was long enough is an outage. ``says_head``: the device has no number beyond ``sequence``.
    """
    before = store.lock_contact(conn, uid, _since_registration(conn, uid, at))
    if at - before.at >= OUTAGE_LEAST:
        store.put_outage(conn, uid, before.at, at, before.sequence)
    store.note_contact(conn, uid, at, sequence, link)
    if says_head:
        store.end_outages(conn, uid, sequence)
    return before


def hear_head(conn: Connection, sender: Sender, report: HeadReport, at: datetime) -> Fault | None:
    """A device says where it stands. Commits nothing itself; a head that cannot be is told, and is a case.

    Kept as the first of its head: what it signs shows later which documents existed by now (K-05). Of a revoked
    certificate nothing is kept: a thief could close the way for the device by a head that it never had.
    """
    uid = sender.uid
    if sender.revoked:
        return None
    body, since = report.signed.compact, at - timedelta(minutes=1)
    store.put_head_report(conn, uid, report.sequence, report.link, body, at, since, HEADS_A_MINUTE)
    before = hear_of(conn, uid, at, sequence=report.sequence, link=report.link, says_head=True)
    oldest = None if report.oldest_ms is None else from_unix_ms(report.oldest_ms)
    store.note_waiting(conn, uid, report.waiting, oldest)
    booked = _booked(conn, uid)
    store.let_heads_go(conn, uid, booked, at - HEADS_KEPT)
    known = max(before.sequence, booked)
    other = report.sequence == before.sequence and before.link is not None and before.link != report.link
    if report.sequence >= known and not other:
        return None
    facts = {
        "known": str(known),
        "knownLink": write_base64url(before.link or b"").decode("ascii"),
        "reported": str(report.sequence),
        "reportedLink": write_base64url(report.link).decode("ascii"),
    }
    item = f"head {known} with another link" if report.sequence == known else f"head below {known}"
    store.put_matter(conn, Matter(kind=MatterKind.HEAD_WENT_BACK, uid=uid, item=item, tin=sender.tin, facts=facts), at)
    return Fault("TS-3285", detail=f"number {known} of this device is known here")


def lateness(conn: Connection, uid: str, rules: ChannelRules, came_at: datetime) -> Lateness:
    """Which documents of a batch are late that had come by a moment, whenever it is booked.

    Outages that passed a limit, far enough back that each is judged with those before it; and how long batches before
    this one waited with us.
    """
    known = store.outages(conn, uid, came_at - timedelta(days=2 * rules.rolling_days + 31), came_at)
    return Lateness(too_long(known, rules), rules, store.waits(conn, uid, came_at))


def _since_registration(conn: Connection, uid: str, at: datetime) -> Contact:
    """A device that was never heard of counts from its registration in the ledger."""
    standing = ledger.device_standing(conn, (uid, uid))
    entry = None if standing is None else ledger.document_by_index(conn, standing.registration_index)
    since = at if entry is None or not entry.record else from_unix_ms(int(entry.facts.received_at))
    return Contact(at=min(since, at), sequence=_booked(conn, uid), link=None)


def _booked(conn: Connection, uid: str) -> int:
    head = ledger.device_head(conn, (uid, uid))
    return 0 if head is None else head[0]
