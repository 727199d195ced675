"""`tallystick worm`: a copy of a memory is verified and shown, with one sentence for whatever is wrong (S0-031)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from typer.testing import CliRunner
from worm_bench import DEVICE, NOW, UID, sell, sign

from tallystick.cli import app
from tallystick.crypto.keys import PrivateKey, ec_private, generate_p256_key
from tallystick.device.worm import Anchor, Note, NoteKind, open_memory
from tallystick.wire.worm import segment_name


@pytest.fixture
def sold(folder: Path) -> Path:
    """A memory with a day in it, and a cut."""
    memory = open_memory(folder, UID, NOW)
    memory.note(Note(kind=NoteKind.CLOCK_CHANGE, before_ms=0, text="by a signed answer"), NOW)
    sell(memory, 10)
    memory.seal(10, sign, NOW)
    memory.anchor(Anchor(seq=11, log_index=70, checkpoint=b"note"), NOW)
    memory.release()
    with (folder / segment_name(1)).open("ab") as segment:
        segment.write(b"\0\0\1")
    open_memory(folder, UID, NOW).release()
    return folder


def certificate_of(key: PrivateKey, file: Path) -> Path:
    name = x509.Name([x509.NameAttribute(NameOID.SERIAL_NUMBER, UID)])
    built = x509.CertificateBuilder(name, name, ec_private(key).public_key(), 7, NOW, NOW + timedelta(days=1))
    signed = built.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    file.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    return file


def run(*words: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["worm", *map(str, words)])
    return result.exit_code, result.output


def test_a_whole_memory_with_certificate_and_kept_seal(sold: Path, tmp_path: Path) -> None:
    certificate = certificate_of(DEVICE, tmp_path / "device.pem")
    assert run("show", sold, "--save-seal", tmp_path / "seal")[0] == 0
    status, text = run("verify", sold, "--certificate", certificate, "--seal", tmp_path / "seal")
    assert status == 0, text
    assert f"memory of {UID} (simulation): 14 records in 1 segments" in text
    assert "seals: 1, up to record 11; 2 records since; 2 signatures checked" in text
    assert "cuts after power cuts, each on record: 1" in text
    assert text.rstrip().endswith("whole")


def test_a_broken_one_names_the_first_and_all_breaks(sold: Path, tmp_path: Path) -> None:
    segment = sold / segment_name(1)
    data = segment.read_bytes()
    segment.write_bytes(data.replace(b"sale 3", b"sale 8").replace(b"sale 5", b"sale 1"))
    foreign = certificate_of(generate_p256_key(), tmp_path / "foreign.pem")
    status, text = run("verify", sold, "--certificate", foreign)
    assert status == 1
    assert [line.split()[0] for line in text.splitlines() if line.startswith("TSW")] == ["TSW-08", "TSW-08", "TSW-12"]
    assert "3 breaks, the first: TSW-08 record 5" in text


def test_no_memory_and_no_seal_are_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    code, told = run("verify", tmp_path / "empty")[:2]
    assert (code, told.splitlines()[-1]) == (3, "no fiscal memory is here")
    (tmp_path / "seal").write_bytes(b"no seal")
    status, text = run("verify", tmp_path / "empty", "--seal", tmp_path / "seal")
    assert (status, "TS-3203" in text) == (3, True)
    (tmp_path / "certificate").write_bytes(b"no certificate")
    status, text = run("verify", tmp_path / "empty", "--certificate", tmp_path / "certificate")
    assert (status, "TS-1102" in text) == (3, True)


def test_records_are_shown_and_taken_out(sold: Path) -> None:
    status, text = run("show", sold, "--from", 11, "--count", 9)
    assert status == 0
    assert [line.split()[2] for line in text.splitlines()[1:]] == ["document", "seal", "anchor", "cut"]
    assert "up to record 11, log index 70" in text
    assert run("show", sold, "--from", 3, "--raw") == (0, "sale 1")
    assert "clock-change" not in run("show", sold, "--from", 2)[1]
