"""The walk of a document into the ledger: booked once, in five sequences, answered behind the gate."""

import asyncio

import psycopg
import pytest
from ledger_bench import CASH, LedgerFolder, check_ed25519, document, fault_of, fill, lines, now, registration

from tallystick.authority.ledger import queries
from tallystick.authority.ledger.client import append_blocking
from tallystick.authority.ledger.entry import EntryKind, NewEntry
from tallystick.kernel.hashing import sha256
from tallystick.kernel.merkle import leaf_hash, verify_consistency, verify_inclusion
from tallystick.wire.leaf import read_leaf
from tallystick.wire.signed_note import parse_checkpoint, parse_note, verify_note


def test_s0_040_a_document_stands_in_all_five_sequences(ledger: LedgerFolder) -> None:
    async def walk() -> None:
        async with ledger.serving() as (client, _):
            await fill(client, 60)

    asyncio.run(walk())
    with psycopg.connect(ledger.dsn) as connection:
        found = queries.document_by_number(connection, CASH[0], CASH[0], 7)
        assert found is not None
        assert found.acked
        assert found.body_hash == sha256(found.body)
        record, leaf = found.facts, read_leaf(found.leaf)
        assert (record.device_seq, record.se_total, record.taxpayer) == ("7", "7", "100000001")
        for table, key, link in (
            ("device_links", f"signed_by = '{CASH[0]}' AND seq = {record.device_seq}", leaf.device_link),
            ("taxpayer_links", f"tin = '{record.taxpayer}' AND seq = {record.taxpayer_seq}", leaf.taxpayer_link),
            ("type_links", f"document_type = {record.type} AND seq = {record.type_seq}", leaf.type_link),
            ("day_links", f"day = {record.day} AND seq = {record.day_seq}", leaf.day_link),
        ):
            rows = ledger.rows(f"SELECT link, body_hash, log_index FROM ledger.{table} WHERE {key}")
            assert rows == [(link, found.body_hash, found.index)], table
    assert not ledger.sweep(), "\n".join(lines(ledger.sweep()))


def test_proofs_lead_to_the_signed_root(ledger: LedgerFolder) -> None:
    async def walk() -> None:
        async with ledger.serving() as (client, _):
            await fill(client, 300)

    asyncio.run(walk())
    with psycopg.connect(ledger.dsn) as connection:
        note = parse_note(queries.newest_checkpoint(connection))
        assert [key.name for key in verify_note(note, [ledger.log_key], check_ed25519)] == [ledger.log_key.name]
        head = parse_checkpoint(note.text)
        assert head.size == queries.acked_size(connection)
        for index in (0, 1, 255, 256, head.size - 1):
            found = queries.document_by_index(connection, index)
            assert found is not None
            path = queries.inclusion_proof(connection, index, head.size)
            verify_inclusion(leaf_hash(found.leaf), index, head.size, path, head.root)
            assert queries.tlog_proof(connection, index).hashes == tuple(path)
        old = parse_note(ledger.rows("SELECT note FROM ledger.checkpoints ORDER BY tree_size OFFSET 2 LIMIT 1")[0][0])
        before = parse_checkpoint(old.text)
        path = queries.consistency_proof(connection, before.size, head.size)
        verify_consistency(before.size, before.root, head.size, head.root, path)
        with pytest.raises(LookupError):
            queries.tlog_proof(connection, head.size)


def test_s2_085_the_same_document_again_gets_the_first_answer(ledger: LedgerFolder) -> None:
    async def walk() -> None:
        async with ledger.serving() as (client, _):
            await client.append(registration(CASH[0]))
            sale = document(CASH[0], 1)
            first = await client.append(sale)
            again = await client.append(document(CASH[0], 1, verdict=69))
            assert (again.index, again.verdict, again.duplicate) == (first.index, 4, True)
            together = await asyncio.gather(*(client.append(document(CASH[0], 2)) for _ in range(5)))
            assert [one.duplicate for one in together].count(False) == 1
            assert len({one.index for one in together}) == 1
        async with ledger.serving() as (client, _):
            assert (await client.append(sale)).duplicate, "a new process must know it from the table"

    asyncio.run(walk())
    assert ledger.rows("SELECT count(*) FROM ledger.identity WHERE signed_by <> ''") == [(2,)]


def test_the_same_act_with_other_unsigned_parts_is_kept_as_evidence(ledger: LedgerFolder) -> None:
    async def walk() -> None:
        async with ledger.serving() as (client, _):
            await client.append(registration(CASH[0]))
            first = await client.append(document(CASH[0], 1))
            for _ in range(2):
                answer = await client.append(document(CASH[0], 1, text="another journal", verdict=69))
                assert (answer.verdict, answer.duplicate, answer.body_hash) == (4, True, first.body_hash)

    asyncio.run(walk())
    kept = ledger.rows("SELECT record FROM ledger.records WHERE convert_from(record, 'UTF8') LIKE '%%unsigned part%%'")
    assert len(kept) == 1
    assert not ledger.sweep()


