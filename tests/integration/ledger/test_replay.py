"""What a restored database lost is booked again from the mirror: the same entries, the same signed heads (E-10)."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from ledger_bench import CASH, LedgerFolder, check_ed25519, document, fill, lines, now, registration, serves
from msgspec.structs import replace
from settled_values import NEXT, a_place, place_entry

from tallystick.authority.ledger import mirror as mirror_files
from tallystick.authority.ledger import mirror_erasure, replay
from tallystick.authority.ledger.client import SequencerClient
from tallystick.authority.ledger.entry import Channel, EntryKind, NewEntry
from tallystick.authority.ledger.known_heads import KnownHead, Standing, judge, read_known
from tallystick.authority.ledger.replay import Replay, Replayed
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import sha256
from tallystick.kernel.instants import unix_ms
from tallystick.ops.erasures import erase_again
from tallystick.ops.schema.roles import ERASER, SEQUENCER, as_role
from tallystick.wire.erasure import ERASURE_MEDIA_TYPE, Erasure, write_erasure

NEW_TAXPAYER = "LATER123"
SAME = (
    "SELECT * FROM ledger.identity ORDER BY log_index",
    "SELECT * FROM ledger.bodies ORDER BY log_index",
    "SELECT * FROM ledger.buyer_salts ORDER BY log_index",
    "SELECT * FROM ledger.records ORDER BY log_index",
    "SELECT * FROM ledger.leaves ORDER BY log_index",
    "SELECT * FROM ledger.device_links ORDER BY log_index",
    "SELECT * FROM ledger.taxpayer_links ORDER BY log_index",
    "SELECT * FROM ledger.type_links ORDER BY log_index",
    "SELECT * FROM ledger.day_links ORDER BY log_index",
    "SELECT * FROM ledger.device_heads ORDER BY 1, 2",
    "SELECT * FROM ledger.taxpayer_heads ORDER BY 1",
    "SELECT * FROM ledger.type_heads ORDER BY 1",
    "SELECT * FROM ledger.day_heads ORDER BY 1",
    "SELECT * FROM ledger.holes WHERE first_ordinal <= last_ordinal ORDER BY 1, 2, 3",
    "SELECT * FROM ledger.tiles ORDER BY 1, 2",
    "SELECT * FROM ledger.checkpoints ORDER BY 1",
    "SELECT batch, tree_size, root, right_edge, total_bytes FROM ledger.tree_state ORDER BY 1",
)


def content(ledger: LedgerFolder) -> list[Any]:
    return [ledger.rows(query) for query in SAME]


def erasure_of(index: int, body: bytes) -> NewEntry:
    order = Erasure(
        law="Act 1", asked_by="anna", approved_by="berta", at_ms=1, request=1, erased={index: sha256(body).hex()}
    )
    return NewEntry(
        kind=EntryKind.ERASURE,
        channel=Channel.NONE,
        body=write_erasure(order),
        media_type=ERASURE_MEDIA_TYPE,
        received_at_ms=unix_ms(now()),
    )


async def more(client: SequencerClient) -> None:
    """Everything that a batch can hold: documents, a hole, a new taxpayer, evidence, an event, another month's day."""
    await client.append(document(CASH[0], 40))
    await client.append(registration(NEW_TAXPAYER))
    await client.append(document(NEW_TAXPAYER, 3, tin="100000009", refers_to="x", flags=("TS-2002",)))
    await client.append(document(NEW_TAXPAYER, 2, tin="100000009", day=19_000, buyer="10:123"))
    with pytest.raises(Fault):
        await client.append(document(CASH[0], 40, 77, buyer="10:123"))
    await asyncio.gather(*(client.append(document(CASH[1], 50 + n)) for n in range(300)))


def behind(ledger: LedgerFolder, work: Callable[[SequencerClient], Any] = more) -> list[Any]:
    """Book, keep the tables, book more, put the tables back: the mirror is ahead. Returns what the tables had held."""

    async def walk(first: bool) -> None:
        async with ledger.serving() as (client, _):
            if first:
                await fill(client, 30)
            else:
                await work(client)

    asyncio.run(walk(True))
    ledger.back_up()
    asyncio.run(walk(False))
    held = content(ledger)
    ledger.restore()
    return held


def catch_up(ledger: LedgerFolder) -> Replayed:
    again = Replay(as_role(ledger.dsn, SEQUENCER), "test", unix_ms(now()))
    try:
        return again.run(ledger.mirror, (ledger.log_key,), check_ed25519)
    finally:
        again.close()


def refusal(ledger: LedgerFolder) -> str:
    with pytest.raises(Fault) as caught:
        catch_up(ledger)
    return f"{caught.value.code} {caught.value.detail}"


def change(ledger: LedgerFolder, before: bytes, after: bytes) -> None:
    """The newest occurrence in the mirror becomes another one of the same length."""
    segment = mirror_files.segments(ledger.mirror)[-1]
    data = segment.read_bytes()
    place = data.rindex(before)
    segment.write_bytes(data[:place] + after + data[place + len(before) :])


