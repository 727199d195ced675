"""Security 5.9 and 1.4 line 26: a body goes by law and by two officers, and every proof still holds without it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
import pytest
from ledger_bench import CASH, LedgerFolder, fill, now, serves
from psycopg.errors import InsufficientPrivilege
from psycopg.pq import TransactionStatus

from tallystick.authority.intake.kept_apart import QuarantineAndEvidence
from tallystick.authority.ledger import queries as ledger
from tallystick.authority.ledger.client import append_blocking
from tallystick.authority.ledger.entry import Channel, EntryKind, NewEntry
from tallystick.authority.ledger.findings import FindingCode
from tallystick.authority.ledger.mirror import Mirror, read_frames, segments
from tallystick.authority.ledger.mirror_erasure import closed_below, erase_in_mirror
from tallystick.authority.oversight.approvals import operations as approvals
from tallystick.authority.oversight.approvals.values import PORTAL as PAGES
from tallystick.authority.oversight.approvals.values import Person
from tallystick.authority.projections.inspections.detectors.deletion import Deletion
from tallystick.authority.projections.inspections.detectors.manipulation import Manipulation
from tallystick.authority.projections.inspections.values import CaseKind
from tallystick.authority.projections.personal import operations, tasks
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import sha256
from tallystick.kernel.inspections import InspectionLimits
from tallystick.kernel.instants import unix_ms
from tallystick.kernel.merkle import leaf_hash, verify_inclusion
from tallystick.ops.approved_deeds import do_approved
from tallystick.ops.erasures import Erasures
from tallystick.ops.inspections import OpenAudits, RegisteredSigners
from tallystick.ops.schema.roles import ERASER, INTAKE, PORTAL, SEQUENCER, as_role
from tallystick.wire.erasure import ERASURE_MEDIA_TYPE, Erasure, read_erasure, tombstone, write_erasure
from tallystick.wire.signed_note import parse_checkpoint

VERA, OMAR = Person("vera", PAGES), Person("omar", PAGES)
LAW = "Act on personal data, section 17"
REASON = "the buyer asked, and no tax period is open any more"


@asynccontextmanager
async def books(folder: Path, dsn: str) -> AsyncIterator[LedgerFolder]:
    """A ledger with nine sales, one day of three cards."""
    books = LedgerFolder.make(folder, dsn)
    async with books.serving() as (client, _):
        await fill(client, 9)
        await shown(books, 12)
        yield books


async def shown(books: LedgerFolder, size: int) -> None:
    """Wait until readers see so many entries."""
    while books.rows("SELECT coalesce(max(tree_size), 0) FROM ledger.checkpoints")[0][0] < size:
        await asyncio.sleep(0.02)


def ask(books: LedgerFolder, *indexes: int) -> int:
    with psycopg.connect(as_role(books.dsn, PORTAL)) as conn:
        return operations.ask(conn, indexes, LAW, REASON, VERA, now())


def agree(books: LedgerFolder, request: int) -> None:
    with psycopg.connect(as_role(books.dsn, PORTAL)) as conn:
        approvals.approve(conn, request, OMAR, now())


def work(books: LedgerFolder) -> None:
    """What two duties of the worker do."""
    erasures = Erasures(books.socket, as_role(books.dsn, ERASER), books.mirror, now)
    with psycopg.connect(as_role(books.dsn, INTAKE)) as conn:
        do_approved(conn, now())
        erasures.work(conn)


def body_of(books: LedgerFolder, index: int) -> tuple[str, bytes]:
    (row,) = books.rows("SELECT media_type, body FROM ledger.bodies WHERE log_index = %s", index)
    return row[0], bytes(row[1])


async def erase(books: LedgerFolder, *indexes: int) -> int:
    """Ask, agree, carry out; the index of the entry that says so."""
    size = books.rows("SELECT max(tree_size) FROM ledger.checkpoints")[0][0]
    agree(books, ask(books, *indexes))
    await asyncio.to_thread(work, books)
    await shown(books, size + 1)
    await asyncio.to_thread(work, books)
    return int(books.rows("SELECT max(entry_index) FROM personal.erasure")[0][0])


def deletion() -> Deletion:
    return Deletion(OpenAudits(), QuarantineAndEvidence(), InspectionLimits())


def test_after_an_erasure_every_proof_still_verifies(database: str, tmp_path: Path) -> None:
    async def walk() -> None:
        async with books(tmp_path, database) as made:
            kept = body_of(made, 5)
            before = made.rows("SELECT log_index, leaf FROM ledger.leaves WHERE log_index < 12 ORDER BY log_index")
            entry = await erase(made, 5, 7)
            assert body_of(made, 5) == body_of(made, 7) == (tombstone(entry), b"")
            assert (
                made.rows("SELECT log_index, leaf FROM ledger.leaves WHERE log_index < 12 ORDER BY log_index") == before
            )
            said = read_erasure(body_of(made, entry)[1])
            assert (said.law, said.asked_by, said.approved_by) == (LAW, "vera", "omar")
            assert said.erased[5] == sha256(kept[1]).hex()
            with psycopg.connect(made.dsn) as conn:
                proof = ledger.tlog_proof(conn, 5)
                head = parse_checkpoint(proof.checkpoint.text)
                document = ledger.document_by_index(conn, 5)
                assert document is not None
                verify_inclusion(leaf_hash(document.leaf), 5, head.size, proof.hashes, head.root)
                assert list(deletion().findings(conn, now())) == []
            assert made.sweep() == []
            again = await erase(made, 8)
            assert again > entry

    asyncio.run(walk())
    made = LedgerFolder(tmp_path, database)
    serves(made)  # a restart compares the newest entries with the mirror, which still has the bodies


def test_a_tombstone_that_nobody_ordered_is_found(database: str, tmp_path: Path) -> None:
    async def walk() -> None:
        async with books(tmp_path, database) as made:
            entry = await erase(made, 5)
            for media_type in (tombstone(entry), tombstone(6), tombstone(99), "application/json"):
                kept = body_of(made, 7)
                made.edit(f"UPDATE ledger.bodies SET body = '', media_type = '{media_type}' WHERE log_index = 7")
                codes = {one.code for one in made.sweep()}
                assert FindingCode.BODY_CHANGED in codes, media_type
                with psycopg.connect(made.dsn) as conn:
                    found = {(one.item, one.facts["why"]) for one in deletion().findings(conn, now())}
                assert found == {("entry 7", "without body")}
                with psycopg.connect(made.dsn) as conn:
                    conn.execute("SET session_replication_role = replica")
                    conn.execute("UPDATE ledger.bodies SET media_type = %s, body = %s WHERE log_index = 7", kept)
            assert made.sweep() == []

    asyncio.run(walk())


def test_what_an_erasure_leaves_behind_is_still_compared(database: str, tmp_path: Path) -> None:
    def doubts(books: LedgerFolder) -> set[CaseKind]:
        with psycopg.connect(books.dsn) as conn:
            found = Manipulation(RegisteredSigners()).findings(conn, now())
            return {one.kind for one in found if one.item == "entry 5"}

    async def walk() -> None:
        async with books(tmp_path, database) as made:
            assert doubts(made) == {CaseKind.SIGNATURE_WRONG}, "no card of the registry has signed it"
            await erase(made, 5)
            assert doubts(made) == set()
            made.edit("UPDATE ledger.device_links SET body_hash = decode(repeat('00', 32), 'hex') WHERE log_index = 5")
            assert doubts(made) == {CaseKind.BODY_CHANGED}
            made.edit("UPDATE ledger.records SET salt = decode(repeat('00', octet_length(salt)), 'hex')")
            assert doubts(made) == {CaseKind.BODY_CHANGED, CaseKind.RECORD_CHANGED}

    asyncio.run(walk())


def test_no_role_and_no_trick_erases_what_was_not_ordered(database: str, tmp_path: Path) -> None:
    async def walk() -> None:
        async with books(tmp_path, database) as made:
            entry = await erase(made, 5)
            for role, statement in (
                (ERASER, f"SELECT eraser.erase(7, {entry})"),
                (ERASER, "SELECT eraser.erase(7, 6)"),
                (ERASER, "SELECT body FROM ledger.bodies"),
                (INTAKE, f"SELECT eraser.erase(5, {entry})"),
                (PORTAL, f"SELECT eraser.erase(5, {entry})"),
                (
                    SEQUENCER,
                    f"UPDATE ledger.bodies SET body = '', media_type = '{tombstone(entry)}' WHERE log_index = 7",
                ),
                ("", f"UPDATE ledger.bodies SET body = '', media_type = '{tombstone(entry)}' WHERE log_index = 7"),
                ("", "UPDATE ledger.bodies SET body = 'x' WHERE log_index = 7"),
                ("", "DELETE FROM ledger.bodies WHERE log_index = 7"),
            ):
                dsn = as_role(made.dsn, role) if role else made.dsn
                with psycopg.connect(dsn) as conn, pytest.raises(InsufficientPrivilege):
                    conn.execute(statement.encode())
            assert body_of(made, 7)[1]

    asyncio.run(walk())


def test_an_order_under_another_kind_is_none(database: str, tmp_path: Path) -> None:
    async def walk() -> None:
        async with books(tmp_path, database) as made:
            said = {7: sha256(body_of(made, 7)[1]).hex()}
            order = Erasure(law=LAW, asked_by="vera", approved_by="omar", at_ms=1, request=1, erased=said)
            entry = NewEntry(
                kind=EntryKind.SWITCH,
                channel=Channel.NONE,
                body=write_erasure(order),
                media_type=ERASURE_MEDIA_TYPE,
                received_at_ms=unix_ms(now()),
            )
            booked = await asyncio.to_thread(append_blocking, made.socket, entry)
            await shown(made, booked.index + 1)
            with psycopg.connect(as_role(made.dsn, ERASER)) as conn, pytest.raises(InsufficientPrivilege):
                conn.execute("SELECT eraser.erase(7, %s)", [booked.index])
            made.edit(
                f"UPDATE ledger.bodies SET body = '', media_type = '{tombstone(booked.index)}' WHERE log_index = 7"
            )
            assert FindingCode.BODY_CHANGED in {one.code for one in made.sweep()}
            with psycopg.connect(made.dsn) as conn:
                assert {one.item for one in deletion().findings(conn, now())} == {"entry 7"}

    asyncio.run(walk())


def test_one_officer_is_not_enough_and_what_is_asked_must_be_there(database: str, tmp_path: Path) -> None:
    async def walk() -> None:
        async with books(tmp_path, database) as made:
            request = ask(made, 5)
            await asyncio.to_thread(work, made)
            assert body_of(made, 5)[1], "asked, not approved"
            with psycopg.connect(as_role(made.dsn, PORTAL)) as conn:
                with pytest.raises(Fault, match="TS-4005"):
                    approvals.approve(conn, request, VERA, now())
                for indexes, law, code in (
                    ((99,), LAW, "4003"),
                    ((0,), LAW, "4003"),
                    ((7,), " ", "1220"),
                    ((), LAW, "1220"),
                ):
                    with pytest.raises(Fault, match=f"TS-{code}"):
                        operations.ask(conn, indexes, law, REASON, VERA, now())

    asyncio.run(walk())


def test_an_order_that_fails_stops_no_other_and_nothing_is_open_while_bodies_go(database: str, tmp_path: Path) -> None:
    states: list[TransactionStatus] = []

    async def walk() -> None:
        async with books(tmp_path, database) as made:
            for index in (5, 7):
                agree(made, ask(made, index))
            with psycopg.connect(as_role(made.dsn, INTAKE)) as conn:
                do_approved(conn, now())

                def erase(indexes: Collection[int], by_entry: int) -> None:
                    states.append(conn.info.transaction_status)
                    if 5 in indexes:
                        raise psycopg.OperationalError("the eraser is away")

                def rewrite(erased: Mapping[int, bytes]) -> Iterator[Collection[int]]:
                    for index in erased:
                        states.append(conn.info.transaction_status)
                        yield [index]
                        raise OSError("the disk is full")

                assert tasks.carry_out(conn, lambda *_: 6, erase, now()) == 1
                conn.rollback()
                assert made.rows(
                    "SELECT log_index FROM personal.erased JOIN personal.erasure USING (request_id)"
                    " WHERE done_at IS NOT NULL"
                ) == [(7,)]
                with pytest.raises(OSError, match="full"):
                    tasks.clear_mirror(conn, 12, rewrite)
                conn.rollback()
                assert made.rows("SELECT log_index FROM personal.erased WHERE NOT in_mirror") == [(7,)]
            assert states == [TransactionStatus.IDLE] * 3

    asyncio.run(walk())


def test_closed_files_of_the_mirror_lose_the_body_and_nothing_else(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    defaults = Mirror.__init__.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "segment_bytes", 1_500)

    async def walk() -> None:
        made = LedgerFolder.make(tmp_path, database)
        async with made.serving() as (client, _):
            for card in CASH:
                await fill(client, 3, (card,))
            await shown(made, 12)
            below = closed_below(made.mirror)
            assert below > 3
            index = made.rows("SELECT min(log_index) FROM ledger.identity WHERE signed_by <> '' AND se_total > 0")[0][0]
            assert made.rows("SELECT get_byte(leaf, 4) FROM ledger.leaves WHERE log_index = %s", index) == [(1,)]
            kept = body_of(made, index)[1]
            assert any(kept in path.read_bytes() for path in segments(made.mirror))
            await erase(made, index)
            assert not any(kept in path.read_bytes() for path in segments(made.mirror))
            assert made.sweep() == []
            frames = [list(read_frames(path)) for path in segments(made.mirror)]
            written = [path.stat().st_ino for path in segments(made.mirror)]
            assert list(erase_in_mirror(made.mirror, {2: bytes(32), index: sha256(kept)})) != []
            assert written == [path.stat().st_ino for path in segments(made.mirror)], "nothing is left to take out"
            assert frames == [list(read_frames(path)) for path in segments(made.mirror)], "other bytes than were erased"

    asyncio.run(walk())
    serves(LedgerFolder(tmp_path, database))
