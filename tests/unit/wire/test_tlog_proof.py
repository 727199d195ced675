"""Proof files: the form of c2sp.org/tlog-proof@v1."""

import pytest
from outcomes import fault_code

from tallystick.wire.signed_note import Checkpoint, NoteSignature, SignedNote
from tallystick.wire.tlog_proof import TlogProof, read_proof, write_proof

NOTE = SignedNote(Checkpoint("log.example", 9, b"r" * 32).text, (NoteSignature("log.example", b"abcd", b"s"),))
PROOF = TlogProof(5, (b"a" * 32, b"b" * 32), NOTE, b"context")


def test_lines_stand_in_their_order() -> None:
    lines = write_proof(PROOF).decode().split("\n")
    assert lines[:3] == ["c2sp.org/tlog-proof@v1", "extra Y29udGV4dA==", "index 5"]
    assert [len(line) for line in lines[3:6]] == [44, 44, 0]
    assert lines[6:8] == ["log.example", "9"]


@pytest.mark.parametrize("proof", [PROOF, TlogProof(0, (), NOTE), TlogProof(2**62, (b"x" * 32,), NOTE)])
def test_what_is_written_is_read(proof: TlogProof) -> None:
    assert read_proof(write_proof(proof)) == proof


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"@v1", b"@v2"),
        (b"index 5", b"index 05"),
        (b"index 5\n", b""),
        (b"extra Y29udGV4dA==", b"extra Y29udGV4dA"),
        (b"extra Y29udGV4dA==", b"extra "),
        (b"\n\n", b"\n"),
        (b"YWFh", b"YWF"),
        (b"\xe2\x80\x94", b"-"),
    ],
)
def test_what_is_no_proof_is_refused(old: bytes, new: bytes) -> None:
    assert fault_code(lambda: read_proof(write_proof(PROOF).replace(old, new, 1))) == "TS-1220"


def test_a_proof_that_is_too_large_is_refused() -> None:
    assert fault_code(lambda: read_proof(write_proof(TlogProof(0, (b"a" * 32,) * 64, NOTE)))) == "TS-1220"
    assert fault_code(lambda: read_proof(b"c2sp.org/tlog-proof@v1\n" + b"A" * 200_000)) == "TS-1220"
