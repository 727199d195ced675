"""Several COPYs in one message over libpq, without holding the interpreter while the server works.

psycopg's own copy takes a round trip, a cursor and a row adapter a table; a batch of eight tables wants none of them.
"""

from __future__ import annotations

import select
from collections.abc import Sequence

import psycopg
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGconn, PGresult

_SERVER_SECONDS_MAX = 60
GIVEN_UP = b"given up"


def copy_all(connection: PGconn, copies: Sequence[tuple[bytes, bytes]]) -> None:
    """Run ``(statement, data)`` one after the other in the open transaction; raises ``psycopg.Error``.

    The data of each is complete, head and end included. After an error the transaction can only be rolled back.
    """
    connection.send_query(b"; ".join(statement for statement, _ in copies))
    for _, data in copies:
        _expect(connection, ExecStatus.COPY_IN)
        connection.put_copy_data(data)
        connection.put_copy_end()
        _expect(connection, ExecStatus.COMMAND_OK)
    _drain(connection)


def _expect(connection: PGconn, wanted: ExecStatus) -> None:
    result = _next_result(connection)
    if result is None:
        raise psycopg.OperationalError("the server answered less than was asked")
    if result.status != wanted:
        error = psycopg.errors.error_from_result(result, encoding="utf-8")
        _drain(connection)
        raise error


def _drain(connection: PGconn) -> None:
    while (result := _next_result(connection)) is not None:
        if result.status == ExecStatus.COPY_IN:
            connection.put_copy_end(GIVEN_UP)


def _next_result(connection: PGconn) -> PGresult | None:
    """The next result, waited for in the kernel so that other threads run."""
    poll = select.poll()
    while connection.flush():
        poll.register(connection.socket, select.POLLIN | select.POLLOUT)
        _wait(connection, poll)
    poll.register(connection.socket, select.POLLIN)
    while connection.is_busy():
        _wait(connection, poll)
    return connection.get_result()


def _wait(connection: PGconn, poll: select.poll) -> None:
    ready = poll.poll(_SERVER_SECONDS_MAX * 1000)
    if not ready:
        raise psycopg.OperationalError(f"the server is silent for {_SERVER_SECONDS_MAX} s")
    if ready[0][1] & ~select.POLLOUT:
        connection.consume_input()
