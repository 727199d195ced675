"""Checkpoints in passing: answers carry the newest head, devices bring back what they were shown elsewhere (S0-041)."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial
from pathlib import Path

import psycopg
import pytest
from ledger_bench import ORIGIN, LedgerFolder, check_ed25519, fill, now

from tallystick.authority.assurance.witnesses import operations, queries
from tallystick.authority.assurance.witnesses.exchange import CheckpointExchange
from tallystick.authority.assurance.witnesses.sightings import LogIdentity, Sighting, compare
from tallystick.authority.assurance.witnesses.values import Contradiction
from tallystick.authority.keys.store import add_event
from tallystick.authority.ledger.queries import newest_checkpoint
from tallystick.crypto.keys import generate_ed25519_key, load_private_key
from tallystick.crypto.signatures import sign_ed25519
from tallystick.device.esdc.seen_checkpoint import FILE, SeenCheckpoint, read_seen
from tallystick.kernel.faults import Fault
from tallystick.ops.schema.roles import INTAKE, as_role
from tallystick.wire.checkpoint_header import HEADER_BYTES_MAX, read_checkpoint_header, write_checkpoint_header
from tallystick.wire.key_change import MEDIA_TYPE, KeyChange, NamedKey, write_key_change
from tallystick.wire.signed_note import Checkpoint, KeyType, NoteKey, SignedNote, sign_note, write_note


@pytest.fixture
def ledger(database: str, tmp_path: Path) -> LedgerFolder:
    return LedgerFolder.make(tmp_path, database)


def test_s0_041_a_device_carries_a_head_from_one_view_to_the_other_and_the_fork_is_found(
    ledger: LedgerFolder, tmp_path: Path
) -> None:
    async def walk(count: int) -> None:
        async with ledger.serving() as (client, _):
            await fill(client, count)

    identity = LogIdentity(origin=ORIGIN, keys=(ledger.log_key,), check=check_ed25519)
    with psycopg.connect(as_role(ledger.dsn, INTAKE)) as conn:

        def exchange() -> CheckpointExchange:
            made = CheckpointExchange(lambda: conn, identity, now, timedelta(minutes=30))
            made.round(conn)
            return made

        assert exchange().newest == "", "nothing to show yet"
        asyncio.run(walk(20))
        here = exchange()
        note, head = read_checkpoint_header(here.newest)
        assert note == newest_checkpoint(conn)
        device = SeenCheckpoint.of(tmp_path)
        assert device.to_show("https://one", now()) == ""
        device.take(here.newest, now())
        here.bring(device.to_show("https://one", now()), "device:ABCD1234")
        here.bring("nonsense", "device:ABCD1234")
        here.round(conn)
        assert queries.count_conflicts(conn) == 0
        conn.commit()

        ledger.restart_anew()  # the other office's server shows another history under the same name and key
        asyncio.run(walk(40))
        there = exchange()
        again = SeenCheckpoint.of(tmp_path)  # the device was switched off in between
        shown = again.to_show("https://two", now())
        assert read_checkpoint_header(shown)[1] == head
        for _ in range(3):
            there.bring(shown, "device:ABCD1234")
        there.round(conn)
        (conflict,) = queries.conflicts(conn)
        assert (conflict.what, conflict.theirs, conflict.reported_by) == (
            Contradiction.ANOTHER_ROOT, note, "device:ABCD1234",
        )  # fmt: skip
        assert conflict.ours != conflict.theirs
        there.check_open()


def test_s0_041_a_fork_under_a_later_key_of_the_log_is_ours_by_its_notes(ledger: LedgerFolder) -> None:
    """Whoever shows a head that the next key alone signed is heard, as soon as the log's own note names that key."""

    async def walk() -> None:
        async with ledger.serving() as (client, _):
            await fill(client, 5)

    asyncio.run(walk())
    old, new = load_private_key(ledger.folder / "log.pem"), generate_ed25519_key()
    signers = [(NoteKey(ORIGIN, KeyType.LOG, one.public.raw), partial(sign_ed25519, one)) for one in (old, new)]
    text = Checkpoint(ORIGIN, 5, bytes(32)).text
    fork = write_note(SignedNote(text, (sign_note(text, *signers[1]),)))
    change = KeyChange(
        origin=ORIGIN,
        series="log",
        old=NamedKey("log", old.public.spki),
        new=NamedKey("log-2", new.public.spki),
        since_ms=1,
        until_ms=2,
    )
    identity = LogIdentity(origin=ORIGIN, keys=(ledger.log_key,), check=check_ed25519)
    with psycopg.connect(as_role(ledger.dsn, INTAKE)) as conn:
        assert compare(conn, fork, identity, "device:ABCD1234", now()) is Sighting.NOT_OURS
        add_event(conn, 0x0B, MEDIA_TYPE, write_key_change(change, signers[1:]), now())
        assert compare(conn, fork, identity, "device:ABCD1234", now()) is Sighting.NOT_OURS, "the old key must sign"
        conn.rollback()
        add_event(conn, 0x0B, MEDIA_TYPE, write_key_change(change, signers), now())
        assert compare(conn, fork, identity, "device:ABCD1234", now()) is Sighting.CONTRADICTS
        (conflict,) = queries.conflicts(conn)
        assert conflict.theirs == fork
        conn.rollback()


def test_the_gate_closes_while_the_quorum_is_missing_and_opens_again(ledger: LedgerFolder) -> None:
    from witness_bench import witnesses

    late = now() + timedelta(minutes=31)
    identity = LogIdentity(origin=ORIGIN, keys=(ledger.log_key,), check=check_ed25519)
    with psycopg.connect(as_role(ledger.dsn, INTAKE)) as conn, witnesses(ledger.folder, 3) as three:
        operations.found_policy(conn, three.policy(ledger.log_key), "process:test", now())
        conn.commit()
        gate = CheckpointExchange(lambda: conn, identity, lambda: late, timedelta(minutes=30))
        gate.check_open()
        gate.round(conn)
        with pytest.raises(Fault) as closed:
            gate.check_open()
        assert closed.value.code == "TS-5010"
        conn.execute("INSERT INTO witnesses.quorum VALUES (1, %s, 1)", [late])
        gate.round(conn)
        gate.check_open()


def test_a_device_shows_a_head_once_a_minute_and_to_each_new_authority_at_once(tmp_path: Path) -> None:
    from small_log import small_log

    log, at = small_log(9), now()
    device = SeenCheckpoint.of(tmp_path)
    device.take(write_checkpoint_header(log.note(5)), at)
    assert device.to_show("https://one", at)
    assert not device.to_show("https://one", at + timedelta(seconds=59))
    assert device.to_show("https://two", at + timedelta(seconds=59))
    assert device.to_show("https://two", at + timedelta(minutes=2))
    larger = write_checkpoint_header(log.note(9))
    device.take(larger, at + timedelta(minutes=1))
    device.take(write_checkpoint_header(log.note(3)), at + timedelta(minutes=2))
    assert device.value == larger, "a smaller one does not take its place: it is the larger that proves something"
    for nonsense in ("", "AAAA", "x" * 9_000, "ž"):
        device.take(nonsense, at)
    assert device.value == larger
    seen = read_seen(tmp_path)
    assert seen is not None
    assert seen[1].size == 9
    (tmp_path / FILE).write_text("damaged")
    assert read_seen(tmp_path) is None
    assert SeenCheckpoint.of(tmp_path).value == ""
    assert write_checkpoint_header(b"n" * HEADER_BYTES_MAX) == ""
