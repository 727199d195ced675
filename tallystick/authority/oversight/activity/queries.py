"""What may be asked of the activity log: the newest acts, its head, and whether the chain holds."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any

import attrs

from tallystick.authority.oversight.activity import store
from tallystick.authority.oversight.activity.subjects import SHOWN_TO_SUBJECT
from tallystick.authority.oversight.activity.values import Act, Anchor, read_act
from tallystick.authority.room_queries import Connection
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import activity_genesis, activity_link
from tallystick.kernel.instants import unix_ms

_PAGE = 1_000


@attrs.frozen(slots=True)
class LoggedAct:
    """An act and its number in the log."""

    seq: int
    act: Act


@attrs.frozen(slots=True)
class Break:
    """A place where the chain does not hold, and what is wrong there."""

    seq: int
    what: str


def newest(
    conn: Connection,
    *,
    actor: str = "",
    verb: str = "",
    verbs: Collection[str] | None = None,
    thing: str = "",
    for_whom: str = "",
    before: int = 0,
    limit: int = 100,
) -> list[LoggedAct]:
    """Acts that fit, newest first; of these verbs, and below the number ``before``, only where they are given."""
    found = store.newest(
        conn, actor=actor, verb=verb, verbs=verbs, thing=thing, for_whom=for_whom, before=before, limit=limit
    )
    return [LoggedAct(seq, read_act(body)) for seq, body in found]


def shown_to(conn: Connection, subject: str, **wanted: Any) -> list[LoggedAct]:
    """What somebody whom acts concern may see of them: those of `SHOWN_TO_SUBJECT`. ``wanted`` as in `newest`."""
    return newest(conn, for_whom=subject, verbs=SHOWN_TO_SUBJECT, **wanted)


def head(conn: Connection) -> tuple[int, bytes]:
    """How many acts there are, and the newest link (32 bytes)."""
    return store.head(conn) or (0, activity_genesis())


def anchors_in_order(conn: Connection) -> Iterator[Anchor]:
    """Every head that was set down for the ledger, oldest first."""
    after = 0
    while page := store.anchors_following(conn, after, _PAGE):
        yield from page
        after = page[-1].seq


class _Anchors:
    """The anchors, laid beside a walk along the chain."""

    def __init__(self, anchors: Iterator[Anchor]) -> None:
        self._anchors = anchors
        self._next = next(anchors, None)

    def contradicted_by(self, seq: int, link: bytes) -> Iterator[Break]:
        while self._next is not None and self._next.seq <= seq:
            if (self._next.seq, self._next.link) != (seq, link):
                yield Break(self._next.seq, "the chain is another one than the ledger was told of")
            self._next = next(self._anchors, None)

    def beyond(self, seq: int) -> Iterator[Break]:
        if self._next is not None:
            yield Break(seq + 1, f"the ledger was told of {self._next.seq} entries")


def breaks(conn: Connection) -> Iterator[Break]:
    """Walk the whole chain in order; gives every place that does not hold. Flat in memory."""
    seq, link = 0, activity_genesis()
    anchors = _Anchors(anchors_in_order(conn))
    while rows := store.following(conn, seq, _PAGE):
        for found, at, actor, verb, thing, for_whom, body, found_link in rows:
            if found != seq + 1:
                yield Break(seq + 1, f"entries {seq + 1} to {found - 1} lack")
            elif activity_link(link, found, body) != found_link:
                yield Break(found, "the link does not follow from the entry and the link before it")
            if not _columns_agree(body, at, (actor, verb, thing, for_whom)):
                yield Break(found, "the columns say something else than the entry")
            seq, link = found, found_link
            yield from anchors.contradicted_by(seq, link)
    yield from anchors.beyond(seq)
    if head(conn) != (seq, link):
        yield Break(seq + 1, "the head is not the newest entry's")


def _columns_agree(body: bytes, at: datetime, columns: tuple[str, ...]) -> bool:
    try:
        act = read_act(body)
    except Fault:
        return False
    return unix_ms(act.at) == unix_ms(at) and columns == (act.actor, act.verb, act.object, act.for_whom)
