"""The sequencer's socket: strange bytes, nobody there, and rows that fit their tables."""

import asyncio
import stat

import psycopg
import pytest
from ledger_bench import CASH, LedgerFolder, document, fault_of, registration

from tallystick.authority.ledger.client import SequencerClient, append_blocking, status_blocking
from tallystick.authority.ledger.protocol import APPEND, read_booked, write_append
from tallystick.authority.ledger.rows import TABLES
from tallystick.kernel.faults import Fault
from tallystick.kit.framed_socket import FramedClient


def test_nobody_there_is_a_coded_fault(ledger: LedgerFolder) -> None:
    async def ask() -> list[str]:
        client = SequencerClient(ledger.socket)
        return [await fault_of(client.append(document(CASH[0], 1))), await fault_of(client.status())]

    assert asyncio.run(ask()) == ["TS-5007", "TS-5007"]
    with pytest.raises(Fault, match="TS-5007"):
        append_blocking(ledger.socket, document(CASH[0], 1))
    with pytest.raises(Fault, match="TS-5007"):
        status_blocking(ledger.socket)


@pytest.mark.parametrize(
    "payload",
    [b"", b"?", APPEND, APPEND + b"\xff" * 50, APPEND + b"\x93\x01\x02\x03", write_append(document(CASH[0], 1))[:-3]],
    ids=["empty", "unknown", "no entry", "garbage", "short", "cut"],
)
def test_bytes_that_are_no_request_are_refused_and_cost_nobody_anything(ledger: LedgerFolder, payload: bytes) -> None:
    async def walk() -> None:
        async with ledger.serving() as (client, _):
            await client.append(registration(CASH[0]))
            stranger = FramedClient(ledger.socket)
            sales = asyncio.gather(*(client.append(document(CASH[0], n)) for n in range(1, 6)))
            answer = await stranger.call(payload)
            await sales
            with pytest.raises(Fault, match="TS-5099"):
                read_booked(answer)
            await stranger.close()

    asyncio.run(walk())
    assert ledger.rows("SELECT seq FROM ledger.device_heads") == [(5,)]


def test_the_socket_is_the_owners_alone(ledger: LedgerFolder) -> None:
    async def walk() -> int:
        async with ledger.serving():
            return stat.S_IMODE(ledger.socket.stat().st_mode)

    assert asyncio.run(walk()) == 0o600
    assert not ledger.socket.exists()


def test_rows_have_the_columns_of_their_tables(connection: psycopg.Connection) -> None:
    for table, columns in TABLES.items():
        found = connection.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = 'ledger' AND table_name = %s",
            (table,),
        ).fetchall()
        assert {name for (name,) in found} == set(columns.split(",")), table
