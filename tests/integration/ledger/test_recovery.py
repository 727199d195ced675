"""The recovery table: what a sequencer finds at start, and what it does or refuses to do."""

import asyncio
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from ledger_bench import CASH, LedgerFolder, document, fault_of, fill, now, reach, registration, serves

from tallystick.authority.ledger import mirror as mirror_files
from tallystick.authority.ledger import store
from tallystick.authority.ledger.client import SequencerClient
from tallystick.authority.ledger.sequencer import Sequencer
from tallystick.authority.ledger.writer import State


def book(ledger: LedgerFolder, count: int = 30) -> None:
    """A ledger with some sales."""

    async def walk() -> None:
        async with ledger.serving() as (client, _):
            await fill(client, count)

    asyncio.run(walk())


def refuses_to_serve(ledger: LedgerFolder, state: State = State.HALTED) -> str:
    """Start, and see it refuse; the reason."""

    async def start() -> str:
        sequencer = Sequencer(ledger.settings(), ledger.socket)
        await sequencer.start()
        client = SequencerClient(ledger.socket)
        try:
            await reach(sequencer, state)
            code = "TS-5008" if state is State.HALTED else "TS-5006"
            assert await fault_of(client.append(document(CASH[0], 999))) == code
            return (await client.status()).reason
        finally:
            await client.close()
            await sequencer.stop()

    return asyncio.run(start())


def newest_segment(ledger: LedgerFolder) -> Path:
    return mirror_files.segments(ledger.mirror)[-1]


def restart(ledger: LedgerFolder) -> None:
    """Start and stop: one more batch, of a barrier alone."""

    async def walk() -> None:
        async with ledger.serving():
            pass

    asyncio.run(walk())


def test_a_mirror_that_is_too_short_is_filled_from_the_tables(ledger: LedgerFolder) -> None:
    book(ledger)
    segment = newest_segment(ledger)
    ends = [frame.end for frame in mirror_files.read_frames(segment) if frame.entry is not None]
    with segment.open("r+b") as file:
        file.truncate(ends[12] + 5)
    serves(ledger)


def test_a_lost_mirror_is_made_anew(ledger: LedgerFolder) -> None:
    book(ledger)
    shutil.rmtree(ledger.mirror)
    serves(ledger)


def test_one_batch_beyond_the_tree_is_cut_and_kept(ledger: LedgerFolder) -> None:
    book(ledger)
    size = ledger.rows("SELECT max(log_index) + 1 FROM ledger.leaves")[0][0]
    mirror = mirror_files.Mirror(ledger.mirror)
    mirror.append(99, size, 1, mirror_files.entry_frame(size, bytes(176), bytes(32), b"{}", b"never committed"))
    mirror.close()
    serves(ledger)
    kept = [path.read_bytes() for path in ledger.mirror.glob("*.orphan")]
    assert len(kept) == 1
    assert b"never committed" in kept[0]


def test_a_mirror_that_differs_inside_halts(ledger: LedgerFolder) -> None:
    book(ledger)
    segment = newest_segment(ledger)
    content = bytearray(segment.read_bytes())
    content[content.index(b'"amount":10011') + 9] ^= 1
    segment.write_bytes(content)
    assert "differs between tables and mirror" in refuses_to_serve(ledger)


def test_fp_27_a_restored_old_backup_halts_by_the_mirror(ledger: LedgerFolder) -> None:
    """The tables go back by one batch that was signed; the mirror remembers the signature."""
    book(ledger)
    ledger.back_up()
    restart(ledger)
    ledger.restore()
    assert "what was acknowledged is lost" in refuses_to_serve(ledger)


def test_fp_27_a_restored_old_backup_halts_by_the_published_checkpoint(ledger: LedgerFolder) -> None:
    """Tables and mirror go back together; the public has seen more."""
    book(ledger)
    ledger.back_up()
    shutil.copytree(ledger.mirror, ledger.folder / "old mirror")
    restart(ledger)
    ledger.publish()
    ledger.restore()
    shutil.rmtree(ledger.mirror)
    shutil.copytree(ledger.folder / "old mirror", ledger.mirror)
    assert "entries is out, and the ledger has" in refuses_to_serve(ledger)


def test_a_published_checkpoint_of_another_tree_halts(ledger: LedgerFolder) -> None:
    book(ledger)
    ledger.publish()
    ledger.tiles.rename(ledger.folder / "kept")
    ledger.restart_anew()
    book(ledger, 60)
    (ledger.folder / "kept").rename(ledger.tiles)
    assert "has another root" in refuses_to_serve(ledger)


