"""The room of the authority's keys in its database: one active key a series, uses with intents, the daily reconcile."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import attrs
import psycopg
import pytest

from tallystick.authority.keys import operations, queries, store, tasks
from tallystick.authority.keys.messages import SignRequest
from tallystick.authority.keys.recorded_use import RecordedSigner
from tallystick.authority.keys.signing_unit import SigningUnit
from tallystick.authority.keys.use_journal import UseJournal
from tallystick.authority.keys.values import LOG, PACKAGE, POA, AuthorityKey, KeyUse
from tallystick.authority.oversight.activity import queries as activity
from tallystick.crypto import sealed_keys
from tallystick.crypto.key_purposes import KeyPurpose
from tallystick.crypto.keys import PublicKey, generate_ed25519_key, generate_rsa_key
from tallystick.crypto.policy import Use
from tallystick.crypto.sealed_keys import SealedKeys
from tallystick.kernel.faults import Fault
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.hashing import sha256
from tallystick.ops.authority_keys import KeyMaker, enter_statements, first_statements, rotate
from tallystick.wire.card import PoaMessage

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
ORIGIN = "fdo.example/aq/test"
DAY = date(2026, 11, 27)


@pytest.fixture
def maker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[KeyMaker]:
    monkeypatch.setattr(sealed_keys, "_MEMORY_KIB", 64)
    keys = SealedKeys(tmp_path / "signing", b"correct horse")
    yield KeyMaker(keys, tmp_path)
    keys.close()


@pytest.fixture
def room(connection: psycopg.Connection, maker: KeyMaker) -> psycopg.Connection:
    """A database with the first keys."""
    public = maker.make()
    (maker.folder / "package-public.pem").unlink()
    assert maker.make() == public, "making can be repeated after any interruption"
    statements = first_statements(maker.store, public, ORIGIN, NOW).values()
    assert enter_statements(connection, statements, at=NOW, actor="process:setup") == 3
    assert enter_statements(connection, statements, at=NOW, actor="process:setup") == 0
    return connection


def test_ts_3033_and_ts_3030_a_log_has_two_keys_at_most_and_one_rotation_at_a_time(
    room: psycopg.Connection, maker: KeyMaker
) -> None:
    later, day = NOW + timedelta(hours=1), timedelta(days=1)
    new = rotate(room, maker, LOG, at=later, overlap=day, actor="shell:ann")
    with pytest.raises(Fault, match="TS-3033"):
        rotate(room, maker, LOG, at=later + timedelta(hours=2), overlap=day, actor="shell:ann")
    both = queries.keys(room, LOG)
    assert [key.label for key in queries.signing_log_keys(both, later + day / 2)] == ["log-2", "log"]
    assert [key.label for key in queries.signing_log_keys(both, later + day)] == ["log-2"]
    stale = attrs.evolve(new, label="log-3", public_key=generate_ed25519_key().public)
    with pytest.raises(Fault, match="TS-3030"):
        operations.replace_key(room, stale, b"note", follows="log", retires_at=later + day * 2, actor="shell:bo")
    room.rollback()
    assert tasks.retire_keys(room, later + day - timedelta(seconds=1)) == 0
    assert tasks.retire_keys(room, later + day) == 1
    assert [act.act.verb for act in activity.newest(room)][:2] == ["keys.retire", "keys.rotate"]
    with pytest.raises(Fault, match="TS-3031"):
        rotate(room, maker, "logs", at=later, overlap=day, actor="shell:ann")


def test_ts_3030_two_who_rotate_at_once_make_one_key(
    room: psycopg.Connection, maker: KeyMaker, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both would choose one label, and the second would write over the first's wrapped key."""
    room.commit()
    make_next, refused = KeyMaker.make_next, []

    def meanwhile(self: KeyMaker, series: str, label: str) -> PublicKey:
        with psycopg.connect(database) as other, pytest.raises(Fault) as caught:
            rotate(other, self, PACKAGE, at=NOW + timedelta(hours=1), overlap=timedelta(days=1), actor="shell:bo")
        refused.append(caught.value.code)
        return make_next(self, series, label)

    monkeypatch.setattr(KeyMaker, "make_next", meanwhile)
    rotate(room, maker, PACKAGE, at=NOW + timedelta(hours=1), overlap=timedelta(days=1), actor="shell:ann")
    assert refused == ["TS-3030"]
    monkeypatch.undo()
    with psycopg.connect(database) as other:
        rotate(other, maker, PACKAGE, at=NOW + timedelta(hours=2), overlap=timedelta(days=1), actor="shell:bo")


def test_a_rotation_cut_short_leaves_a_key_that_nobody_uses(room: psycopg.Connection, maker: KeyMaker) -> None:
    maker.make_next(POA, "poa-2")
    made = rotate(room, maker, POA, at=NOW + timedelta(hours=1), overlap=timedelta(days=1), actor="shell:ann")
    assert made.label == "poa-3"
    assert queries.active_key(room, POA).label == "poa-3"