def test_ts_1403_two_documents_under_one_number(ledger: LedgerFolder) -> None:
    async def walk() -> None:
        async with ledger.serving() as (client, _):
            await client.append(registration(CASH[0]))
            first = await client.append(document(CASH[0], 1))
            for _ in range(2):
                assert await fault_of(client.append(document(CASH[0], 1, 77_777))) == "TS-1403"
            assert (await client.append(document(CASH[0], 1))).index == first.index

    asyncio.run(walk())
    kinds = [row[0] for row in ledger.rows("SELECT get_byte(leaf, 4) FROM ledger.leaves ORDER BY log_index")]
    assert kinds == [EntryKind.BARRIER, EntryKind.REGISTRY, EntryKind.DOCUMENT, EntryKind.EVIDENCE]
    assert ledger.rows("SELECT total FROM ledger.day_heads") == [(10_000,)], "evidence is no turnover"
    assert not ledger.sweep()


def test_ts_2401_a_device_without_registration_is_refused(ledger: LedgerFolder) -> None:
    async def walk() -> None:
        async with ledger.serving() as (client, _):
            assert await fault_of(client.append(document("NOBODY00", 1))) == "TS-2401"
            assert await fault_of(client.append(registration("lower000"))) == "TS-1313"

    asyncio.run(walk())
    assert ledger.rows("SELECT count(*) FROM ledger.leaves") == [(1,)]


def test_s2_103_missing_ordinals_are_known_and_heal(ledger: LedgerFolder) -> None:
    device = (CASH[0], CASH[0])

    async def walk() -> None:
        async with ledger.serving() as (client, _):
            await client.append(registration(CASH[0]))
            for ordinal in (3, 10, 5):
                await client.append(document(CASH[0], ordinal))
            with psycopg.connect(ledger.dsn) as connection:
                assert queries.missing_ordinals(connection, device, 12) == [(1, 2), (4, 4), (6, 9), (11, 12)]
                assert queries.missing_ordinals(connection, device, 7) == [(1, 2), (4, 4), (6, 7)]
                assert queries.missing_ordinals(connection, device, 12, limit=2) == [(1, 2), (4, 4)]
                assert queries.highest_ordinal(connection, device) == 10
        async with ledger.serving() as (client, _):
            for ordinal in (4, 1, 2, 8, 6, 7, 9):
                await client.append(document(CASH[0], ordinal))
            with psycopg.connect(ledger.dsn) as connection:
                assert queries.missing_ordinals(connection, device, 10) == []
                assert queries.count_missing(connection) == (0, 1)

    asyncio.run(walk())
    assert not ledger.sweep(), "\n".join(lines(ledger.sweep()))


def test_one_card_that_signs_for_two_keeps_both_sequences(ledger: LedgerFolder) -> None:
    async def walk() -> None:
        async with ledger.serving() as (client, _):
            await client.append(registration(CASH[0]))
            await client.append(registration(CASH[0], requested_by=CASH[1]))
            await client.append(document(CASH[0], 1))
            other = document(CASH[0], 2, device=(CASH[1], CASH[0]))
            await client.append(other)
            stolen = document(CASH[0], 2, text="same act, another requester")
            answer = await client.append(stolen)
            assert (answer.duplicate, answer.verdict) == (True, 4), "one act is booked once, whoever asks"

    asyncio.run(walk())
    assert not ledger.sweep(), "\n".join(lines(ledger.sweep()))


def test_an_entry_that_cannot_be_booked_costs_its_neighbours_nothing(ledger: LedgerFolder) -> None:
    """One poisoned document in a batch: in our own code, and in the database."""

    async def walk() -> None:
        async with ledger.serving() as (client, _):
            await client.append(registration(CASH[0]))
            ours = document(CASH[0], 500, tin="ünreadable")
            theirs = document(CASH[0], 501, media_type="text/\x00plain")
            sales = [document(CASH[0], n) for n in range(1, 41)]
            mixed = [*sales[:20], ours, theirs, *sales[20:]]
            codes = await asyncio.gather(*(fault_of(client.append(entry)) for entry in mixed))
            assert [code for code in codes if code] == ["TS-5099", "TS-5099"]

    asyncio.run(walk())
    assert ledger.rows("SELECT seq, highest_ordinal FROM ledger.device_heads") == [(40, 40)]
    assert not ledger.sweep(), "\n".join(lines(ledger.sweep()))


def test_events_are_told_by_their_bytes(ledger: LedgerFolder) -> None:
    proof = NewEntry(
        kind=EntryKind.PROOF_OF_AUDIT, channel=1, body=b"{}", media_type="application/json", received_at_ms=1
    )

    async def first() -> int:
        async with ledger.serving():
            return (await asyncio.to_thread(append_blocking, ledger.socket, proof)).index

    async def again() -> None:
        async with ledger.serving() as (client, _):
            booked = await client.append(proof)
            assert (booked.index, booked.duplicate) == (index, True)

    index = asyncio.run(first())
    asyncio.run(again())
    assert not ledger.sweep()


def test_the_overview_tells_size_rate_and_waits(ledger: LedgerFolder) -> None:
    async def walk() -> None:
        async with ledger.serving() as (client, _):
            await fill(client, 90)

    asyncio.run(walk())
    with psycopg.connect(ledger.dsn) as connection:
        seen = queries.overview(connection, now())
        assert seen.size == 94
        assert seen.bytes > 94 * 200
        assert seen.documents_per_second == pytest.approx(94 / 60, rel=0.01)
        assert seen.wait_p50_ms is not None
        assert seen.wait_p99_ms is not None
        assert 0 < seen.wait_p50_ms <= seen.wait_p99_ms < 20_000
