"""A witness by the words of C2SP tlog-witness: what it cosigns and refuses, and that it never goes back (S0-041)."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
import pytest
from small_log import SmallLog, small_log

from tallystick.crypto.keys import generate_ed25519_key, store_private_key
from tallystick.kernel.faults import Fault
from tallystick.wire.signed_note import parse_note, verify_note
from tallystick.witness.api import build_app, log_path
from tallystick.witness.folder import WitnessFolder, check_ed25519
from tallystick.witness.operations import NotTheNewest, Witness

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
NAME = "witness.example/one"


@attrs.frozen
class Reply:
    status: int
    content_type: str
    body: bytes


@pytest.fixture
def folder(tmp_path: Path) -> WitnessFolder:
    made = WitnessFolder(tmp_path / "witness")
    made.make(NAME)
    return made


@pytest.fixture
def witness(folder: WitnessFolder) -> Iterator[Witness]:
    opened = folder.open(lambda: NOW)
    yield opened
    opened.store.close()


@pytest.fixture
def log(witness: Witness) -> SmallLog:
    made = small_log(20)
    witness.store.trust(made.key, 0)
    return made


def post(witness: Witness, body: bytes) -> Reply:
    return ask(witness, "POST", "/witness/add-checkpoint", body)


def ask(witness: Witness, method: str, path: str, body: bytes = b"") -> Reply:
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "query_string": b"", "headers": []}

    async def call() -> None:
        await build_app(witness)(scope, receive, send)

    asyncio.run(call())
    headers = {name: value.decode() for name, value in sent[0]["headers"]}
    return Reply(sent[0]["status"], headers.get(b"content-type", ""), sent[1]["body"])


def test_the_first_checkpoint_is_cosigned_and_the_line_verifies_over_the_log_s_note(
    witness: Witness, log: SmallLog
) -> None:
    reply = post(witness, log.request(0, 7))
    assert reply.status == 200
    note = parse_note(log.note(7) + reply.body)  # as C2SP says: concatenate, then verify as a note
    assert set(verify_note(note, (log.key, witness.key), check_ed25519)) == {log.key, witness.key}
    assert int.from_bytes(note.signatures[1].signature[:8], "big") == int(NOW.timestamp())


def test_a_larger_tree_follows_with_a_proof_and_the_same_one_may_come_again(witness: Witness, log: SmallLog) -> None:
    for old, new in ((0, 1), (1, 7), (7, 8), (8, 20), (20, 20)):
        assert post(witness, log.request(old, new)).status == 200, (old, new)
    assert witness.store.head(log.origin).size == 20


def test_an_empty_tree_may_be_the_first_one(witness: Witness, log: SmallLog) -> None:
    assert post(witness, log.request(0, 0)).status == 200
    assert post(witness, log.request(0, 5)).status == 200
    wrong = log.note(0, root=bytes(32))
    assert post(witness, b"old 0\n\n" + wrong).status == 409


def test_another_old_size_is_answered_with_the_size_that_was_cosigned(witness: Witness, log: SmallLog) -> None:
    post(witness, log.request(0, 7))
    for old, new in ((0, 20), (5, 20), (8, 20), (5, 5), (7, 6)):
        if old > new:
            continue
        reply = post(witness, log.request(old, new))
        assert (reply.status, reply.content_type, reply.body) == (409, "text/x.tlog.size", b"7\n"), (old, new)


def test_an_old_size_beyond_the_checkpoint_is_a_bad_request(witness: Witness, log: SmallLog) -> None:
    body = b"old 9\n\n" + log.note(7)
    assert post(witness, body).status == 400


def test_one_size_with_two_roots_is_refused_and_kept_as_evidence(witness: Witness, log: SmallLog) -> None:
    post(witness, log.request(0, 20))
    fork = log.changed(3, b"another")
    reply = post(witness, b"old 20\n\n" + fork.note())
    assert (reply.status, reply.body) == (409, b"20\n")
    assert post(witness, fork.request(5)).status == 409
    (offence,) = witness.store.offences()
    assert offence.code == "TS-3045"
    assert offence.offered == fork.note()
    assert parse_note(offence.held).text == parse_note(log.note()).text
    assert witness.store.head(log.origin).root == log.root()


def test_a_rewritten_ledger_is_never_cosigned_however_well_its_own_proof_holds(witness: Witness, log: SmallLog) -> None:
    post(witness, log.request(0, 7))
    rewritten = log.changed(3, b"re-hashed and signed again with the stolen key")
    reply = post(witness, rewritten.request(7, 20))
    assert reply.status == 422
    assert b"TS-3046" in reply.body
    assert witness.store.head(log.origin).size == 7
    assert [offence.code for offence in witness.store.offences()] == ["TS-3046"]
    assert post(witness, log.request(7, 20)).status == 200, "the true history goes on"


def test_a_restored_backup_is_refused_with_the_greater_size_and_is_no_offence(witness: Witness, log: SmallLog) -> None:
    post(witness, log.request(0, 20))
    restored = log.cut(12)
    for old in (0, 5, 12):
        reply = post(witness, restored.request(old, 12))
        assert (reply.status, reply.body) == (409, b"20\n")
    with pytest.raises(NotTheNewest):
        witness.add_checkpoint(restored.request(12))
    assert not witness.store.offences(), "anybody can send an old checkpoint again"
    grown = SmallLog([*restored.entries, *(b"new %d" % n for n in range(15))], log.private)
    assert post(witness, grown.request(20)).status == 422


def test_a_proof_that_is_empty_too_long_or_of_other_hashes_does_not_hold(witness: Witness, log: SmallLog) -> None:
    post(witness, log.request(0, 7))
    good = log.request(7)
    head, note = good.split(b"\n\n", 1)
    lines = head.split(b"\n")
    for changed in (lines[:1], lines[:-1], [*lines, lines[-1]], [lines[0], *reversed(lines[1:])]):
        assert post(witness, b"\n".join(changed) + b"\n\n" + note).status == 422
    other = small_log(5)
    witness.store.trust(other.key, 0)  # a first checkpoint needs an empty proof
    extra = f"old 0\n{lines[1].decode()}\n\n".encode() + SmallLog(other.entries, log.private, "log.example/two").note()
    witness.store.trust(SmallLog([], log.private, "log.example/two").key, 0)
    assert post(witness, extra).status == 422


def test_an_unknown_log_and_an_unknown_key_are_told_apart(witness: Witness, log: SmallLog) -> None:
    stranger = SmallLog(log.entries, log.private, "log.example/unknown")
    assert post(witness, stranger.request(0)).status == 404
    impostor = SmallLog(log.entries, generate_ed25519_key())
    assert post(witness, impostor.request(0)).status == 403
    good = log.note()
    broken = good[:-9] + bytes([good[-9] ^ 1]) + good[-8:]
    assert post(witness, b"old 0\n\n" + broken).status in (400, 403)
    assert witness.store.head(log.origin).size == 0


def test_lines_of_unknown_keys_are_passed_over_and_not_kept(witness: Witness, log: SmallLog) -> None:
    other = SmallLog(log.entries, generate_ed25519_key())
    extra = other.note().split(b"\n\n", 1)[1]
    assert post(witness, log.request(0) + extra).status == 200
    kept = parse_note(witness.store.head(log.origin).note)
    assert [line.key_id for line in kept.signatures] == [log.key.key_id, witness.key.key_id]


def test_a_log_with_two_keys_may_sign_with_either(witness: Witness, log: SmallLog) -> None:
    renewed = SmallLog(log.entries, generate_ed25519_key())
    witness.store.trust(renewed.key, 1)
    assert post(witness, log.request(0, 7)).status == 200
    assert post(witness, renewed.request(7)).status == 200
    assert witness.store.distrust(log.key)
    assert post(witness, log.request(20)).status == 403


def test_extension_lines_of_a_foreign_log_are_cosigned_with_the_rest(witness: Witness, log: SmallLog) -> None:
    note = log.note(extensions=("one", "two"))
    reply = post(witness, b"old 0\n\n" + note)
    assert reply.status == 200
    assert witness.key in verify_note(parse_note(note + reply.body), (witness.key,), check_ed25519)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"old 0",
        b"old 0\n",
        b"old 00\n\nNOTE",
        b"old -1\n\nNOTE",
        b"old 1e3\n\nNOTE",
        b"old 99999999999999999999\n\nNOTE",
        b"OLD 0\n\nNOTE",
        b"old 0 \n\nNOTE",
        b"old 0\nnot base64!\n\nNOTE",
        b"old 0\nAAAA\n\nNOTE",
        b"old 0\r\n\r\nNOTE",
        b"old 0\n\n",
        b"old 0\n\nnot a note",
        b"old 0\n" + b"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n" * 64 + b"\nNOTE",
        b"\xff\xfe\n\nNOTE",
        b"old 0\n\nNOTE" + b"x" * 100_000,
    ],
)
def test_what_has_not_the_form_is_a_bad_request_and_changes_nothing(
    witness: Witness, log: SmallLog, body: bytes
) -> None:
    reply = post(witness, body.replace(b"NOTE", log.note()))
    assert reply.status in (400, 413)
    assert reply.content_type == "application/problem+json"
    assert witness.store.head(log.origin).size == 0


def test_paths_for_monitors_and_for_nobody(witness: Witness, log: SmallLog) -> None:
    assert ask(witness, "GET", log_path(log.origin)).status == 404
    post(witness, log.request(0, 7))
    head = ask(witness, "GET", log_path(log.origin))
    assert set(verify_note(parse_note(head.body), (log.key, witness.key), check_ed25519)) == {log.key, witness.key}
    assert b'"size":7' in ask(witness, "GET", "/witness/logs").body
    assert ask(witness, "GET", "/witness/key").body.decode().strip() == witness.key.verifier_key
    assert ask(witness, "GET", "/witness/add-checkpoint").status == 405
    for path in ("/", "/witness", "/witness/logs/00/checkpoint", "/witness/witness-key.pem", "/witness/../key"):
        assert ask(witness, "GET", path).status == 404


def test_what_is_answered_is_on_the_disk_before(
    folder: WitnessFolder, witness: Witness, log: SmallLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another program that opens the file at the moment of the answer finds the head in it."""
    seen: list[int] = []
    answer = Witness.add_checkpoint

    def look(self: Witness, body: bytes) -> bytes:
        line = answer(self, body)
        other = sqlite3.connect(folder.root / "witness.sqlite")
        seen.append(other.execute("SELECT size FROM head").fetchone()[0])
        other.close()
        return line

    monkeypatch.setattr(Witness, "add_checkpoint", look)
    assert post(witness, log.request(0, 7)).status == 200
    assert seen == [7]


