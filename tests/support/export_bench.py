"""What tests of exports share: how to verify, how to spoil, and small parts."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from signed_ledger import SignedLedger

from tallystick.kernel.faults import Fault
from tallystick.verifier.breaks import Break, BreakCode
from tallystick.verifier.policy import read_policy
from tallystick.verifier.run import Outcome, verify

SALES = 90
SINCE = (datetime.now(UTC) - timedelta(days=8)).replace(hour=1)  # the first dozens of sales are of one day
REPOSITORY = Path(__file__).parents[2]


def small_parts_of(patch: pytest.MonkeyPatch) -> None:
    """Parts of 32 entries, so that a small ledger has borders."""
    patch.setattr("tallystick.authority.ledger.export.PART_ENTRIES", 32)
    patch.setattr("tallystick.wire.ledger_export.PART_ENTRIES", 32)


def run(
    folder: Path, signed: SignedLedger, *policy: str, kept: list[Path] | None = None, workers: int = 1
) -> tuple[Outcome, list[Break]]:
    """Verify; the outcome and all breaks."""
    found: list[Break] = []
    trusted = read_policy(signed.policy(*policy))
    return verify(folder, trusted, kept=kept, workers=workers, found=found.append), found


def codes(found: list[Break]) -> set[BreakCode]:
    """Kinds of breaks."""
    return {one.code for one in found}


def fault_of(call: Callable[[], object]) -> str:
    """The code that is raised."""
    with pytest.raises(Fault) as caught:
        call()
    return caught.value.code


def spoil(folder: Path, change: Callable[[list[dict[str, Any]]], None], part: int = 1) -> None:
    """Change the lines of a part, and make the manifest fit: an export that was made to lie."""
    manifest = json.loads((folder / "manifest.json").read_text())
    row = manifest["parts"][part]
    path = folder / row["name"]
    lines = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    change(lines)
    data = b"".join(json.dumps(line, separators=(",", ":"), ensure_ascii=False).encode() + b"\n" for line in lines)
    path.write_bytes(gzip.compress(data))
    row["bytes"], row["sha256"] = len(data), hashlib.sha256(path.read_bytes()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))


def entries(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The documents among the lines."""
    return [line for line in lines if "leaf" in line and '"kind":"1"' in line["record"]]
