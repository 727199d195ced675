"""What the operating system knows of its clock: whether something keeps it right, and how wrong it may be (Linux)."""

from __future__ import annotations

import ctypes
import sys

_TIME_ERROR = 5
_STATUS_UNSYNCHRONISED = 0x40
_MICROSECONDS = 1_000_000


class _Timex(ctypes.Structure):
    """``struct timex`` of adjtimex(2), as far as it is read; the rest is room for what the kernel writes."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


def is_synchronised(within_seconds: float) -> bool:
    """Whether a time service disciplines the clock and its largest error is below ``within_seconds``.

    False where nothing can be learned. Reading needs no right and changes nothing.
    """
    if sys.platform != "linux":
        return False
    read = _Timex()
    state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(read))
    if state < 0 or state == _TIME_ERROR or read.status & _STATUS_UNSYNCHRONISED:
        return False
    return bool(read.maxerror < within_seconds * _MICROSECONDS)
