"""The self-check on a ledger of several tiles: whole, newest part, and against what lies beside the tables."""

import asyncio

import psycopg
import pytest
from ledger_bench import CASH, LedgerFolder, document, fill, lines

from tallystick.authority.ledger.findings import FindingCode, Shows
from tallystick.authority.ledger.sweep import SweepSources, full_check, quick_check
from tallystick.crypto.keys import generate_ed25519_key
from tallystick.ops.schema.roles import INTAKE, SEQUENCER, as_role
from tallystick.wire.signed_note import KeyType, NoteKey


@pytest.fixture
def grown(ledger: LedgerFolder) -> LedgerFolder:
    """Some 700 entries, published."""

    async def walk() -> None:
        async with ledger.serving() as (client, _):
            await fill(client, 690)

    asyncio.run(walk())
    ledger.publish()
    return ledger


def test_a_good_ledger_has_no_findings_and_progress_reaches_the_end(grown: LedgerFolder) -> None:
    seen: list[tuple[int, int]] = []
    assert not full_check(grown.dsn, grown.sources, lambda done, total: seen.append((done, total)))
    assert seen[-1] == (694, 694)
    assert not quick_check(grown.dsn, grown.sources, newest=100)
    assert not quick_check(grown.dsn, grown.sources)


def test_the_checking_needs_no_more_than_reading(grown: LedgerFolder) -> None:
    assert not full_check(as_role(grown.dsn, INTAKE), grown.sources)


def test_the_newest_part_shows_what_lies_in_it(grown: LedgerFolder) -> None:
    grown.edit("UPDATE ledger.bodies SET body = set_byte(body, 12, 65) WHERE log_index = 600")
    grown.edit("UPDATE ledger.bodies SET body = set_byte(body, 12, 65) WHERE log_index = 10")
    found = quick_check(grown.dsn, grown.sources, newest=150)
    assert {one.place for one in found} == {"entry 600"} | {
        one.place for one in found if one.place.startswith("entry 600,")
    }
    assert {Shows.LOG, Shows.DEVICE, Shows.TAXPAYER, Shows.TYPE, Shows.DAY} <= {
        shows for one in found for shows in one.shown_by
    }


def test_the_newest_part_stands_on_the_tiles_before_it(grown: LedgerFolder) -> None:
    grown.edit("UPDATE ledger.tiles SET root = decode(repeat('ab', 32), 'hex') WHERE tile_index = 0")
    found = quick_check(grown.dsn, grown.sources, newest=150)
    assert FindingCode.TREE_STATE_DIFFERS in {one.code for one in found}


def test_a_head_signed_with_another_key_is_found(grown: LedgerFolder) -> None:
    stranger = NoteKey(grown.log_key.name, KeyType.LOG, generate_ed25519_key().public.raw)
    found = full_check(grown.dsn, SweepSources(keys=(stranger,), check=grown.sources.check))
    assert {one.code for one in found} >= {FindingCode.CHECKPOINT_UNSIGNED}


def test_findings_are_bounded_and_readable(grown: LedgerFolder) -> None:
    grown.edit("UPDATE ledger.bodies SET body = ''")
    found = grown.sweep()
    assert len(found) == 1_000
    assert str(found[0]).startswith("TSF-")
    assert all("shown by" in line for line in lines(found))


def test_what_arrives_meanwhile_is_left_for_the_next_time(grown: LedgerFolder) -> None:
    async def walk() -> None:
        async with grown.serving() as (client, _):
            selling = [asyncio.ensure_future(client.append(document(CASH[0], 231 + n))) for n in range(200)]
            found = await asyncio.to_thread(grown.sweep)
            await asyncio.gather(*selling)
            assert not found, "\n".join(lines(found))

    asyncio.run(walk())


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM ledger.leaves",
        "DELETE FROM ledger.holes",
        "TRUNCATE ledger.bodies",
        "UPDATE ledger.bodies SET body = ''",
        "UPDATE ledger.records SET salt = ''",
        "UPDATE ledger.identity SET verdict = 0",
        "UPDATE ledger.tree_state SET tree_size = 0",
        "UPDATE ledger.checkpoints SET note = ''",
        "DROP TABLE ledger.leaves",
        "ALTER TABLE ledger.leaves DISABLE TRIGGER ALL",
        "SET session_replication_role = replica",
        "SELECT ledger.ensure_month(-1)",
    ],
)
def test_s0_041_the_writer_itself_cannot_take_back(grown: LedgerFolder, statement: str) -> None:
    with psycopg.connect(as_role(grown.dsn, SEQUENCER)) as connection, pytest.raises(psycopg.Error):
        connection.execute(statement.encode())


@pytest.mark.parametrize("table", ["leaves", "bodies", "records", "device_links", "tiles", "checkpoints"])
def test_the_owner_is_stopped_by_triggers(grown: LedgerFolder, table: str) -> None:
    for statement in (f"DELETE FROM ledger.{table}", f"TRUNCATE ledger.{table}"):
        with psycopg.connect(grown.dsn) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement.encode())
