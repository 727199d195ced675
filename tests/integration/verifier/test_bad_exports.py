"""Bad input to the verifier and the exporter: each has a code, nothing is believed, nothing is overwritten."""

from __future__ import annotations

import gzip
import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from export_bench import codes, fault_of, run
from signed_ledger import SignedLedger

from tallystick.authority.ledger.export import ExportScope, export_ledger
from tallystick.verifier.breaks import BreakCode
from tallystick.verifier.policy import read_policy
from tallystick.wire import ledger_export

# --- bad input --------------------------------------------------------------------------------------------------


def test_ts_3051_an_export_that_was_not_finished(copy: Path, signed: SignedLedger) -> None:
    (copy / "manifest.json").unlink()
    assert fault_of(lambda: run(copy, signed)) == "TS-3051"
    assert fault_of(lambda: run(copy / "nowhere", signed)) == "TS-3051"


@pytest.mark.parametrize("damage", ["cut", "garbage", "missing", "longer", "flipped"])
def test_ts_3051_a_damaged_part_is_named_and_the_rest_is_read(copy: Path, signed: SignedLedger, damage: str) -> None:
    path = sorted((copy / "parts").iterdir(), key=lambda one: int(one.name.split(".")[0]))[1]
    data = path.read_bytes()
    match damage:
        case "cut":
            path.write_bytes(data[: len(data) // 2])
        case "garbage":
            path.write_bytes(b"not gzip at all" * 99)
        case "missing":
            path.unlink()
        case "longer":
            path.write_bytes(data + b"\0")
        case "flipped":
            path.write_bytes(data[:5] + bytes([data[5] ^ 1]) + data[6:])
    outcome, found = run(copy, signed)
    assert BreakCode.DAMAGED in codes(found)
    assert outcome.damaged == 1
    assert outcome.tally["signatures"] > 40
    assert any("TS-3051" in one.detail for one in found)


def test_ts_3052_a_bomb_stops_at_its_bound(copy: Path, signed: SignedLedger) -> None:
    manifest = json.loads((copy / "manifest.json").read_text())
    row = manifest["parts"][1]
    bomb = gzip.compress(b" " * (64 * 1024 * 1024))
    (copy / row["name"]).write_bytes(bomb)
    row["sha256"], row["bytes"] = hashlib.sha256(bomb).hexdigest(), ledger_export.PART_BYTES_MAX
    (copy / "manifest.json").write_text(json.dumps(manifest))
    _, found = run(copy, signed)
    assert any("TS-3052" in one.detail for one in found), found


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[" * 5000, b"\xff\xfe", b'{"format":"tallystick-ledger-export","version":"2"}']
)
def test_ts_3050_a_manifest_that_is_none(copy: Path, signed: SignedLedger, content: bytes) -> None:
    (copy / "manifest.json").write_bytes(content)
    assert fault_of(lambda: run(copy, signed)) == "TS-3050"


@pytest.mark.parametrize(
    ("member", "value"),
    [("size", -1), ("first", 7), ("scope", "most"), ("size", 10**30), ("edge", ["AA=="]), ("origin", None)],
)
def test_ts_3050_impossible_numbers(copy: Path, signed: SignedLedger, member: str, value: object) -> None:
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest[member] = value
    (copy / "manifest.json").write_text(json.dumps(manifest))
    assert fault_of(lambda: run(copy, signed)) == "TS-3050"


def test_ts_3050_names_never_lead_out_of_the_folder(copy: Path, signed: SignedLedger) -> None:
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["parts"][1]["name"] = "parts/../../secret.jsonl.gz"
    (copy / "manifest.json").write_text(json.dumps(manifest))
    assert fault_of(lambda: run(copy, signed)) == "TS-3050"


def test_ts_3055_an_export_never_overwrites(whole: Path, signed: SignedLedger, database: str, tmp_path: Path) -> None:
    assert fault_of(lambda: export_ledger(signed.ledger.dsn, whole, ExportScope())) == "TS-3055"
    assert fault_of(lambda: export_ledger(database, tmp_path / "empty", ExportScope())) == "TS-3055"
    assert not (tmp_path / "empty").exists()


@pytest.mark.parametrize(
    "text",
    [
        "", "log", "log fdo+00000000+AAAA", "root nowhere.pem", "quorum court", "group g 2 court", "witness none x",
        "trust everybody", "\x00", "#" * 70_000,
    ],
)  # fmt: skip
def test_ts_3053_a_policy_that_is_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "policy.txt"
    path.write_text(text)
    assert fault_of(lambda: read_policy(path)) == "TS-3053"
    assert fault_of(lambda: read_policy(tmp_path / "nowhere")) == "TS-3053"


def test_the_command_answers_by_its_exit_status(copy: Path, signed: SignedLedger) -> None:
    command = [sys.executable, "-m", "tallystick", "verify", str(copy), "--policy", str(signed.policy()), "--json"]
    (copy / "manifest.json").rename(copy / "away")
    done = subprocess.run(command, capture_output=True, check=False, text=True)
    assert done.returncode == 3
    assert "TS-3051" in done.stderr
    assert "Traceback" not in done.stderr
