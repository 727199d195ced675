"""Background work of builds: every decision gets its entry (kind 0x03) in the ledger."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from tallystick.authority.reference.builds import store
from tallystick.authority.reference.builds.values import Unpublished
from tallystick.authority.room_queries import Connection
from tallystick.kernel.instants import unix_ms

BUILD_MEDIA_TYPE = "application/vnd.tallystick.build+json"
_BATCH = 64


def decision_body(decision: Unpublished) -> bytes:
    """RFC 8785 JSON, every value text."""
    return msgspec.json.encode(
        {
            "buildId": decision.build_id,
            "class": decision.build_class,
            "decidedAt": str(unix_ms(decision.decided_at)),
            "decision": str(decision.decision_id),
            "maker": decision.maker,
            "product": decision.product,
            "state": decision.state,
            "type": "build",
            "version": decision.version,
        },
        order="sorted",
    )


def publish_decisions(conn: Connection, append: Callable[[bytes, Unpublished], int]) -> int:
    """Hand every unpublished decision to ``append``, which gives the entry's index; returns how many.

    ``append`` must answer the same body with the same index: a crash between the two steps repeats the first.
    """
    published = 0
    while waiting := store.unpublished(conn, _BATCH):
        conn.commit()
        for decision in waiting:
            index = append(decision_body(decision), decision)
            published += store.note_index(conn, decision.decision_id, index)
            conn.commit()
    return published
