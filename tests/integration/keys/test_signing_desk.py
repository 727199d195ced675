"""What a key process refuses before it notes anything, and what becomes of a journal that somebody damaged."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from tallystick.authority.keys.messages import Result, SignRequest, write_sign_request
from tallystick.authority.keys.signing_desk import SigningDesk
from tallystick.authority.keys.use_journal import UNREADABLE, UseJournal, read_journals
from tallystick.crypto import sealed_keys
from tallystick.crypto.key_purposes import KeyPurpose
from tallystick.crypto.keys import PrivateKey, generate_p384_key, generate_rsa_key
from tallystick.crypto.policy import Use
from tallystick.crypto.sealed_keys import SealedKeys
from tallystick.kernel.hashing import sha256

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
DAY = date(2026, 11, 27)


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SealedKeys]:
    """A store that holds what a ceremony puts into it."""
    monkeypatch.setattr(sealed_keys, "_MEMORY_KIB", 64)
    store = SealedKeys(tmp_path / "store", b"correct horse")
    made: dict[str, tuple[PrivateKey, KeyPurpose]] = {
        "root": (generate_p384_key(), KeyPurpose.AUTHORITY),
        "secure-element-ca": (generate_p384_key(), KeyPurpose.AUTHORITY),
        "poa": (generate_rsa_key(), KeyPurpose.PROOF_OF_AUDIT),
    }
    for label, (key, purpose) in made.items():
        store.adopt(label, key, purpose)
    yield store
    store.close()


def ask(label: str, use: Use, text: bytes = b"text") -> bytes:
    return write_sign_request(SignRequest(use, label, text))


def test_s0_039_the_root_signs_in_no_process(keys: SealedKeys, tmp_path: Path) -> None:
    desk = SigningDesk(lambda: keys, UseJournal(tmp_path / "uses", "keys", lambda: NOW))
    assert desk.answer(ask("secure-element-ca", Use.SIGN_CERTIFICATE_P384))[0] == Result.DONE
    assert desk.answer(ask("root", Use.SIGN_CERTIFICATE_P384)) == bytes([Result.REFUSED])
    assert [use.label for use in read_journals(tmp_path / "uses", DAY, DAY)] == ["secure-element-ca"]


@pytest.mark.parametrize(
    "request_bytes",
    [
        ask("poa", Use.SIGN_CHECKPOINT),
        ask("nobody", Use.SIGN_PROOF),
        ask("poa\n1 SIGN_PROOF poa 00", Use.SIGN_PROOF),
        ask("../poa", Use.SIGN_PROOF),
        ask("", Use.SIGN_PROOF),
    ],
    ids=["other-purpose", "no-key", "two-lines", "path", "empty"],
)
def test_what_is_refused_is_no_use_and_no_line(keys: SealedKeys, tmp_path: Path, request_bytes: bytes) -> None:
    desk = SigningDesk(lambda: keys, UseJournal(tmp_path / "uses", "keys", lambda: NOW))
    assert desk.answer(request_bytes)[0] != Result.DONE
    assert list(read_journals(tmp_path / "uses", DAY, DAY)) == []


def test_a_torn_line_and_a_strange_one_hide_no_other(tmp_path: Path) -> None:
    folder = tmp_path / "uses"
    first = SignRequest(Use.SIGN_PROOF, "poa", b"first")
    UseJournal(folder, "keys", lambda: NOW).write(first)
    (file,) = folder.iterdir()
    with file.open("ab") as torn:
        torn.write(b"17642448000 SIGN_PR")
    UseJournal(folder, "keys", lambda: NOW).write(SignRequest(Use.SIGN_PROOF, "poa", b"second"))
    with file.open("ab") as strange:
        strange.write("ünknown words\n".encode() + b"1 SIGN_PROOF poa zz\n" + b"1764244800")
    found = list(read_journals(folder, DAY, DAY))
    assert [use.digest for use in found if use.use == "SIGN_PROOF"] == [sha256(b"first"), sha256(b"second")]
    assert [use.label for use in found if use.use == UNREADABLE] == [file.name] * 3
