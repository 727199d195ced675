"""A key of the log that was followed, or stolen, speaks alone only up to a size that the verifier's user names."""

from pathlib import Path

import psycopg
import pytest
from export_bench import codes, fault_of, run
from signed_ledger import SignedLedger

from tallystick.authority.ledger.queries import newest_checkpoint
from tallystick.crypto.keys import generate_ed25519_key
from tallystick.ops.ledger_exports import last_without
from tallystick.verifier.breaks import BreakCode
from tallystick.verifier.policy import Policy, read_policy
from tallystick.wire.signed_note import KeyType, NoteKey, parse_checkpoint, parse_note


def limited(signed: SignedLedger, size: int) -> str:
    return f"log {signed.ledger.log_key.verifier_key} up-to {size}"


def test_a_head_beyond_the_limit_needs_another_key(whole: Path, signed: SignedLedger) -> None:
    with psycopg.connect(signed.ledger.dsn) as connection:
        size = parse_checkpoint(parse_note(newest_checkpoint(connection)).text).size
    assert not run(whole, signed, limited(signed, size))[1]
    assert BreakCode.HEAD_SIGNATURE in codes(run(whole, signed, limited(signed, size - 1))[1])


def test_switch_off_the_limit(whole: Path, signed: SignedLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Policy, "speaks_for", lambda self, key, origin, size: key in self.logs)
    assert not run(whole, signed, limited(signed, 3))[1]


@pytest.mark.parametrize("words", ["up-to", "up-to many", "until 3", "up-to -1"])
def test_a_limit_is_a_size(signed: SignedLedger, words: str) -> None:
    line = f"log {signed.ledger.log_key.verifier_key} {words}"
    assert fault_of(lambda: read_policy(signed.policy(line))) == "TS-3053"


def test_the_last_head_without_a_key_is_found(signed: SignedLedger) -> None:
    other = NoteKey(signed.ledger.log_key.name, KeyType.LOG, generate_ed25519_key().public.raw)
    with psycopg.connect(signed.ledger.dsn) as connection:
        size = parse_checkpoint(parse_note(newest_checkpoint(connection)).text).size
        assert last_without(connection, other) == size
        assert last_without(connection, signed.ledger.log_key) == 0
