"""A country whose keys lie in files has them known to the database, as a set-up with a key store does."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import psycopg

from tallystick.authority.keys import operations, queries
from tallystick.authority.keys.values import SERIES, AuthorityKey
from tallystick.crypto.pki import DemoPki


def know_file_keys(dsn: str, pki: DemoPki, at: datetime) -> None:
    """Enter the first key of each series; the same again changes nothing."""
    with psycopg.connect(dsn) as conn:
        for series, (purpose, _) in SERIES.items():
            if not queries.keys(conn, series):
                _enter(conn, AuthorityKey(
                    label=series, series=series, purpose=purpose, public_key=pki.public_key(series), active_at=at
                ))  # fmt: skip


def _enter(conn: psycopg.Connection[Any], key: AuthorityKey) -> None:
    operations.enter_key(conn, key, b"no statement", at=key.active_at, actor="process:test")
