"""Uploads through the authority's real processes: the worker judges what was stored, through every death of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.mark.soak
@pytest.mark.timeout(180)
def test_s2_099_a_worker_that_is_killed_loses_and_doubles_nothing() -> None:
    """Stored before it is judged: killed in the middle, the next worker goes on, and each invoice is booked once."""
    done = subprocess.run(
        [sys.executable, str(REPOSITORY / "tests/support/killed_worker.py")],
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