def test_a_disk_that_refuses_means_no_cosignature(
    witness: Witness, log: SmallLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(type(witness.store), "move_head", refuse)
    reply = post(witness, log.request(0, 7))
    assert reply.status == 503
    assert NAME.encode() not in reply.body


def test_of_two_at_once_one_wins_and_the_head_never_goes_back(folder: WitnessFolder, log: SmallLog) -> None:
    """The race of tlog-witness, between two processes' worth of connections to one file."""
    witnesses = [folder.open(lambda: NOW) for _ in range(4)]
    post(witnesses[0], log.request(0, 3))
    outcomes: list[str] = []
    start = threading.Barrier(4)

    def send(witness: Witness, size: int) -> None:
        start.wait()
        try:
            witness.add_checkpoint(log.request(3, size))
            outcomes.append("cosigned")
        except NotTheNewest:
            outcomes.append("refused")

    threads = [
        threading.Thread(target=send, args=(one, size)) for one, size in zip(witnesses, (20, 5, 9, 14), strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["cosigned", "refused", "refused", "refused"]
    for witness in witnesses:
        witness.store.close()


def test_the_store_itself_refuses_to_go_back_or_to_forget(
    folder: WitnessFolder, witness: Witness, log: SmallLog
) -> None:
    post(witness, log.request(0, 7))
    other = sqlite3.connect(folder.root / "witness.sqlite")
    for statement in ("UPDATE head SET size = 6", "UPDATE head SET root = zeroblob(32)", "DELETE FROM head"):
        with pytest.raises(sqlite3.IntegrityError):
            other.execute(statement)
    other.close()


def test_a_head_is_moved_by_who_saw_it_last_alone(witness: Witness, log: SmallLog) -> None:
    post(witness, log.request(0, 7))
    seen = witness.store.head(log.key.name)
    newer = attrs.evolve(seen, size=9, root=log.root(9))
    witness.store.move_head(log.key.name, seen, newer)
    with pytest.raises(RuntimeError, match="somebody else"):
        witness.store.move_head(log.key.name, seen, attrs.evolve(seen, size=11, root=log.root(11)))
    assert witness.store.head(log.key.name).size == 9


def test_ts_1310_a_key_that_was_exchanged_does_not_cosign(folder: WitnessFolder) -> None:
    store_private_key(folder.key_file, generate_ed25519_key())
    with pytest.raises(Fault, match="not that of the public one") as caught:
        folder.open(lambda: NOW)
    assert caught.value.code == "TS-1310"


def test_a_folder_keeps_its_name_and_key(folder: WitnessFolder, tmp_path: Path) -> None:
    key = folder.key()
    assert folder.make(NAME) == key
    with pytest.raises(FileExistsError):
        folder.make("witness.example/two")
    assert folder.key_file.stat().st_mode & 0o777 == 0o600
    with pytest.raises(Fault):
        WitnessFolder(tmp_path / "other").make("a name with blanks")
