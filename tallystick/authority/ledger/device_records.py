"""The records of a device's documents in the order of its sequence, without their texts."""

from __future__ import annotations

from typing import Any

import psycopg

from tallystick.kit.named_sql import load_queries

_SQL = load_queries("tallystick.authority.ledger")


def device_records(connection: psycopg.Connection[Any], uid: str, after: int, limit: int) -> list[tuple[int, bytes]]:
    """Documents of a national device behind a place of its sequence: place and record, which is empty once erased."""
    rows = connection.execute(_SQL["device_records"], {"uid": uid, "after": after, "limit": limit})
    return [(int(seq), bytes(record or b"")) for seq, record in rows]
