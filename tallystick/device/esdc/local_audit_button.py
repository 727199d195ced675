"""The button of a software E-SDC: `tallystick esdc export` asks the running device through two files beside its card.

The request names a folder, the device takes it, serves the folder as a medium, and writes how far it is until the end.
Files, because they need no port, no socket and no rights but those on the card's own folder.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from pathlib import Path

import attrs
import msgspec

from tallystick.device.esdc.local_audit_state import MediumState
from tallystick.kit.atomic_file import write_atomically

_REQUEST = "export-request"
_STATE = "export-state"
_LOOK_SECONDS = 0.1
_WRITE_SECONDS = 0.25
_STANDSTILL_SECONDS = 120.0


class NobodyThere(Exception):
    """No device took the request."""


class Pressed(msgspec.Struct, frozen=True):
    """A request: its number, and the folder that is to be served."""

    number: str
    medium: str


class Shown(msgspec.Struct, frozen=True):
    """How far the device is with a request."""

    number: str
    ended: bool
    state: dict[str, str | int | bool]


def take(folder: Path) -> Pressed | None:
    """The request that waits, which is gone afterwards; what cannot be read is thrown away."""
    file = folder / _REQUEST
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return None
    file.unlink(missing_ok=True)
    try:
        return msgspec.json.decode(content, type=Pressed)
    except msgspec.DecodeError:
        return None


class Reporter:
    """Writes the states of one request, at most four a second; a listener of the board."""

    def __init__(self, folder: Path, pressed: Pressed) -> None:
        self._folder = folder
        self._number = pressed.number
        self._next = 0.0

    def __call__(self, state: MediumState) -> None:
        """A change."""
        if not state.is_at_its_end and time.monotonic() >= self._next:
            self._next = time.monotonic() + _WRITE_SECONDS
            self._write(state, ended=False)

    def end(self, state: MediumState) -> None:
        """The last one."""
        self._write(state, ended=True)

    def _write(self, state: MediumState, *, ended: bool) -> None:
        shown = Shown(self._number, ended, attrs.asdict(state))
        write_atomically(self._folder / _STATE, msgspec.json.encode(shown), durable=False)


def press(
    folder: Path, medium: Path, show: Callable[[dict[str, str | int | bool]], None], patience_seconds: float = 10
) -> dict[str, str | int | bool]:
    """Ask the device whose card lies in ``folder``, show each state, give the last one; raises ``NobodyThere``."""
    pressed = Pressed(uuid.uuid4().hex, str(medium.resolve()))
    write_atomically(folder / _REQUEST, msgspec.json.encode(pressed), durable=False)
    until, before = time.monotonic() + patience_seconds, None
    while time.monotonic() < until:
        shown = _shown(folder)
        if shown is not None and shown.number == pressed.number and shown != before:
            show(shown.state)
            if shown.ended:
                return shown.state
            until, before = time.monotonic() + _STANDSTILL_SECONDS, shown
        time.sleep(_LOOK_SECONDS)
    (folder / _REQUEST).unlink(missing_ok=True)
    if before is not None:
        raise NobodyThere("the E-SDC has stopped in the middle; start it, and press again")
    raise NobodyThere(f"no E-SDC works with the card in {folder}: start `tallystick esdc run` first")


def _shown(folder: Path) -> Shown | None:
    try:
        return msgspec.json.decode((folder / _STATE).read_bytes(), type=Shown)
    except (FileNotFoundError, msgspec.DecodeError):
        return None