def test_a_key_of_the_table_cannot_be_exchanged(room: psycopg.Connection) -> None:
    other = generate_ed25519_key().public.spki
    for statement in (
        "UPDATE keys.key SET public_key = %s WHERE label = 'log'",
        "DELETE FROM keys.key WHERE public_key <> %s",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            room.execute(statement, [other])
        room.rollback()


class Unit(SigningUnit):
    """Signs at the store itself, or is away."""

    def __init__(self, keys: SealedKeys, database: str) -> None:
        super().__init__()
        self.keys, self.database, self.away = keys, database, False
        self.intents: list[int] = []

    def sign(self, label: str, use: Use, text: bytes) -> bytes:
        with psycopg.connect(self.database) as conn:
            row = conn.execute("SELECT count(*) FROM keys.use WHERE digest = %s", [sha256(text)]).fetchone()
        assert row is not None
        self.intents.append(row[0])
        if self.away:
            raise Fault("TS-5004")
        return self.keys.sign(label, use, text)


def test_security_2_7_the_intent_is_committed_before_the_key_is_asked(
    room: psycopg.Connection, maker: KeyMaker, database: str
) -> None:
    room.commit()
    assert isinstance(maker.store, SealedKeys)
    unit = Unit(maker.store, database)
    signer = RecordedSigner(lambda: psycopg.connect(database), unit, "process:worker", lambda: NOW)
    proof = PoaMessage(uid="ABCD1234", audit_sequence=3, nonce=bytes(32), released=Money(1), issued_ms=1).encode()
    unit.away = True
    with pytest.raises(Fault, match="TS-5004"):
        signer.sign_proof(proof)
    assert room.execute("SELECT request, completed_at FROM keys.use").fetchall() == [("ABCD1234/3", None)]
    unit.away = False
    room.commit()
    block = signer.sign_proof(proof)
    assert signer.sign_proof(proof) == block
    assert unit.intents == [1, 1, 1]
    signer.close()
    assert room.execute("SELECT principal, completed_at FROM keys.use").fetchall() == [("process:worker", NOW)]


def test_security_2_7_each_signature_has_one_explanation(room: psycopg.Connection, tmp_path: Path) -> None:
    journal = UseJournal(tmp_path / "uses", "keys", lambda: NOW)
    heads, issued = [sha256(text) for text in (b"head 1", b"head 2")], sha256(b"a certificate")
    books = tasks.OtherBooks(lambda first, last: heads, lambda digests: {issued} & set(digests))
    for text in (b"head 1", b"head 2", b"head 2", b"head nobody committed"):
        journal.write(SignRequest(Use.SIGN_CHECKPOINT, "log", text))
    for text in (b"a certificate", b"one that nobody registered"):
        journal.write(SignRequest(Use.SIGN_CERTIFICATE_P384, "secure-element-ca", text))
    journal.write(SignRequest(Use.SIGN_PROOF, "poa", b"explained"))
    journal.write(SignRequest(Use.SIGN_PROOF, "poa", b"stolen"))
    explained = KeyUse(label="poa", use=Use.SIGN_PROOF, digest=sha256(b"explained"), principal="p", request="r")
    nowhere = attrs.evolve(explained, digest=sha256(b"signed elsewhere"))
    for use in (explained, nowhere):
        operations.intend(room, use, NOW)
        operations.complete(room, use, NOW)
    operations.intend(room, attrs.evolve(explained, digest=sha256(b"never done")), NOW)

    found = tasks.reconcile(room, tmp_path / "uses", DAY, books, now=NOW + timedelta(days=1))
    assert found.uses == 7, "a repeated signature is one use"
    nobody_knows = {sha256(text) for text in (b"head nobody committed", b"one that nobody registered", b"stolen")}
    assert {use.digest for use in found.unexplained} == nobody_knows
    assert [digest for _, _, digest in found.unjournalled] == [sha256(b"signed elsewhere")]
    assert not found.is_clean
    act = activity.newest(room, verb="keys.reconcile")[0].act
    assert act.facts["unexplained"] == "3"
    assert sha256(b"stolen").hex() in "".join(act.facts[f"unexplained{number}"] for number in (1, 2, 3))
    assert store.newest_reconciled(room) == DAY
    following = tasks.reconcile_days(room, tmp_path / "uses", books, now=NOW + timedelta(days=3))
    assert [one.day for one in following] == [DAY + timedelta(days=1), DAY + timedelta(days=2)]


def test_a_key_enters_a_series_once(room: psycopg.Connection) -> None:
    key = AuthorityKey(
        label="log-9",
        series=LOG,
        purpose=KeyPurpose.CHECKPOINT,
        public_key=generate_ed25519_key().public,
        active_at=NOW,
    )
    with pytest.raises(Fault, match="TS-3030"):
        operations.enter_key(room, key, b"note", at=NOW, actor="shell:ann")
    assert key.public_key != generate_rsa_key().public


def test_events_are_handed_on_once(room: psycopg.Connection) -> None:
    handed: list[int] = []

    @attrs.frozen
    class Booked:
        index: int

    def append(event: store.WaitingEvent) -> Booked:
        handed.append(event.event_id)
        if len(handed) == 2:
            raise Fault("TS-5007")
        return Booked(100 + event.event_id)

    room.commit()
    with pytest.raises(Fault):
        tasks.publish_events(room, append)
    room.rollback()
    assert tasks.publish_events(room, append) == 2
    assert handed == [1, 2, 2, 3]