def test_a_frontier_that_is_not_tree_state_halts(ledger: LedgerFolder) -> None:
    book(ledger)
    newest = "(SELECT max(batch) FROM ledger.tree_state)"
    ledger.edit(f"UPDATE ledger.tree_state SET root = decode(repeat('ab', 32), 'hex') WHERE batch = {newest}")
    assert "do not lead to the root" in refuses_to_serve(ledger)


def test_a_leaf_that_lacks_at_the_edge_halts(ledger: LedgerFolder) -> None:
    book(ledger)
    ledger.edit("DELETE FROM ledger.leaves WHERE log_index = 5")
    assert "hashes at its edge" in refuses_to_serve(ledger)


def test_fp_48_a_clock_behind_the_ledger_waits(ledger: LedgerFolder) -> None:
    async def ahead() -> None:
        async with ledger.serving(clock=lambda: now() + timedelta(hours=1)):
            pass

    asyncio.run(ahead())
    assert "behind the newest batch" in refuses_to_serve(ledger, State.CLOCK)


def test_fp_33_two_sequencers_the_second_stands_by(ledger: LedgerFolder) -> None:
    async def walk() -> None:
        second_socket = ledger.folder / "second"
        async with ledger.serving() as (client, first):
            await client.append(registration(CASH[0]))
            second = Sequencer(ledger.settings(), second_socket)
            await second.start()
            await reach(second, State.STANDBY)
            other = SequencerClient(second_socket)
            assert await fault_of(other.append(document(CASH[0], 1))) == "TS-5007"
            await client.append(document(CASH[0], 1))
            await first.stop()
            await reach(second, State.SERVING)
            assert (await other.append(document(CASH[0], 1))).duplicate
            await other.close()
            await second.stop()

    asyncio.run(walk())
    assert not ledger.sweep()


def take_over_from_the_living(ledger: LedgerFolder, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """A second sequencer takes the lease while the first lives on; what each says to the next document."""
    monkeypatch.setattr(store.WriterConnection, "try_lock", lambda self: True)

    async def walk() -> tuple[str, str]:
        async with ledger.serving() as (client, _):
            await client.append(registration(CASH[0]))
            second = Sequencer(ledger.settings(), ledger.folder / "second")
            await second.start()
            await reach(second, State.SERVING)
            other = SequencerClient(ledger.folder / "second")
            told = (
                await fault_of(client.append(document(CASH[0], 1))),
                await fault_of(other.append(document(CASH[0], 1))),
            )
            await other.close()
            await second.stop()
            return told

    return asyncio.run(walk())


def test_fp_30_an_old_sequencer_that_wakes_up_is_fenced(ledger: LedgerFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    assert take_over_from_the_living(ledger, monkeypatch) == ("TS-5003", "")
    assert not ledger.sweep()


def test_switch_off_lease_check(ledger: LedgerFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the lease the fenced sequencer writes on: the test above must see it."""
    opened = store.WriterConnection.hold_lease

    def hold_any(self: store.WriterConnection, epoch: int) -> None:
        try:
            opened(self, epoch)
        except store.LeaseLost:
            self.raw.pgconn.exec_(b"BEGIN")

    monkeypatch.setattr(store.WriterConnection, "hold_lease", hold_any)
    assert take_over_from_the_living(ledger, monkeypatch) != ("TS-5003", "")


def test_fp_22_database_away_and_back(ledger: LedgerFolder) -> None:
    """The connection dies under the sequencer: 503, then recovery with a barrier, and nothing is lost or doubled."""

    async def walk() -> None:
        async with ledger.serving() as (client, sequencer):
            await client.append(registration(CASH[0]))
            await client.append(document(CASH[0], 1))
            epoch = sequencer.writer.epoch
            ledger.rows(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE usename = 'tallystick_sequencer' AND datname = current_database()"
            )
            codes = set()
            while code := await fault_of(client.append(document(CASH[0], 2))):
                codes.add(code)
                await asyncio.sleep(0.01)
            assert codes <= {"TS-5003", "TS-5007"}
            assert sequencer.writer.epoch > epoch
            assert (await client.append(document(CASH[0], 1))).duplicate

    asyncio.run(walk())
    barriers = ledger.rows("SELECT count(*) FROM ledger.leaves WHERE get_byte(leaf, 4) = 6")
    assert barriers == [(2,)]
    assert not ledger.sweep()
