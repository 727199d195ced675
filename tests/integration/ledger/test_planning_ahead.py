"""The next batch planned while one is in flight: the ledger is the same as one batch after the other (I-07)."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from ledger_bench import CASH, LedgerFolder, document, fault_of, fill, lines, registration
from psycopg import DataError, OperationalError

from tallystick.authority.ledger import ahead, writer
from tallystick.authority.ledger.store import WriterConnection
from tallystick.authority.ledger.tenure import Tenure


@pytest.fixture(autouse=True)
def always_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every batch flies, however little is queued, and holds few documents."""
    monkeypatch.setattr(ahead, "PLANNED_AHEAD_FROM", 0)
    monkeypatch.setattr(writer, "PLANNED_AHEAD_FROM", 0)
    taking = writer.Writer._take

    def few(self: writer.Writer) -> Any:
        rest = [self._queue.pop() for _ in range(max(0, len(self._queue) - 7))]
        tickets = taking(self)
        self._queue.extend(reversed(rest))
        return tickets

    monkeypatch.setattr(writer.Writer, "_take", few)


def whole(ledger: LedgerFolder) -> None:
    assert not ledger.sweep(), "\n".join(lines(ledger.sweep()))


def test_batches_on_batches_in_flight_give_one_whole_ledger(
    ledger: LedgerFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    flights, planned = [], []
    carry_out, unasked = Tenure.carry_out, Tenure.plan_unasked

    def slow(self: Tenure, plan: Any) -> None:
        flights.append(threading.current_thread().name)
        threading.Event().wait(0.003)
        carry_out(self, plan)

    def ahead_of(self: Tenure, work: Any, state: Any) -> Any:
        made = unasked(self, work, state)
        planned.append(state is not self.ledger and made is not None)
        return made

    monkeypatch.setattr(Tenure, "carry_out", slow)
    monkeypatch.setattr(Tenure, "plan_unasked", ahead_of)

    async def walk() -> None:
        async with ledger.serving() as (client, _):
            booked = await fill(client, 90)
            assert len({one.index for one in booked}) == 90
            again = [document(CASH[n % 3], n // 3 + 1, 10_000 + n) for n in range(90)]
            fresh = [document(CASH[0], n) for n in range(31, 60)]
            answers = await asyncio.gather(*(client.append(sale) for sale in (*again, *fresh)))
            assert [one.index for one in answers[:90]] == [one.index for one in booked], "the first answer stands"
            assert all(one.duplicate for one in answers[:90])
            assert len({one.index for one in answers}) == 119

    asyncio.run(walk())
    assert any(name.startswith("ledger-disk") for name in flights)
    assert planned.count(True) > 5, "the point of it"
    whole(ledger)


def test_a_document_that_the_database_refuses_costs_neither_its_batch_nor_the_plan_upon_it(
    ledger: LedgerFolder,
) -> None:
    async def walk() -> None:
        async with ledger.serving() as (client, _):
            for card in CASH:
                await client.append(registration(card))
            poison = document(CASH[1], 500, utc_offset_minutes=0, verdict=40_000)  # no smallint
            sales = [document(CASH[n % 3], n // 3 + 1) for n in range(60)]
            work = [*sales[:20], poison, *sales[20:]]
            codes = await asyncio.gather(*(fault_of(client.append(entry)) for entry in work))
            assert [code for code in codes if code] == ["TS-5099"]
            assert codes.index("TS-5099") == 20

    asyncio.run(walk())
    assert ledger.rows("SELECT count(*) FROM ledger.identity WHERE signed_by <> ''") == [(60,)]
    whole(ledger)


def test_a_lost_connection_leaves_nothing_half_and_all_who_wait_are_told(
    ledger: LedgerFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit, seen = WriterConnection.commit, []

    def lose(self: WriterConnection) -> None:
        seen.append(1)
        if len(seen) == 6:
            self.raw.close()
        commit(self)

    async def walk() -> None:
        async with ledger.serving() as (client, _):
            for card in CASH:
                await client.append(registration(card))
            monkeypatch.setattr(WriterConnection, "commit", lose)
            sales = [document(CASH[n % 3], n // 3 + 1) for n in range(60)]
            codes = await asyncio.gather(*(fault_of(client.append(sale)) for sale in sales))
            assert set(codes) <= {"", "TS-5003", "TS-5007"}
            assert "TS-5003" in codes
            for _ in range(100):
                waiting = [sale for sale, code in zip(sales, codes, strict=True) if code]
                if not waiting:
                    break
                await asyncio.sleep(0.05)
                answers = await asyncio.gather(*(fault_of(client.append(sale)) for sale in sales))
                codes = answers
            assert set(codes) == {""}

    asyncio.run(walk())
    assert ledger.rows("SELECT count(*) FROM ledger.identity WHERE signed_by <> ''") == [(60,)]
    whole(ledger)


def test_a_batch_that_is_taken_apart_when_the_connection_goes_leaves_nobody_waiting(
    ledger: LedgerFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise DataError("no row of this batch")

    def lost(*_: object) -> None:
        raise OperationalError("the server has gone")

    async def walk() -> None:
        async with ledger.serving() as (client, _):
            for card in CASH:
                await client.append(registration(card))
            with monkeypatch.context() as patch:
                patch.setattr(Tenure, "carry_out", refused)
                patch.setattr(Tenure, "isolate", lost)
                told = asyncio.gather(*(fault_of(client.append(document(CASH[n % 3], n // 3 + 1))) for n in range(10)))
                codes = await asyncio.wait_for(told, 5)
            assert set(codes) <= {"TS-5003", "TS-5007"}
            assert "TS-5003" in codes

    asyncio.run(walk())