def test_what_only_the_mirror_has_is_booked_again_to_the_byte(ledger: LedgerFolder) -> None:
    held = behind(ledger)
    ledger.publish()
    done = catch_up(ledger)
    assert content(ledger) == held
    assert done.size == held[4][-1][0] + 1
    assert len(held[2]) == 2, "a document's buyer, and one in evidence"
    assert {kind for _, kind in done.events} == {EntryKind.REGISTRY, EntryKind.EVIDENCE}
    assert done.first_ms <= done.last_ms <= unix_ms(now())
    assert catch_up(ledger).entries == 0, "a second time there is nothing to do"
    serves(ledger)


def test_a_settled_place_is_booked_again_and_the_sequence_goes_on_behind_it(ledger: LedgerFolder) -> None:
    async def work(client: SequencerClient) -> None:
        await client.append(registration("HARD0001"))
        [(link,)] = ledger.rows("SELECT link FROM ledger.device_heads WHERE signed_by = 'HARD0001'")
        await client.append(place_entry(a_place("HARD0001", 1, 3, bytes(link)), at_ms=unix_ms(now())))
        await client.append(replace(document("HARD0001", 4), device_seq=4, device_prev=NEXT))

    held = behind(ledger, work)
    assert EntryKind.SETTLED_PLACE in {kind for _, kind in catch_up(ledger).events}
    assert content(ledger) == held
    assert not ledger.sweep()


def test_a_buyer_without_his_salt_stops_it(ledger: LedgerFolder) -> None:
    """Booked all the same, nobody could open the commitment any more, and the body would stand there without it."""
    behind(ledger)
    segment = mirror_files.segments(ledger.mirror)[-1]
    data, start, kept = segment.read_bytes(), mirror_files.HEADER_BYTES, [b""]
    for frame in mirror_files.read_frames(segment):
        kept.append(b"" if frame.buyer is not None else data[start : frame.end])
        start = frame.end
    segment.write_bytes(data[: mirror_files.HEADER_BYTES] + b"".join(kept))
    assert "does not hold the salt of its buyer" in refusal(ledger)


def test_a_mirror_that_was_made_anew_from_the_tables_serves_as_well(ledger: LedgerFolder) -> None:
    """It holds how taxpayers began, though none of the heads of that time."""

    async def start() -> None:
        async with ledger.serving():
            pass

    async def first() -> None:
        async with ledger.serving() as (client, _):
            await client.append(registration(CASH[0]))

    asyncio.run(first())
    ledger.back_up()

    async def further() -> None:
        async with ledger.serving() as (client, _):
            await more_of(client)

    async def more_of(client: SequencerClient) -> None:
        await client.append(document(CASH[0], 1))

    asyncio.run(further())
    for path in ledger.mirror.glob("*.seg"):
        path.unlink()
    asyncio.run(start())
    held = content(ledger)
    ledger.restore()
    catch_up(ledger)
    assert content(ledger)[:13] == held[:13]


def test_the_batch_behind_the_last_signed_head_is_booked_and_signed_at_the_next_start(ledger: LedgerFolder) -> None:
    behind(ledger)
    segment = mirror_files.segments(ledger.mirror)[-1]
    frames = list(mirror_files.read_frames(segment))
    last = max(place for place, frame in enumerate(frames) if frame.note is not None)
    with segment.open("r+b") as file:
        file.truncate(frames[last - 1].end)
    size = catch_up(ledger).size
    assert ledger.rows("SELECT max(tree_size) < %s FROM ledger.checkpoints", size) == [(True,)]
    serves(ledger)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (b'"amount":10000', b'"amount":99999', "another body than its record names"),
        (b'"total":"10000"', b'"total":"99999"', "another leaf"),
    ],
)
def test_a_changed_mirror_is_not_booked(ledger: LedgerFolder, before: bytes, after: bytes, told: str) -> None:
    behind(ledger)
    change(ledger, before, after)
    assert told in refusal(ledger)
    assert refusal(ledger).startswith("TS-3186")


