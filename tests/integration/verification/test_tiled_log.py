"""The public log as an independent reader finds it (C2SP tlog-tiles), cosigned heads, seals of days, any two sizes."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import random
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import attrs
import psycopg
import pytest
from ledger_bench import LedgerFolder, check_ed25519, document, fill, now, registration
from public_live import start_process
from tlog_client import Lie, TlogClient, Vkey, leaf, open_checkpoint, path_of, proof_of, tree_hash
from witness_bench import witnesses

from tallystick.authority.assurance.seals.tasks import seal_days
from tallystick.authority.assurance.witnesses import operations
from tallystick.authority.assurance.witnesses.tasks import ask_witnesses
from tallystick.authority.keys.store import add_event
from tallystick.authority.ledger.client import append_blocking
from tallystick.authority.ledger.tasks import export_tiles
from tallystick.crypto.pki import DemoPki
from tallystick.kernel.instants import epoch_day
from tallystick.ops.schema.roles import INTAKE, as_role
from tallystick.ops.state_folder import StateFolder
from tallystick.wire.day_seal import write_day
from tallystick.wire.key_change import MEDIA_TYPE as CHANGE_MEDIA_TYPE
from tallystick.wire.key_change import read_key_changes

ENTRIES = 700


@attrs.define
class Published:
    """A ledger with witnesses behind a public listener."""

    ledger: LedgerFolder
    client: TlogClient
    log_key: Vkey
    witness_keys: list[Vkey]
    sizes: list[int]

    @property
    def keys(self) -> list[Vkey]:
        """All keys that a careful reader knows."""
        return [self.log_key, *self.witness_keys]


@pytest.fixture
def published(database: str, tmp_path: Path) -> Iterator[Published]:
    state = StateFolder.of(str(tmp_path / "state"))
    state.make()
    ledger = LedgerFolder.make(tmp_path, database)
    sizes: list[int] = []
    today = epoch_day(datetime.now(UTC))
    after = datetime.now(UTC).replace(hour=2, minute=1) + timedelta(days=1)
    DemoPki.create(state.keys, environment=(1, 1), organization="Test", country="AQ", at=now() - timedelta(days=1))
    with ExitStack() as stack:
        watching = stack.enter_context(witnesses(tmp_path, 3))
        watching.trust(ledger.log_key)
        worker = stack.enter_context(psycopg.connect(as_role(database, INTAKE)))
        operations.found_policy(worker, watching.policy(ledger.log_key), "process:test", now())
        worker.commit()

        def cosign() -> None:
            ask_witnesses(worker, watching.post, check_ed25519, now)

        def seal() -> None:
            seal_days(worker, lambda entry: append_blocking(ledger.socket, entry).index, UTC, lambda: after)

        async def walk() -> None:
            async with ledger.serving() as (client, _):
                await fill(client, 300)
                await asyncio.to_thread(cosign)
                await client.append(registration("NEWCARD1"))
                await client.append(document("NEWCARD1", 1, day=today))
                await asyncio.to_thread(seal)
                for start in range(0, ENTRIES - 300, 50):
                    sales = (document("NEWCARD1", start + n + 2) for n in range(50))
                    await asyncio.gather(*(client.append(sale) for sale in sales))

        asyncio.run(walk())
        cosign()
        sizes += [size for (size,) in ledger.rows("SELECT tree_size FROM ledger.checkpoints ORDER BY 1")]
        export_tiles(worker, state.tiles)
        worker.commit()
        process = start_process(stack, state, "public", database)
        keys = [Vkey.read(one.key.verifier_key) for one in watching.opened]
        yield Published(ledger, TlogClient(process.url), Vkey.read(ledger.log_key.verifier_key), keys, sizes)


def test_s0_041_an_independent_reader_follows_the_whole_log_and_any_two_sizes(published: Published) -> None:
    """One walk, because the ledger behind it is dear: everything that C2SP and RFC 6962 let a stranger check."""
    client = published.client
    head = client.checkpoint(published.keys)
    assert len(head.signers) == 4, "the log and three witnesses"
    leaves = client.audit(head)

    cosigned = client.checkpoint(published.keys, "/checkpoint/cosigned")
    assert cosigned == head
    policy = client.get("/witness-policy")
    assert b"quorum all\n" in policy.body
    with psycopg.connect(published.ledger.dsn) as conn:
        assert client.get("/key-changes").status == 404
        add_event(conn, 0x0B, CHANGE_MEDIA_TYPE, b"first\n", now())
        add_event(conn, 0x0B, CHANGE_MEDIA_TYPE, b"second\n", now())
        conn.commit()
    assert read_key_changes(client.get("/key-changes").body) == [b"first\n", b"second\n"]
    assert all(key.name.encode() in policy.body for key in published.witness_keys)

    # every size that was ever signed has its tiles, exported or not, and leads to its root
    for size in random.Random(7).sample(published.sizes, 4):
        note = published.ledger.rows("SELECT note FROM ledger.checkpoints WHERE tree_size = %s", size)[0][0]
        old = open_checkpoint(bytes(note), [published.log_key])
        assert client.audit(old) == leaves[:size]
    unsigned = next(size for size in range(2, head.size) if size not in published.sizes and size % 256)
    with pytest.raises(Lie):
        client.entries(unsigned)

    # consistency between any two sizes, signed or not; inclusion of any entry
    chance = random.Random(8)
    pairs = [(1, head.size), (head.size, head.size), (256, 512), (255, 257)]
    pairs += [tuple(sorted(chance.sample(range(1, head.size + 1), 2))) for _ in range(12)]  # type: ignore[misc]
    for old_size, new_size in pairs:
        reply = client.get(f"/proof/consistency?from={old_size}&to={new_size}")
        told = [base64.b64decode(line) for line in reply.body.split()]
        assert (reply.status, told) == (200, proof_of(old_size, leaves[:new_size])), (old_size, new_size)
    for index in (0, 255, 256, head.size - 1):
        head_lines, _, note_text = client.get(f"/proof/document/{index}").body.partition(b"\n\n")
        magic, extra, named, *path = head_lines.decode().split("\n")
        proven = open_checkpoint(note_text, published.keys)
        assert (magic, named) == ("c2sp.org/tlog-proof@v1", f"index {index}")
        assert leaf(base64.b64decode(extra.removeprefix("extra "))) == leaves[index]
        assert [base64.b64decode(line) for line in path] == path_of(index, leaves[: proven.size])
        assert tree_hash(leaves[: proven.size]) == proven.root
        assert len(proven.signers) == 4, "a proof comes with a quorum as soon as there is one"

    what_is_no_resource_is_a_404_without_html(published)
    a_day_is_proven(published)


def what_is_no_resource_is_a_404_without_html(published: Published) -> None:
    """Wrong spellings, tiles of trees that were never signed, sizes and days that are not."""
    client, size = published.client, published.sizes[-1]
    full, width = divmod(size, 256)
    for path in (
        f"/tile/0/{full:03d}",  # not full yet
        f"/tile/0/{full:03d}.p/{width + 1}",
        f"/tile/0/{full + 1:03d}.p/1",
        "/tile/0/000.p/0",
        "/tile/0/000.p/256",
        "/tile/0/0",
        "/tile/00/000",
        "/tile/64/000",
        "/tile/63/x999/x999/x999/x999/x999/x999/999",
        "/tile/0/x000/001",
        "/tile/0/000.p/07",
        "/tile/entries/000/",
        "/tile/0/..%2f..%2fcheckpoint",
        "/tile/-1/000",
        "/proof/day/2026-02-30",
        "/proof/day/1999-01-01",
        "/proof/day/99999-01-01",
        f"/proof/consistency?from=0&to={size}",
        f"/proof/consistency?from=1&to={size + 1}",
        "/proof/consistency?from=2&to=1",
        "/proof/document/99999999",
    ):
        reply = client.get(path)
        if path.endswith("000/"):  # a slash at the end is the same resource
            assert reply.status == 200
            continue
        assert reply.status == 404, path
        assert reply.headers["content-type"] == "application/problem+json", path
    assert client.get("/tile/0/000", "HEAD").headers["content-length"] in ("0", "8192")
    assert client.get("/tile/0/000", "POST").status == 404


def a_day_is_proven(published: Published) -> None:
    """From the seal's bytes over record and salt to the leaf, and from there to a cosigned head."""
    client = published.client
    seal = json.loads(client.get(f"/proof/day/{write_day(epoch_day(datetime.now(UTC)))}").body)
    assert seal["revisions"], "the day is sealed"
    newest = seal["revisions"][0]
    record, salt = json.loads(newest["record"]), base64.b64decode(newest["salt"])
    assert record["body_hash"] == hashlib.sha256(newest["seal"].encode()).hexdigest()
    entry = base64.b64decode(newest["leaf"])
    tag = b"tallystick/v1/record"
    commitment = hashlib.sha256(
        bytes([len(tag)])
        + tag
        + b"".join(len(part).to_bytes(4, "big") + part for part in (salt, newest["record"].encode()))
    ).digest()
    assert entry[16:48] == commitment, "the leaf commits to the record, and the record to the seal"
    _, _, note = newest["proof"].encode().partition(b"\n\n")
    head = open_checkpoint(note, published.keys)
    lines = newest["proof"].split("\n\n")[0].split("\n")
    hashes = [base64.b64decode(line) for line in lines if line != lines[0] and " " not in line]
    leaves = published.client.audit(published.client.checkpoint(published.keys))
    assert leaves[newest["index"]] == leaf(entry)
    assert hashes == path_of(newest["index"], leaves[: head.size])
