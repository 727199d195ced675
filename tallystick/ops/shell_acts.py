"""Deeds of a shell in the activity log, where no desk stands between the command and the room."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import psycopg

from tallystick.authority.oversight.activity import operations as activity
from tallystick.authority.oversight.activity.values import Act
from tallystick.ops.override_desk import shell_account
from tallystick.ops.schema.roles import PORTAL, as_role


def note(
    conn: psycopg.Connection[Any],
    verb: str,
    at: datetime,
    thing: str = "",
    *,
    for_whom: str = "",
    purpose: str = "",
    facts: Mapping[str, str] | None = None,
) -> None:
    """Record what the account of this process does, in the transaction that is open: last, before it commits."""
    actor = f"shell:{shell_account()}"
    act = Act(at=at, actor=actor, verb=verb, object=thing, for_whom=for_whom, purpose=purpose, facts=facts or {})
    activity.record(conn, act)


def note_alone(owner_dsn: str, verb: str, at: datetime, thing: str = "") -> None:
    """The same in a transaction of its own, for a deed that is none of the database: before it is begun."""
    with psycopg.connect(as_role(owner_dsn, PORTAL)) as conn:
        note(conn, verb, at, thing)
