"""A country whose worker is killed while it judges an upload; a process of its own, as it migrates with its own Django.

Ends with 0 when everything was accepted once.
"""

from __future__ import annotations

import os
import signal
import time

import psycopg

from benchmarks.authority_processes import RunningAuthority, running_authority
from benchmarks.intake import sealed_packages
from tallystick.authority.channels.sdc.uploads import operations, queries
from tallystick.authority.channels.sdc.uploads.values import Offered, Sender, UploadOverview
from tallystick.ops.processes.context import system_clock
from tallystick.ops.schema.roles import PORTAL, as_role

OFFICER = Sender(user_id=0, username="officer", acts_for=None)
PACKAGES = 400


def wait(conn: psycopg.Connection[tuple[object, ...]], authority: RunningAuthority, number: object, done: int) -> None:
    """Until so many files are judged; a dead worker is started anew."""
    end = time.monotonic() + 90
    while overview(conn, number).done < done:
        assert time.monotonic() < end, overview(conn, number)
        authority.supervisor.tick()
        time.sleep(0.02)


def overview(conn: psycopg.Connection[tuple[object, ...]], number: object) -> UploadOverview:
    """How far it is."""
    return queries.upload(conn, OFFICER, number)  # type: ignore[arg-type]


def main() -> None:
    """Upload, kill the worker in the middle, wait, count."""
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
    """Documents in the ledger."""
    row = conn.execute("SELECT count(*) FROM ledger.identity WHERE se_total > 0").fetchone()
    assert row is not None
    count = row[0]
    assert isinstance(count, int)
    return count


if __name__ == "__main__":
    main()
