"""Signed notes, against the worked examples of C2SP, and with lines of all sorts."""

import base64

import pytest
from outcomes import fault_code

from tallystick.crypto.keys import PublicKey, generate_ed25519_key
from tallystick.crypto.signatures import sign_ed25519, verify_ed25519
from tallystick.kernel.faults import Fault
from tallystick.wire.signed_note import (
    Checkpoint,
    KeyType,
    NoteKey,
    NoteSignature,
    SignedNote,
    cosign_note,
    parse_checkpoint,
    parse_note,
    parse_verifier_key,
    sign_note,
    verify_note,
    write_note,
)

PRIVATE = generate_ed25519_key()
WITNESS = generate_ed25519_key()
KEY = NoteKey("fdo.example/aq/demo", KeyType.LOG, PRIVATE.public.raw)
WITNESS_KEY = NoteKey("witness.example/one", KeyType.COSIGNATURE, WITNESS.public.raw)
TEXT = Checkpoint("fdo.example/aq/demo", 20_852_163, b"r" * 32).text

# The public key of the Go checksum database, as its clients have it built in (golang.org/ref/mod): its id is known.
SUM_GOLANG_KEY = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"


def check(public_key: bytes, message: bytes, signature: bytes) -> None:
    verify_ed25519(PublicKey.from_raw(public_key), message, signature)


def signed(*lines: NoteSignature, text: str = TEXT) -> SignedNote:
    return SignedNote(text, lines)


def log_line(text: str = TEXT) -> NoteSignature:
    return sign_note(text, KEY, lambda message: sign_ed25519(PRIVATE, message))


def witness_line(text: str = TEXT) -> NoteSignature:
    return cosign_note(text, WITNESS_KEY, 1_700_000_000, lambda message: sign_ed25519(WITNESS, message))


def test_key_id_of_a_known_log() -> None:
    key = parse_verifier_key(SUM_GOLANG_KEY)
    assert (key.name, key.key_id.hex(), key.verifier_key) == ("sum.golang.org", "033de0ae", SUM_GOLANG_KEY)


def test_a_note_has_three_lines_a_blank_one_and_signatures() -> None:
    note = write_note(signed(log_line()))
    lines = note.decode().split("\n")
    assert lines[:4] == ["fdo.example/aq/demo", "20852163", base64.b64encode(b"r" * 32).decode(), ""]
    assert lines[4].startswith("— fdo.example/aq/demo ")
    assert lines[5:] == [""]
    assert parse_note(note) == signed(log_line())
    assert parse_checkpoint(parse_note(note).text) == Checkpoint("fdo.example/aq/demo", 20_852_163, b"r" * 32)


def test_log_and_witness_are_checked_and_unknown_keys_ignored() -> None:
    stranger = NoteSignature("witness.example/two", b"abcd", b"not checked")
    same_name = NoteSignature(KEY.name, b"abcd", b"not checked")
    note = parse_note(write_note(signed(stranger, same_name, log_line(), witness_line())))
    assert verify_note(note, [KEY, WITNESS_KEY], check) == (KEY, WITNESS_KEY)
    assert verify_note(note, [KEY], check) == (KEY,)


@pytest.mark.parametrize(
    "note",
    [
        signed(NoteSignature("witness.example/two", b"abcd", b"x")),
        signed(log_line(), text=TEXT.replace("20852163", "20852164")),
        signed(log_line(), NoteSignature(WITNESS_KEY.name, WITNESS_KEY.key_id, b"short")),
        signed(log_line(), NoteSignature(WITNESS_KEY.name, WITNESS_KEY.key_id, witness_line().signature[8:])),
        signed(NoteSignature(KEY.name, KEY.key_id, log_line().signature[:-1] + b"!"), witness_line()),
    ],
    ids=["unknown only", "other text", "witness cut", "witness without time", "log's wrong beside a good one"],
)
def test_a_wrong_line_of_a_known_key_spoils_the_note(note: SignedNote) -> None:
    assert fault_code(lambda: verify_note(note, [KEY, WITNESS_KEY], check)) == "TS-1312"


def test_sixteen_signatures_and_more_are_read_but_not_hundreds() -> None:
    many = [NoteSignature(f"witness.example/{number}", b"abcd", b"x") for number in range(60)]
    assert len(parse_note(write_note(signed(log_line(), *many))).signatures) == 61
    assert fault_code(lambda: parse_note(write_note(signed(log_line(), *many, *many)))) == "TS-1220"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"text\n",
        b"text\n\n",
        b"\n\n\xe2\x80\x94 a YWJjZGU=\n",
        b"text\n\n\xe2\x80\x94 a YWJjZGU=",
        b"text\n\n\xe2\x80\x94 a YWJjZA==\n",
        b"text\n\n- a YWJjZGU=\n",
        b"text\n\n\xe2\x80\x94 a+b YWJjZGU=\n",
        b"text\n\n\xe2\x80\x94 a\xc2\xa0b YWJjZGU=\n",
        b"text\n\n\xe2\x80\x94 a YWJjZGV=\n",
        b"te\txt\n\n\xe2\x80\x94 a YWJjZGU=\n",
        b"te\xffxt\n\n\xe2\x80\x94 a YWJjZGU=\n",
        b"text\n" * 20_000,
    ],
)
def test_what_is_no_note_is_refused(data: bytes) -> None:
    assert fault_code(lambda: parse_note(data)) == "TS-1220"


@pytest.mark.parametrize(
    "text",
    ["", "a\n1\n", "a\n01\n" + "A" * 43 + "=\n", "a\n-1\n" + "A" * 43 + "=\n", "a\n1\nAAAA\n",
     "a\n1\n" + "A" * 43 + "=\nextension\n", "\n1\n" + "A" * 43 + "=\n", "a\n9999999999999999999\n" + "A" * 43 + "=\n"],
)  # fmt: skip
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    assert fault_code(lambda: parse_checkpoint(text)) == "TS-1220"


@pytest.mark.parametrize("text", ["", "a+b", SUM_GOLANG_KEY.replace("033d", "033e"), SUM_GOLANG_KEY[:-4]])
def test_what_is_no_verifier_key_is_refused(text: str) -> None:
    with pytest.raises(Fault, match="TS-1220"):
        parse_verifier_key(text)
