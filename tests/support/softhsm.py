"""A SoftHSM token of this test process: one folder and one configuration, since the module reads it once."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

MODULES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so")
PIN = "482913"
_numbers = itertools.count(1)


def module_path() -> Path:
    """SoftHSM's PKCS#11 module; skips the test where it is not installed."""
    found = next((Path(path) for path in MODULES if Path(path).exists()), None)
    if found is None or shutil.which("softhsm2-util") is None:
        pytest.skip("SoftHSM is not installed (Debian: softhsm2)")
    return found


def configure(folder: Path) -> Path:
    """Write SoftHSM's configuration into a folder; returns the file for ``SOFTHSM2_CONF``."""
    tokens = folder / "tokens"
    tokens.mkdir(parents=True, exist_ok=True)
    file = folder / "softhsm2.conf"
    file.write_text(f"directories.tokendir = {tokens}\nobjectstore.backend = file\nlog.level = ERROR\n")
    return file


def make_token(configuration: Path, name: str) -> str:
    """Initialise a token; returns its label, which no other token of this test process has.

    The module keeps the configuration under which it was last started, so a second token of the same label would be
    taken for the first one.
    """
    label = f"{name}-{next(_numbers)}"
    subprocess.run(
        ["softhsm2-util", "--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", PIN],
        check=True,
        capture_output=True,
        env={**os.environ, "SOFTHSM2_CONF": str(configuration)},
    )
    return label


_process_configuration: list[Path] = []


def process_configuration() -> Path:
    """The configuration of this process, set in its environment before the module is loaded."""
    if not _process_configuration:
        file = configure(Path(tempfile.mkdtemp(prefix="tallystick-softhsm-")))
        os.environ["SOFTHSM2_CONF"] = str(file)
        _process_configuration.append(file)
    return _process_configuration[0]
