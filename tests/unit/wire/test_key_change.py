"""The statement by which one key of the authority follows another, and the trust that leads along them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.crypto.keys import PrivateKey, generate_ed25519_key, generate_rsa_key
from tallystick.crypto.signatures import sign_ed25519
from tallystick.kernel.faults import Fault
from tallystick.ops.authority_keys import check_note
from tallystick.wire.key_change import (
    KeyChange,
    NamedKey,
    accepted_log_keys,
    note_key,
    parse_key_change,
    write_key_change,
)
from tallystick.wire.signed_note import NoteKey, Sign, parse_checkpoint, parse_note

ORIGIN = "fdo.example/aq/demo"
FIRST, SECOND, THIRD, STRANGER = (generate_ed25519_key() for _ in range(4))
PROOF = generate_rsa_key()


def signer(key: PrivateKey) -> tuple[NoteKey, Sign]:
    return note_key(ORIGIN, key.public.spki), lambda message: sign_ed25519(key, message)


def change(old: PrivateKey | None, new: PrivateKey, since: int, *, series: str = "log") -> KeyChange:
    before = None if old is None else NamedKey("before", old.public.spki)
    return KeyChange(
        origin=ORIGIN,
        series=series,
        old=before,
        new=NamedKey("after", new.public.spki),
        since_ms=since,
        until_ms=since + 90,
    )


def note(of: KeyChange, *signers: PrivateKey) -> bytes:
    return write_key_change(of, [signer(key) for key in signers])


START = note(change(None, FIRST, 0), FIRST)
TO_SECOND = note(change(FIRST, SECOND, 100), FIRST, SECOND)
TO_THIRD = note(change(SECOND, THIRD, 300), SECOND, THIRD)
OF_PROOFS = note(change(None, PROOF, 0, series="poa"), FIRST)


def test_a_reader_with_the_first_key_gets_all_of_them() -> None:
    first = note_key(ORIGIN, FIRST.public.spki)
    accepted = accepted_log_keys(first, [START, OF_PROOFS, TO_SECOND, TO_THIRD], check_note)
    assert [key.key.public_key for key in accepted] == [key.public.raw for key in (FIRST, SECOND, THIRD)]
    assert [(key.since_ms, key.until_ms) for key in accepted] == [(0, 190), (100, 390), (300, None)]


@pytest.mark.parametrize(
    "notes",
    [
        pytest.param([note(change(FIRST, STRANGER, 100), STRANGER)], id="the old key does not vouch"),
        pytest.param([note(change(FIRST, SECOND, 100), FIRST)], id="the new key is not held"),
        pytest.param([TO_THIRD], id="a link lacks"),
        pytest.param([note(change(SECOND, THIRD, 300), FIRST, THIRD)], id="it names another old key"),
        pytest.param([TO_SECOND, TO_SECOND], id="twice"),
        pytest.param([TO_SECOND.replace(b"until 190", b"until 999")], id="changed"),
    ],
)
def test_a_statement_that_does_not_lead_on_is_refused(notes: list[bytes]) -> None:
    with pytest.raises(Fault, match="TS-1312"):
        accepted_log_keys(note_key(ORIGIN, FIRST.public.spki), notes, check_note)


def test_a_statement_is_never_a_checkpoint_nor_a_checkpoint_a_statement() -> None:
    with pytest.raises(Fault, match="TS-1220"):
        parse_checkpoint(parse_note(TO_SECOND).text)
    with pytest.raises(Fault, match="TS-1220"):
        parse_key_change(f"{ORIGIN}\n5\nKSK1E9KMhEO83Tpyy31rK/FTV/tKMC9dqthDRh8xtJg=\n")


@given(st.integers(0, 2**50), st.sampled_from(["log", "poa", "package"]))
def test_there_and_back(since: int, series: str) -> None:
    for old in (None, FIRST):
        made = change(old, PROOF, since, series=series)
        assert parse_key_change(made.text) == made


@given(st.text(max_size=300) | st.just(change(FIRST, SECOND, 5).text).map(lambda text: text.replace("since", " ")))
def test_any_text_is_a_statement_or_a_coded_fault(text: str) -> None:
    with pytest.raises(Fault, match="TS-1220"):
        parse_key_change(text)


def test_a_key_that_is_not_ed25519_is_no_key_of_a_log() -> None:
    with pytest.raises(Fault, match="TS-1220"):
        note_key(ORIGIN, PROOF.public.spki)
