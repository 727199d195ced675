"""What a reader makes of bytes: a value, or the code of its fault. Anything else is an error of the reader."""

from __future__ import annotations

from collections.abc import Callable

from tallystick.kernel.faults import Fault


def fault_code(read: Callable[[], object]) -> str | None:
    """The code of the fault that `read` raises, `None` when it gives a value; other exceptions pass through."""
    try:
        read()
    except Fault as fault:
        return fault.code
    return None
