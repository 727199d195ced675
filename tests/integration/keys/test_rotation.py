"""Keys rotate while documents are booked, and the signing unit dies while documents are booked (S0-039, security 2.7).

One country with its real processes and its keys in SoftHSM2; every rotation is the real command.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import attrs
import msgspec
import psycopg
import pytest
from cards import rsa_key
from key_processes import token_settings

from benchmarks.authority_processes import RunningAuthority, running_authority
from benchmarks.package_maker import Card, seal
from tallystick.authority.intake.unwrap_client import UnwrapClient
from tallystick.authority.keys import queries
from tallystick.authority.keys.signing_unit import SigningUnit
from tallystick.authority.keys.values import LOG, PACKAGE, POA
from tallystick.authority.ledger.client import append_blocking
from tallystick.authority.ledger.entry import Channel, EntryKind, NewEntry
from tallystick.crypto.keys import PublicKey
from tallystick.crypto.policy import Use
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import sha256
from tallystick.ops.authority_keys import check_note
from tallystick.ops.key_desk import KeyDesk
from tallystick.ops.processes.assurance import log_identity
from tallystick.ops.processes.context import Context
from tallystick.ops.schema.roles import INTAKE, as_role
from tallystick.ops.self_check import check_ledger
from tallystick.ops.settings import load_settings
from tallystick.wire.audit_package import read_sealed
from tallystick.wire.key_change import accepted_log_keys, note_key
from tallystick.wire.signed_note import Checkpoint, NoteKey, parse_checkpoint, parse_note, verify_note

pytestmark = [pytest.mark.timeout(240), pytest.mark.soak]
OVERLAP_SECONDS = 5


@attrs.define
class Place:
    """The running country and what a command is told of it."""

    running: RunningAuthority
    environment: dict[str, str]

    def command(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "tallystick", "keys", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @property
    def origin(self) -> str:
        return load_settings({"TALLYSTICK_COUNTRY": self.environment["TALLYSTICK_COUNTRY"]}).log_origin

    @property
    def first_key(self) -> NoteKey:
        return note_key(self.origin, self.running.country.pki.public_key("log").spki)

    def database(self) -> psycopg.Connection:
        return psycopg.connect(as_role(self.running.country.owner_dsn, INTAKE), autocommit=True)

    def await_single_signature(self, *, after: int) -> None:
        """Wait until a checkpoint has had so many signatures, and then one again."""
        seen, limit = 0, time.monotonic() + 60
        while time.monotonic() < limit:
            lines = len(parse_note(self.checkpoints()[-1]).signatures)
            seen = max(seen, lines)
            if seen == after and lines == 1:
                return
            time.sleep(0.2)
        raise AssertionError(f"the newest checkpoint never had {after} signatures and then one")

    def desk(self) -> KeyDesk:
        """The desk behind the command, without a process for it."""
        told = {name: value for name, value in self.environment.items() if name.startswith("TALLYSTICK_")}
        return KeyDesk(load_settings(told), self.running.country.state)

    def checkpoints(self) -> list[bytes]:
        with psycopg.connect(self.running.country.owner_dsn) as conn:
            return [note for (note,) in conn.execute("SELECT note FROM ledger.checkpoints ORDER BY tree_size")]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    told = token_settings(tmp_path_factory.mktemp("token"), "country")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", told["SOFTHSM2_CONF"])
        with running_authority(0, ("sequencer", "unwrap", "worker"), told) as running:
            kept = {name: value for name, value in os.environ.items() if not name.startswith("TALLYSTICK_")}
            country = running.country
            yield Place(
                running,
                kept
                | told
                | {
                    "TALLYSTICK_STATE": str(country.state.root),
                    "TALLYSTICK_DATABASE_URL": country.owner_dsn,
                    "TALLYSTICK_COUNTRY": country.pack.code,
                    "TALLYSTICK_LOG_LEVEL": "error",
                },
            )


def entry(number: int) -> NewEntry:
    body = f"evidence {number}".encode()
    now = int(time.time() * 1000)
    return NewEntry(
        kind=EntryKind.EVIDENCE, channel=Channel.NONE, body=body, media_type="text/plain", received_at_ms=now
    )


class Bookings:
    """Books one entry after the other in a thread, and keeps what was refused."""

    def __init__(self, socket: Path, start: int) -> None:
        self.refused: list[Fault] = []
        self.indexes: list[int] = []
        self._socket, self._number = socket, start
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Bookings:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ends.is_set():
            self._number += 1
            try:
                self.indexes.append(append_blocking(self._socket, entry(self._number)).index)
            except Fault as fault:
                self.refused.append(fault)
            time.sleep(0.02)


def test_the_logs_key_rotates_while_documents_are_booked(place: Place) -> None:
    socket = place.running.country.state.run / "sequencer.sock"
    with Bookings(socket, 0) as booking:
        time.sleep(0.3)
        place.command("rotate", "log", "--overlap-days", str(OVERLAP_SECONDS / 86_400))
        place.await_single_signature(after=2)
    assert not booking.refused
    assert len(booking.indexes) > 50

    with place.database() as conn:
        notes = queries.change_notes(conn)
        old, new = (note_key(place.origin, key.public_key.spki) for key in queries.keys(conn, LOG))
        published = [index for (index,) in conn.execute("SELECT log_index FROM keys.event ORDER BY event_id")]
    accepted = [key.key for key in accepted_log_keys(place.first_key, notes, check_note)]
    assert accepted == [old, new]
    assert all(index is not None for index in published), "each change stands in the ledger (0x0B)"

    signers = []
    for data in place.checkpoints():
        note = parse_note(data)
        signers.append(frozenset(key.public_key for key in verify_note(note, accepted, check_note)))
        parse_checkpoint(note.text)
    phases = [signers[0], *(now for before, now in pairwise(signers) if now != before)]
    of_old, of_new = old.public_key, new.public_key
    assert phases == [{of_old}, {of_old, of_new}, {of_new}], "alone, both, alone: no checkpoint without a known key"

    settings = load_settings({"TALLYSTICK_COUNTRY": place.environment["TALLYSTICK_COUNTRY"]})
    country = place.running.country
    first = country.pki.public_key("log")
    assert check_ledger(country.owner_dsn, settings, country.state, first) == [], "old heads by the old key, for good"
    served = msgspec.structs.replace(settings, database_url=country.owner_dsn)
    in_passing = log_identity(Context(name="test", settings=served, state=country.state))
    assert in_passing.keys == (old, new), "heads that devices bring back are compared whichever key signed them"
    stranger = PublicKey.from_raw(new.public_key)
    with suppress(Fault):
        assert check_ledger(country.owner_dsn, settings, country.state, stranger) != []


def test_new_cards_get_the_new_keys_and_old_packages_still_open(place: Place) -> None:
    country = place.running.country
    before = {series: country.pki.public_key(series) for series in (POA, PACKAGE)}
    for series in (POA, PACKAGE):
        place.desk().rotate(series, timedelta(days=90))
    after = {series: country.pki.public_key(series) for series in (POA, PACKAGE)}
    assert before[POA] != after[POA]
    assert before[PACKAGE] != after[PACKAGE]
    with place.database() as conn:
        assert queries.proof_key_of(conn, "OLDCARD1").public_key == before[POA]
        label = queries.key_of(conn, POA, after[POA]).label
        conn.execute("INSERT INTO keys.card VALUES ('NEWCARD1', %s)", [label])
        assert queries.proof_key_of(conn, "NEWCARD1").public_key == after[POA]

    async def opened() -> list[bytes]:
        client = UnwrapClient(country.state.run / "unwrap.sock")
        try:
            plains = []
            for number, key in enumerate((before[PACKAGE], after[PACKAGE])):
                card = Card(f"ABCD123{number}", "123456789", rsa_key(0), key)
                plains.append((await client.open_package(read_sealed(seal(card.plain(), key)))).plain)
            return plains
        finally:
            await client.close()

    limit = time.monotonic() + 15
    while True:
        try:
            assert len(asyncio.run(opened())) == 2
            break
        except Fault:  # the process takes the new key within seconds
            assert time.monotonic() < limit
            time.sleep(0.2)
    assert place.desk().verify() == []


def test_intake_says_503_while_the_signing_unit_hangs_and_goes_on_after(place: Place) -> None:
    country = place.running.country
    socket, pid = country.state.run / "sequencer.sock", place.running.supervisor.pid("keys")
    first = append_blocking(socket, entry(900_001))
    os.kill(pid, signal.SIGSTOP)
    codes, started = set(), time.monotonic()
    try:
        while time.monotonic() - started < 4:
            with pytest.raises(Fault) as caught:
                append_blocking(socket, entry(900_002))
            codes.add(caught.value.code)
            time.sleep(0.1)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert "TS-5004" in codes
    assert codes <= {"TS-5004", "TS-5007", "TS-5003"}
    booked = _until_booked(socket, entry(900_002))
    assert booked > first.index
    assert append_blocking(socket, entry(900_002)).index == booked, "the same bytes, the same answer"


def test_the_unit_killed_in_the_middle_loses_nothing(place: Place) -> None:
    country = place.running.country
    socket = country.state.run / "sequencer.sock"
    with Bookings(socket, 1_000_000) as booking:
        time.sleep(0.3)
        os.kill(place.running.supervisor.pid("keys"), signal.SIGKILL)
        until = time.monotonic() + 30
        while not place.running.supervisor.restarts("keys") and time.monotonic() < until:
            place.running.supervisor.tick()
            time.sleep(0.05)
        after = _until_booked(socket, entry(2_000_000))
    assert {fault.code for fault in booking.refused} <= {"TS-5004", "TS-5007", "TS-5003"}
    assert sorted(set(booking.indexes)) == sorted(booking.indexes)
    assert after
    settings = load_settings({"TALLYSTICK_COUNTRY": place.environment["TALLYSTICK_COUNTRY"]})
    assert check_ledger(country.owner_dsn, settings, country.state, country.pki.public_key("log")) == []
    assert place.desk().verify() == []


def test_a_signature_got_behind_the_authoritys_back_is_found(place: Place) -> None:
    """Somebody of the account asks the key process for a head that the ledger never had: the next check names it."""
    forged = Checkpoint(place.origin, 3, bytes(32)).text.encode()
    with place.database() as conn:
        label = queries.active_key(conn, LOG).label
    unit = SigningUnit(place.running.country.state.run / "keys.sock")
    unit.sign(label, Use.SIGN_CHECKPOINT, forged)
    unit.close()
    (finding,) = place.desk().verify()
    assert "TS-3034" in finding
    assert sha256(forged).hex() in finding


def _until_booked(socket: Path, wanted: NewEntry) -> int:
    limit = time.monotonic() + 30
    while True:
        try:
            return append_blocking(socket, wanted).index
        except Fault:
            assert time.monotonic() < limit
            time.sleep(0.1)
