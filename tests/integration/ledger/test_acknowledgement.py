"""What is answered is kept: flushes, full disks, the gate, duplicates, the bounded queue; each switched off once."""

import asyncio
import errno
from pathlib import Path
from typing import NoReturn

import psycopg
import pytest
from ledger_bench import CASH, LedgerFolder, document, fault_of, fill, reach, registration, serves, until

from tallystick.authority.ledger import mirror as mirror_files
from tallystick.authority.ledger import store
from tallystick.authority.ledger.gate import Gate
from tallystick.authority.ledger.writer import State


class Crashed(BaseException):
    """Stands for the end of the process."""


def full_disk(ledger: LedgerFolder, monkeypatch: pytest.MonkeyPatch, error: int) -> tuple[str, list[BaseException]]:
    """The flush of the mirror fails once; what the document is told, and with what the process ended."""
    ends: list[BaseException] = []

    def crash(cause: BaseException) -> NoReturn:
        ends.append(cause)
        raise Crashed

    def fail(handle: int) -> None:
        raise OSError(error, "no")

    async def walk() -> str:
        async with ledger.serving(crash=crash) as (client, sequencer):
            await client.append(registration(CASH[0]))
            monkeypatch.setattr(mirror_files, "flush_file", fail)
            code = await fault_of(client.append(document(CASH[0], 1)))
            await until(sequencer.ended.is_set, "end of the writer")
            return code

    code = asyncio.run(walk())
    monkeypatch.undo()
    return code, ends


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO])
def test_fp_16_17_a_failed_flush_ends_the_process_and_nothing_is_acknowledged(
    ledger: LedgerFolder, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    code, ends = full_disk(ledger, monkeypatch, error)
    assert code == "TS-5003"
    assert [getattr(end, "errno", None) for end in ends] == [error]
    serves(ledger)
    assert ledger.rows("SELECT count(*) FROM ledger.identity WHERE signed_by <> ''") == [(0,)]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("error", [psycopg.errors.DiskFull, psycopg.errors.IoError])
def test_fp_17_a_full_disk_of_the_database_ends_the_process_and_nothing_is_acknowledged(
    ledger: LedgerFolder, monkeypatch: pytest.MonkeyPatch, error: type[psycopg.Error]
) -> None:
    ends: list[BaseException] = []

    def crash(cause: BaseException) -> NoReturn:
        ends.append(cause)
        raise Crashed

    def refuse(self: store.WriterConnection) -> None:
        raise error("no space")

    async def walk() -> None:
        async with ledger.serving(crash=crash) as (client, sequencer):
            await client.append(registration(CASH[0]))
            monkeypatch.setattr(store.WriterConnection, "commit", refuse)
            assert await fault_of(client.append(document(CASH[0], 1))) == "TS-5003"
            await until(sequencer.ended.is_set, "end of the writer")

    asyncio.run(walk())
    monkeypatch.undo()
    assert [type(end) for end in ends] == [error]
    serves(ledger)
    assert ledger.rows("SELECT count(*) FROM ledger.identity WHERE signed_by <> ''") == [(0,)]


def unflushed_is_lost(ledger: LedgerFolder, monkeypatch: pytest.MonkeyPatch) -> tuple[int, int]:
    """A disk that keeps only what was flushed, cut off at the moment of each answer; (entries answered, kept)."""
    kept: dict[str, int] = {}
    flush = mirror_files.flush_file

    def remember(handle: int) -> None:
        flush(handle)
        path = Path(f"/proc/self/fd/{handle}").resolve()
        kept[path.name] = path.stat().st_size

    if mirror_files.flush_file is not skip_flush:
        monkeypatch.setattr(mirror_files, "flush_file", remember)

    async def walk() -> int:
        async with ledger.serving() as (client, _):
            answers = await fill(client, 20)
            for segment in mirror_files.segments(ledger.mirror):
                with segment.open("r+b") as file:
                    file.truncate(kept.get(segment.name, 0))
            return max(answer.index for answer in answers) + 1

    answered = asyncio.run(walk())
    frames = (frame for segment in mirror_files.segments(ledger.mirror) for frame in mirror_files.read_frames(segment))
    return answered, sum(1 for frame in frames if frame.entry is not None)


def skip_flush(handle: int) -> None:
    """The protection, switched off."""


def test_what_is_answered_is_flushed_in_the_mirror(ledger: LedgerFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    answered, kept = unflushed_is_lost(ledger, monkeypatch)
    assert kept >= answered


def test_switch_off_flush_of_the_mirror(ledger: LedgerFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mirror_files, "flush_file", skip_flush)
    answered, kept = unflushed_is_lost(ledger, monkeypatch)
    assert kept < answered


def doubtful_commit(ledger: LedgerFolder, monkeypatch: pytest.MonkeyPatch) -> str:
    """The second copy does not confirm: the gate's first condition stays behind the commit."""

    async def walk() -> str:
        async with ledger.serving() as (client, _):
            await client.append(registration(CASH[0]))
            await client.append(document(CASH[0], 1))
            behind = property(lambda gate: min(gate.replicated, gate.mirrored, gate.signed) - 1)
            monkeypatch.setattr(Gate, "acked_size", behind)
            first = await fault_of(client.append(document(CASH[0], 2)))
            repeated = await fault_of(client.append(document(CASH[0], 2)))
            assert repeated == first, "the gate holds for repeats, too"
            return first

    return asyncio.run(walk())


def test_nothing_is_answered_before_the_gate(ledger: LedgerFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    assert doubtful_commit(ledger, monkeypatch) == "TS-5003"


def test_switch_off_gate(ledger: LedgerFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Gate, "covers", lambda self, index: True)
    assert doubtful_commit(ledger, monkeypatch) == "", "without the gate the document is answered"


def test_fp_23_a_commit_with_a_warning_is_a_lost_connection(
    ledger: LedgerFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server commits locally and warns that no standby has it: nobody is answered before a barrier."""
    commit = store.WriterConnection.commit
    warn = True

    def committed_locally(self: store.WriterConnection) -> None:
        nonlocal warn
        if warn:
            warn = False
            self.raw.execute(
                "DO $$ BEGIN RAISE WARNING 'The transaction has already committed locally, "
                "but might not have been replicated to the standby.'; END $$"
            )
        commit(self)

    async def walk() -> None:
        async with ledger.serving() as (client, sequencer):
            await client.append(registration(CASH[0]))
            epoch = sequencer.writer.epoch
            monkeypatch.setattr(store.WriterConnection, "commit", committed_locally)
            assert await fault_of(client.append(document(CASH[0], 1))) == "TS-5003"
            await until(lambda: sequencer.writer.epoch > epoch, "a new barrier")
            await reach(sequencer, State.SERVING)
            assert (await client.append(document(CASH[0], 1))).duplicate

    asyncio.run(walk())
    assert not ledger.sweep()


def test_switch_off_knowledge_of_duplicates(ledger: LedgerFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without asking what is booked, a repeat is not answered as one."""

    async def walk() -> tuple[bool, str]:
        async with ledger.serving() as (client, _):
            await client.append(registration(CASH[0]))
            await client.append(document(CASH[0], 1))
            honest = (await client.append(document(CASH[0], 1))).duplicate
            monkeypatch.setattr(store.WriterConnection, "find_known", lambda self, documents, events: {})
            return honest, await fault_of(client.append(document(CASH[0], 1)))

    assert asyncio.run(walk()) == (True, "TS-5008")


def test_i_13_the_queue_is_bounded(ledger: LedgerFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than 4,096 documents at once: the rest is told to come back, and does."""

    async def walk() -> list[str]:
        async with ledger.serving() as (client, _):
            await client.append(registration(CASH[0]))
            return await asyncio.gather(*(fault_of(client.append(document(CASH[0], n))) for n in range(1, 4_500)))

    codes = asyncio.run(walk())
    assert set(codes) == {"", "TS-5002"}
    assert codes.count("") >= 4_096
