"""One program works with a register's folder at a time."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from tallystick.kernel.faults import Fault

FILE = "register.lock"


def take_lock(folder: Path) -> int:
    """Hold the folder until the handle is closed; raises ``TS-3258`` where another program has it."""
    handle = os.open(folder / FILE, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise Fault("TS-3258", detail="another program works with this register") from None
    return handle
