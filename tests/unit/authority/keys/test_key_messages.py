"""What the key processes are asked, in bytes; and their journal."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tallystick.authority.keys.messages import (
    Result,
    SignRequest,
    read_public_key,
    read_sign_request,
    write_public_key,
    write_sign_request,
)
from tallystick.authority.keys.signing_desk import SigningDesk
from tallystick.authority.keys.use_journal import UNREADABLE, UseJournal, read_journals
from tallystick.crypto.hsm import KeyStore
from tallystick.crypto.key_purposes import KeyPurpose
from tallystick.crypto.keys import generate_ed25519_key
from tallystick.crypto.policy import Use
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import sha256

NOW = datetime(2026, 11, 27, 23, 59, 59, tzinfo=UTC)


@given(st.sampled_from(Use), st.from_regex(r"[a-z0-9][a-z0-9-]{0,62}", fullmatch=True), st.binary(max_size=500))
def test_a_request_there_and_back(use: Use, label: str, text: bytes) -> None:
    request = SignRequest(use, label, text)
    assert read_sign_request(write_sign_request(request)) == request


def test_a_public_key_there_and_back() -> None:
    key = generate_ed25519_key().public
    assert read_public_key(write_public_key(KeyPurpose.CHECKPOINT, key)[1:]) == (KeyPurpose.CHECKPOINT, key)


def no_store() -> KeyStore:
    raise Fault("TS-5004", detail="away")


@given(st.binary(max_size=64))
def test_the_desk_answers_every_frame(frame: bytes) -> None:
    desk = SigningDesk(no_store, UseJournal(Path("/nonexistent/never-written"), "keys", lambda: NOW))
    assert desk.answer(frame)[0] in (Result.AWAY, Result.REFUSED)


def test_the_journal_turns_over_at_midnight_and_a_torn_line_is_left_out(tmp_path: Path) -> None:
    times = [NOW, datetime(2026, 11, 28, tzinfo=UTC)]
    journal = UseJournal(tmp_path / "uses", "keys-2", lambda: times.pop(0))
    for text in (b"one", b"two"):
        journal.write(SignRequest(Use.SIGN_CHECKPOINT, "log", text))
    first, second = sorted((tmp_path / "uses").iterdir())
    assert (first.name, second.name) == ("2026-11-27.keys-2.uses", "2026-11-28.keys-2.uses")
    assert {file.stat().st_mode & 0o777 for file in (first, second)} == {0o600}
    with second.open("a") as file:
        file.write("1795 SIGN_CHECK")
    found = list(read_journals(tmp_path / "uses", date(2026, 11, 27), date(2026, 11, 28)))
    assert [(use.label, use.use, use.digest) for use in found] == [
        ("log", "SIGN_CHECKPOINT", sha256(b"one")),
        ("log", "SIGN_CHECKPOINT", sha256(b"two")),
    ]
    assert len(list(read_journals(tmp_path / "uses", date(2026, 11, 28), date(2026, 11, 28)))) == 1
    second.write_text("what is this\n")
    (told,) = read_journals(tmp_path / "uses", date(2026, 11, 28), date(2026, 11, 28))
    assert (told.use, told.label, told.digest) == (UNREADABLE, second.name, sha256(b"what is this\n"))
