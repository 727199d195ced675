"""`tallystick receipt print`, as a POS maker runs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import zxingcpp
from PIL import Image
from receipt_printer import print_stream
from receipt_values import answer
from typer.testing import CliRunner

from tallystick.cli import app


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tallystick", "receipt", "print", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    file = tmp_path / "answer.json"
    file.write_bytes(answer())
    return file


@pytest.mark.parametrize("paper", ["58", "80"])
def test_a_stream_with_both_codes(saved: Path, tmp_path: Path, paper: str) -> None:
    out = tmp_path / "receipt.bin"
    done = run(str(saved), "--paper", paper, "--form", "escpos", "--codes", "both", "--out", str(out))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    picture = print_stream(out.read_bytes(), {"58": 384, "80": 576}[paper]).picture
    found = zxingcpp.read_barcodes(Image.fromarray(picture))
    assert sorted(code.text.partition("/")[0] for code in found) == ["HTTPS:", "https:"]


def test_a_pdf_with_the_long_code_alone_unless_asked_otherwise(saved: Path, tmp_path: Path) -> None:
    out = tmp_path / "receipt.pdf"
    assert run(str(saved), "--paper", "58", "--out", str(out)).returncode == 0
    pdf = out.read_bytes()
    assert pdf.startswith(b"%PDF-")
    assert b"HTTPS://" not in pdf


@pytest.mark.parametrize(
    ("content", "more", "words"),
    [
        (b"{", [], "TS-1210"),
        (b"{}", [], "TS-1220"),
        (answer(journal=False), [], "TS-4020"),
        (answer(), ["--form", "escpos", "--profile", "nothing"], "no printer profile nothing"),
    ],
)
def test_what_cannot_be_printed_is_one_sentence_and_leaves_no_file(
    tmp_path: Path, content: bytes, more: list[str], words: str
) -> None:
    (tmp_path / "answer.json").write_bytes(content)
    out = tmp_path / "receipt"
    done = CliRunner().invoke(app, ["receipt", "print", str(tmp_path / "answer.json"), "--out", str(out), *more])
    assert done.exit_code == 1
    assert done.output.startswith("tallystick: ") or str(done.exception).startswith("tallystick: ")
    assert words in f"{done.output}{done.exception}"
    assert not out.exists()
