"""Uploads through the authority's real processes: the worker judges what was stored, through every death of its own."""

from __future__ import annotations

import os
import signal
import time

import psycopg
import pytest

from benchmarks.authority_processes import RunningAuthority, running_authority
from benchmarks.intake import sealed_packages
from tallystick.authority.channels.sdc.uploads import operations, queries
from tallystick.authority.channels.sdc.uploads.values import Offered, Sender, UploadOverview
from tallystick.ops.processes.context import system_clock
from tallystick.ops.schema.roles import PORTAL, as_role

OFFICER = Sender(user_id=0, username="officer", acts_for=None)
PACKAGES = 400


def wait(conn: psycopg.Connection[tuple[object, ...]], authority: RunningAuthority, number: object, done: int) -> None:
    end = time.monotonic() + 90
    while overview(conn, number).done < done:
        assert time.monotonic() < end, overview(conn, number)
        authority.supervisor.tick()
        time.sleep(0.02)


def overview(conn: psycopg.Connection[tuple[object, ...]], number: object) -> UploadOverview:
    return queries.upload(conn, OFFICER, number)  # type: ignore[arg-type]


@pytest.mark.timeout(180)
def test_s2_099_a_worker_that_is_killed_loses_and_doubles_nothing() -> None:
    """Stored before it is judged: killed in the middle, the next worker goes on, and each invoice is booked once."""
    with running_authority(1) as authority:
        (card,) = authority.cards
        offered = [
            Offered(f"{card.uid}-{card.uid}-{ordinal}.json", body)
            for ordinal, body in enumerate(sealed_packages(authority.cards, PACKAGES), 1)
        ]
        with psycopg.connect(as_role(authority.country.owner_dsn, PORTAL), autocommit=True) as conn:
            number = operations.open_upload(conn, OFFICER, system_clock())
            operations.add_files(conn, OFFICER, number, offered, system_clock())
            operations.seal(conn, OFFICER, number, system_clock())
            end = time.monotonic() + 60
            while not booked(conn):
                assert time.monotonic() < end
                time.sleep(0.005)
            os.kill(authority.supervisor.pid("worker"), signal.SIGKILL)
            before = booked(conn)
            wait(conn, authority, number, PACKAGES)
            assert authority.supervisor.restarts("worker") == 1
            end_state = overview(conn, number)
            assert (end_state.accepted, end_state.refused) == (PACKAGES, 0)
            assert booked(conn) == PACKAGES
            assert before < PACKAGES, "the worker was too fast for this test"


def booked(conn: psycopg.Connection[tuple[object, ...]]) -> int:
    row = conn.execute("SELECT count(*) FROM ledger.identity WHERE se_total > 0").fetchone()
    assert row is not None
    count = row[0]
    assert isinstance(count, int)
    return count
