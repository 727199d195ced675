"""Background work of the rules: every adoption gets its entry (kind 0x08) in the ledger, in order."""

from __future__ import annotations

from collections.abc import Callable

from tallystick.authority.reference.rules import store
from tallystick.authority.reference.rules.values import Adoption
from tallystick.authority.room_queries import Connection
from tallystick.wire.rule_change import write_rule_change

RULE_CHANGE_MEDIA_TYPE = "application/vnd.tallystick.rule-change+json"
_BATCH = 64


def publish_adoptions(conn: Connection, append: Callable[[bytes, Adoption], int]) -> int:
    """Hand the body of every unpublished adoption to ``append``, which gives the entry's index; returns how many.

    ``append`` must answer the same body with the same index: a crash between the two steps repeats the first.
    """
    published = 0
    while waiting := store.unpublished(conn, _BATCH):
        conn.commit()
        for adoption, before in waiting:
            body = write_rule_change(adoption.subject, adoption.number, adoption.content, adoption.adopted_at, before)
            published += store.note_index(conn, adoption, append(body, adoption))
            conn.commit()
    return published
