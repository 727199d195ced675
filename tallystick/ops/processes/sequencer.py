"""The ledger's one writer."""

from __future__ import annotations

import sys
from pathlib import Path

import psycopg

from tallystick.authority.keys.key_ring import KeyRing
from tallystick.authority.ledger.client import status_blocking
from tallystick.authority.ledger.sequencer import run_sequencer
from tallystick.ops.postgres.server_settings import check_durable
from tallystick.ops.processes.context import Context, system_clock
from tallystick.ops.schema.roles import SEQUENCER, check_working_role
from tallystick.ops.second_copy import check_second_copy


def run() -> None:
    """Serve until stopped; refuses to start on a database that could lose what it acknowledged."""
    context = Context.load("sequencer")
    settings, state = context.settings, context.state
    mirror = Path(settings.mirror) if settings.mirror else state.mirror
    if state.postgres.exists():
        check_second_copy(state.postgres, mirror, accepted=settings.single_disk_accepted)
    with psycopg.connect(context.dsn(SEQUENCER)) as connection:
        check_durable(connection)
        check_working_role(connection)
    ring = KeyRing(context.connector(SEQUENCER), context.signing_unit(), settings.log_origin, system_clock)
    ring.start()
    socket = context.socket("sequencer")
    published = state.tiles / "checkpoint"
    with context.health({"serving": lambda: _check_serving(socket)}):
        status = run_sequencer(
            context.dsn(SEQUENCER),
            socket,
            mirror,
            ring.signers,
            settings.log_origin,
            system_clock,
            published_checkpoint=published if published.exists() else None,
            check_signing=ring.check,
        )
    ring.stop()
    sys.exit(status)


def _check_serving(socket: Path) -> None:
    status = status_blocking(socket)
    if status.state != "serving":
        raise RuntimeError(f"the sequencer is {status.state}: {status.reason}")
