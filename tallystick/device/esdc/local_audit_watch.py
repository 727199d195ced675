"""Sees media come and go, and serves each that comes: the trigger of the local audit (S2-088, S2-096).

A medium is a folder: one that the settings name, or one that appears where a pattern such as ``/media/*`` leads. It is
served when it appears, and again when a card or its PIN came for which something waited. The button of an E-SDC without
a slot for media is a file beside its card (`local_audit_button`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Iterator
from glob import glob
from pathlib import Path
from typing import Any, TypeVar

import attrs

from tallystick.device.esdc import local_audit_button as button
from tallystick.device.esdc.activity import Doing
from tallystick.device.esdc.audit_needs import DeviceNeed
from tallystick.device.esdc.conversation import Conversation, Need
from tallystick.device.esdc.database import StoreBroken
from tallystick.device.esdc.device import Device
from tallystick.device.esdc.device_log import Kind
from tallystick.device.esdc.esdc import Esdc
from tallystick.device.esdc.local_audit import serve_medium
from tallystick.device.esdc.local_audit_needs import MediumNeed
from tallystick.device.esdc.local_audit_state import LocalAuditBoard, MediumState, Trouble
from tallystick.device.esdc.medium import Medium
from tallystick.kernel.faults import PosFault

log = logging.getLogger(__name__)
T = TypeVar("T")

LOOK_SECONDS = 1.0
_WAITED_FOR = frozenset({Trouble.PIN, Trouble.NO_CARD})


@attrs.frozen(slots=True)
class Insertion:
    """A folder as it is now: another medium at the same place is another insertion."""

    path: str
    device: int
    folder: int


@attrs.frozen(slots=True)
class Readiness:
    """What may let a medium that was served get further: another card, or the PIN."""

    insertion: int
    pin: bool


def media_in(patterns: Iterable[str]) -> Iterator[Insertion]:
    """The media that are in. A pattern's hidden folders and files are none."""
    for pattern in patterns:
        for path in sorted(glob(pattern)):  # noqa: PTH207  # a setting may be absolute
            try:
                found = Path(path).stat()
                if Path(path).is_dir():
                    yield Insertion(path, found.st_dev, found.st_ino)
            except OSError:
                continue


class LocalAuditWatch:
    """Serves media for one slot until it is stopped."""

    def __init__(self, esdc: Esdc, board: LocalAuditBoard, patterns: Iterable[str], button_folder: Path | None) -> None:
        self._esdc = esdc
        self.board = board
        self._patterns = tuple(patterns)
        self._button_folder = button_folder
        self._served: dict[Insertion, tuple[Readiness, Trouble]] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._run(), name=f"local-audit-{self._esdc.slot.name}")

    async def stop(self) -> None:
        """End between two needs; a medium that is in is served again after the next start."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def serve(self, folder: Path) -> MediumState:
        """Serve a medium now, as the button does; raises ``StoreBroken``."""
        name, device = folder.name or str(folder), self._esdc.device
        with device.activity.of(Doing.MEDIUM):
            state = await self._drive(serve_medium(name, self.board, device.clock), Medium(folder))
        self._note(state)
        return state

    def _note(self, state: MediumState) -> None:
        """The device's log says how it ended (S2-142)."""
        done = f"medium {state.medium}: {state.copied} packages copied, {state.there} there already, of {state.total}"
        if state.trouble:
            self._esdc.device.log.error(Kind.AUDIT, f"{done}; {state.trouble}")
        else:
            self._esdc.device.log.event(Kind.AUDIT, done)

    async def _run(self) -> None:
        while True:
            try:
                await self._look()
                await self._answer_button()
            except StoreBroken:
                return
            except Exception:
                log.exception("the local audit failed for a reason of our own")
            await asyncio.sleep(LOOK_SECONDS)

    async def _look(self) -> None:
        if not self._patterns:
            return
        present = await asyncio.to_thread(lambda: list(media_in(self._patterns)))
        for gone in self._served.keys() - set(present):
            del self._served[gone]
            log.info("medium %s was taken out", gone.path)
        for medium in present:
            ready = await self._esdc.work(lambda: readiness(self._esdc.device))
            if self._is_due(medium, ready):
                state = await self.serve(Path(medium.path))
                self._served[medium] = (ready, state.trouble)

    def _is_due(self, medium: Insertion, ready: Readiness) -> bool:
        """Once an insertion, and once more when card or PIN changed after something had waited for them."""
        if medium not in self._served:
            return True
        before, trouble = self._served[medium]
        return before != ready and (trouble in _WAITED_FOR or before.insertion != ready.insertion > 0)

    async def _answer_button(self) -> None:
        if self._button_folder is None:
            return
        pressed = await asyncio.to_thread(button.take, self._button_folder)
        if pressed is None:
            return
        folder = self._button_folder
        self.board.listen(reporter := button.Reporter(folder, pressed))
        try:
            reporter.end(await self.serve(Path(pressed.medium)))
        finally:
            self.board.leave(reporter)

    async def _drive(self, conversation: Conversation[T], medium: Medium) -> T:
        try:
            need = next(conversation)
            while True:
                try:
                    answer = await self._answer(need, medium)
                except Exception as error:
                    need = conversation.throw(error)
                else:
                    need = conversation.send(answer)
        except StopIteration as end:
            result: T = end.value
            return result

    async def _answer(self, need: Need[Any], medium: Medium) -> Any:
        if isinstance(need, MediumNeed):
            return await asyncio.to_thread(need.on_medium, medium)
        assert isinstance(need, DeviceNeed)
        return await self._esdc.work(lambda: self._esdc.device.serve(need.on))


def readiness(device: Device) -> Readiness:
    """Which card is in, and whether it has its PIN; runs in the device's thread."""
    try:
        session = device.refresh()
    except PosFault:
        session = None
    return Readiness(session.insertion, session.pin_verified) if session else Readiness(0, pin=False)
