"""Carries out what two persons agreed on: each deed once, in the transaction that takes its request."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import psycopg

from tallystick.authority.oversight.approvals import operations
from tallystick.authority.oversight.approvals.values import Request
from tallystick.authority.projections.personal import operations as personal
from tallystick.authority.reference.builds import operations as builds
from tallystick.authority.reference.registry import users
from tallystick.authority.reference.remote.many import GIVE_MANY
from tallystick.authority.reference.taxrates.operations import PUBLISH
from tallystick.ops.national_rules import publish_rates
from tallystick.ops.remote_devices import give_many

log = logging.getLogger(__name__)
Connection = psycopg.Connection[Any]
Deed = Callable[[Connection, Request, datetime], None]

DEEDS: Mapping[str, Deed] = {
    builds.REVOKE: builds.revoke,
    GIVE_MANY: give_many,
    personal.ERASE: personal.order,
    PUBLISH: publish_rates,
    users.APPOINT: users.appoint,
}
"""Which room does which deed. A deed that fails is rolled back with its request, and tried again."""


def do_approved(conn: Connection, at: datetime, deeds: Mapping[str, Deed] = DEEDS) -> int:
    """Do every approved deed of ours that nobody else holds; returns how many."""
    done = 0
    while (request := operations.take_next(conn, tuple(deeds), at)) is not None:
        deeds[request.deed](conn, request, at)
        conn.commit()
        log.warning(
            "a deed of two persons was carried out", extra={"deed": request.deed, "request": request.request_id}
        )
        done += 1
    return done
