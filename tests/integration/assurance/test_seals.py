"""Seals of days: made two hours after the day, revised when more comes, chained, and true when looked at again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from ledger_bench import CASH, NORMAL_SALE, LedgerFolder, document, lines, registration

from tallystick.authority.assurance.seals import queries
from tallystick.authority.assurance.seals.tasks import newest_ended_day, seal_days
from tallystick.authority.ledger.client import append_blocking
from tallystick.kernel.hashing import record_commitment, sha256
from tallystick.kernel.instants import epoch_day
from tallystick.ops.schema.roles import INTAKE, as_role
from tallystick.wire.day_seal import DaySeal, read_seal, write_day
from tallystick.wire.leaf import read_leaf
from tallystick.wire.record import read_record

NORMAL_REFUND = NORMAL_SALE + 1


@pytest.fixture
def ledger(database: str, tmp_path: Path) -> LedgerFolder:
    return LedgerFolder.make(tmp_path, database)


@pytest.fixture
def worker(ledger: LedgerFolder) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(as_role(ledger.dsn, INTAKE)) as connection:
        yield connection


def seal(ledger: LedgerFolder, worker: psycopg.Connection[Any], at: datetime) -> int:
    return seal_days(worker, lambda entry: append_blocking(ledger.socket, entry).index, UTC, lambda: at)


def newest(worker: psycopg.Connection[Any], day: int) -> DaySeal:
    return read_seal(queries.of_day(worker, day)[0].body)


def test_a_day_is_sealed_two_hours_after_its_end_and_not_before() -> None:
    midnight = datetime(2026, 3, 2, tzinfo=UTC)
    yesterday = epoch_day(midnight) - 1
    assert newest_ended_day(midnight + timedelta(hours=2), UTC) == yesterday
    assert newest_ended_day(midnight + timedelta(hours=1, minutes=59), UTC) == yesterday - 1


def test_s0_040_days_are_sealed_revised_chained_and_found_true(
    ledger: LedgerFolder, worker: psycopg.Connection[Any]
) -> None:
    today = epoch_day(datetime.now(UTC))
    after = datetime.now(UTC).replace(hour=2, minute=1) + timedelta(days=1)

    async def walk() -> None:
        async with ledger.serving() as (client, _):
            for card in CASH:
                await client.append(registration(card))
            for ordinal in range(1, 8):
                await client.append(document("ABCD1234", ordinal, 10_000, day=today))
            refund = document("QRST5555", 1, 4_000, day=today, document_type=NORMAL_REFUND, day_amount=-4_000)
            await client.append(refund)
            await client.append(document("QRST5555", 2, 500, day=today - 400))
            assert await asyncio.to_thread(seal, ledger, worker, after - timedelta(hours=3)) == 1, (
                "only the odd old day"
            )
            assert await asyncio.to_thread(seal, ledger, worker, after) == 1
            assert await asyncio.to_thread(seal, ledger, worker, after + timedelta(hours=20)) == 0, "once a day"
            await client.append(document("ABCD1234", 8, 700, day=today))
            assert await asyncio.to_thread(seal, ledger, worker, after + timedelta(hours=21)) == 0
            # the next day is sealed although nothing was sold, and the late document makes a revision
            assert await asyncio.to_thread(seal, ledger, worker, after + timedelta(days=1)) == 2

    asyncio.run(walk())
    odd, first = newest(worker, today - 400), read_seal(queries.of_day(worker, today)[-1].body)
    assert (odd.number, odd.previous, odd.revision) == ("1", "", "1")
    assert (first.number, first.revision, first.former) == ("2", "1", "")
    assert (first.entries, first.total, first.devices) == ("8", str(7 * 10_000 - 4_000), "2")
    assert first.types[str(NORMAL_SALE)].count == "7"
    assert first.types[str(NORMAL_SALE)].taxes == {"A": str(7 * 2_000), "Ђ": str(7 * 1_000)}
    assert first.types[str(NORMAL_REFUND)].total == "4000"
    second = newest(worker, today)
    assert (second.revision, second.entries, second.total) == ("2", "9", str(7 * 10_000 - 4_000 + 700))
    assert second.former == sha256(queries.of_day(worker, today)[-1].body).hex()
    empty = newest(worker, today + 1)
    assert (empty.entries, empty.total, empty.link, empty.types) == ("0", "0", "", {})
    assert not ledger.sweep(), "\n".join(lines(ledger.sweep()))
    published = queries.of_day(worker, today)[0]
    record = read_record(published.record)
    assert record.body_hash == sha256(published.body).hex()
    assert read_leaf(published.leaf).record_commitment == record_commitment(published.salt, published.record)


def test_a_crash_between_row_and_entry_repeats_the_same_seal(
    ledger: LedgerFolder, worker: psycopg.Connection[Any]
) -> None:
    today = epoch_day(datetime.now(UTC))
    after = datetime.now(UTC).replace(hour=2, minute=1) + timedelta(days=1)

    class Power(Exception):
        pass

    def cut(_: object) -> int:
        raise Power

    async def walk() -> None:
        async with ledger.serving() as (client, _):
            await client.append(registration("ABCD1234"))
            await client.append(document("ABCD1234", 1, day=today))
            with pytest.raises(Power):
                await asyncio.to_thread(seal_days, worker, cut, UTC, lambda: after)
            worker.rollback()
            assert not queries.of_day(worker, today), "nobody is shown what is not in the ledger"
            await client.append(document("ABCD1234", 2, day=today))
            assert await asyncio.to_thread(seal, ledger, worker, after) == 0
            ledger.edit("UPDATE seals.day SET entry_index = NULL")
            assert await asyncio.to_thread(seal, ledger, worker, after) == 0

    asyncio.run(walk())
    assert newest(worker, today).entries == "1"
    kinds = [row[0] for row in ledger.rows("SELECT get_byte(leaf, 4) FROM ledger.leaves")]
    assert kinds.count(2) == 1
    assert not ledger.sweep()


def test_tsf_22_shows_a_sealed_day_whose_documents_were_changed_and_a_broken_chain(
    ledger: LedgerFolder, worker: psycopg.Connection[Any]
) -> None:
    today = epoch_day(datetime.now(UTC))
    after = datetime.now(UTC).replace(hour=2, minute=1) + timedelta(days=1)

    async def walk() -> None:
        async with ledger.serving() as (client, _):
            await client.append(registration("ABCD1234"))
            for ordinal in range(1, 6):
                await client.append(document("ABCD1234", ordinal, day=today))
            await asyncio.to_thread(seal, ledger, worker, after)
            await asyncio.to_thread(seal, ledger, worker, after + timedelta(days=1))

    asyncio.run(walk())
    worker.rollback()
    assert not ledger.sweep()

    def codes() -> set[str]:
        return {str(one.code) for one in ledger.sweep()}

    ledger.back_up()
    (index,) = ledger.rows("SELECT log_index FROM ledger.day_links WHERE seq = 3")[0]
    record = ledger.rows("SELECT record FROM ledger.records WHERE log_index = %s", index)[0][0]
    changed = record.replace(b'"total":"10000"', b'"total":"90000"')
    place = ledger.rows("SELECT tableoid::regclass::text, ctid::text FROM ledger.records WHERE log_index = %s", index)[
        0
    ]
    with psycopg.connect(ledger.dsn) as owner:
        owner.execute("SET session_replication_role = replica")
        owner.execute(f"UPDATE {place[0]} SET record = %s WHERE ctid = %s".encode(), (changed, place[1]))
    assert "TSF-22" in codes()
    ledger.restore()
    ledger.edit("UPDATE ledger.day_links SET seq = 99 WHERE seq = 5", "UPDATE ledger.day_heads SET seq = 99")
    assert "TSF-22" in codes()
    ledger.restore()
    assert not ledger.sweep()
    assert write_day(today) == newest(worker, today).day