def test_switch_off_the_comparison_of_leaves(ledger: LedgerFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it the changed record is booked until the root differs, which the signed head tells."""
    behind(ledger)
    change(ledger, b'"total":"10000"', b'"total":"99999"')
    monkeypatch.setattr(replay, "leaf_hash", lambda leaf: _Any())
    assert "do not give the root that was signed" in refusal(ledger)


class _Any(bytes):
    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False

    __hash__ = bytes.__hash__


def test_an_entry_that_lacks_in_the_mirror_stops_it(ledger: LedgerFolder) -> None:
    behind(ledger)
    segment = mirror_files.segments(ledger.mirror)[-1]
    data = segment.read_bytes()
    frames = [frame for frame in mirror_files.read_frames(segment) if frame.entry is not None]
    segment.write_bytes(data[: frames[-5].end] + data[frames[-4].end :])
    assert "lacks in the mirror" in refusal(ledger)


def test_a_mirror_of_another_key_stops_it(ledger: LedgerFolder, tmp_path: Path) -> None:
    behind(ledger)
    (tmp_path / "other").mkdir()
    other = LedgerFolder.make(tmp_path / "other", ledger.dsn)
    again = Replay(as_role(ledger.dsn, SEQUENCER), "test", unix_ms(now()))
    with pytest.raises(Fault, match="TS-3186"):
        again.run(ledger.mirror, (other.log_key,), check_ed25519)
    again.close()


def test_nothing_is_booked_beside_a_sequencer(ledger: LedgerFolder) -> None:
    async def walk() -> None:
        async with ledger.serving():
            assert (await asyncio.to_thread(refusal, ledger)).startswith("TS-3185")

    asyncio.run(walk())


def test_erased_bodies_stay_erased_and_orders_of_meanwhile_are_carried_out_again(ledger: LedgerFolder) -> None:
    """One body is gone from the mirror; another is back with the restored tables."""
    old = document(CASH[0], 1, 10_000)
    new = document(CASH[2], 90)

    async def erased(client: SequencerClient) -> None:
        await client.append(erasure_of(ledger_index(ledger, old), old.body))
        index = (await client.append(new)).index
        await client.append(erasure_of(index, new.body))
        await client.append(document(CASH[2], 91))

    behind(ledger, erased)
    new_index = ledger_index(ledger, new)
    segment = mirror_files.segments(ledger.mirror)[-1]
    content_without = mirror_erasure._without(segment, {new_index: sha256(new.body)})
    assert content_without is not None
    segment.write_bytes(content_without)
    catch_up(ledger)
    told: list[str] = []
    with psycopg.connect(ledger.dsn, autocommit=True) as conn:
        assert erase_again(conn, as_role(ledger.dsn, ERASER), told.append) == 1
        assert erase_again(conn, as_role(ledger.dsn, ERASER), told.append) == 0
    assert not told
    gone = ledger.rows("SELECT log_index FROM ledger.bodies WHERE media_type LIKE '%%erased%%' ORDER BY 1")
    assert gone == [(ledger_index(ledger, old),), (new_index,)]
    serves(ledger)


def ledger_index(ledger: LedgerFolder, entry: NewEntry) -> int:
    """Where the mirror has it."""
    frames = (frame for segment in mirror_files.segments(ledger.mirror) for frame in mirror_files.read_frames(segment))
    return next(one.entry.log_index for one in frames if one.entry is not None and one.entry.body == entry.body)


def test_known_heads_are_contained_beyond_or_of_another_tree(ledger: LedgerFolder) -> None:
    behind(ledger)
    note = mirror_note(ledger)
    before = ledger.rows("SELECT note FROM ledger.checkpoints ORDER BY tree_size LIMIT 1")[0][0]

    def known(source: str, data: bytes) -> KnownHead:
        return read_known(source, data, "fdo.example/aq/test", (ledger.log_key,), check_ed25519)

    broken = known("a stranger", before.replace(b"fdo.example/aq/test\n", b"fdo.example/aq/tent\n", 1))
    with psycopg.connect(ledger.dsn) as conn:
        found = [one.standing for one in judge(conn, [known("a", before), known("b", note), broken])]
        assert found == [Standing.CONTAINED, Standing.BEYOND, Standing.UNREADABLE]
    ledger.restart_anew()
    asyncio.run(_other(ledger))
    with psycopg.connect(ledger.dsn) as conn:
        assert [one.standing for one in judge(conn, [known("a", before)])] == [Standing.DIFFERS]


def mirror_note(ledger: LedgerFolder) -> bytes:
    frames = [frame for segment in mirror_files.segments(ledger.mirror) for frame in mirror_files.read_frames(segment)]
    return next(frame.note for frame in reversed(frames) if frame.note is not None)


async def _other(ledger: LedgerFolder) -> None:
    async with ledger.serving() as (client, _):
        await fill(client, 40)


def test_the_restore_itself_is_an_entry_in_both_copies(ledger: LedgerFolder) -> None:
    behind(ledger)
    catch_up(ledger)
    entry = NewEntry(
        kind=EntryKind.RESTORE, channel=Channel.NONE, body=b"{}", media_type="x/y", received_at_ms=unix_ms(now())
    )
    again = Replay(as_role(ledger.dsn, SEQUENCER), "test", unix_ms(now()))
    index = again.enter(entry, ledger.mirror)
    again.close()
    assert ledger.rows("SELECT get_byte(leaf, 4) FROM ledger.leaves WHERE log_index = %s", index) == [(0x0E,)]
    serves(ledger)
    assert not ledger.sweep(), "\n".join(lines(ledger.sweep()))
