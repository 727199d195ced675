"""Media for tests: plain folders, media that break at a chosen write, a driver of the local audit without threads."""

from __future__ import annotations

import errno
import os
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cards import Country, country
from esdc_bench import UID, Bench, body, open_package, pack

from tallystick.device.esdc import medium as medium_module
from tallystick.device.esdc.audit_needs import DeviceNeed
from tallystick.device.esdc.device import Device
from tallystick.device.esdc.fiscalise import Order
from tallystick.device.esdc.local_audit import serve_medium
from tallystick.device.esdc.local_audit_needs import MediumNeed
from tallystick.device.esdc.local_audit_state import LocalAuditBoard, MediumState
from tallystick.device.esdc.medium import Medium
from tallystick.kit.atomic_file import sync_folder
from tallystick.wire.media_files import MediaKind, read_media_name
from tallystick.wire.taxcore_api import Command, CommandType, write_commands


def serve(
    device: Device, folder: Path, *, board: LocalAuditBoard | None = None, between: Callable[[Any], None] | None = None
) -> MediumState:
    """Serve a medium in this thread; ``between`` is called before each need, as a cashier would sell meanwhile."""
    conversation = serve_medium(folder.name, board or LocalAuditBoard(), device.clock)
    medium = Medium(folder)
    try:
        need = next(conversation)
        while True:
            if between is not None:
                between(need)
            try:
                if isinstance(need, MediumNeed):
                    answer: Any = need.on_medium(medium)
                else:
                    assert isinstance(need, DeviceNeed)
                    answer = device.serve(need.on)
            except Exception as error:
                need = conversation.throw(error)
            else:
                need = conversation.send(answer)
    except StopIteration as end:
        result: MediumState = end.value
        return result


def sell(bench: Bench, count: int = 1) -> None:
    """Sign invoices."""
    for _ in range(count):
        bench.clock.forward(seconds=1)
        bench.device.sell(Order(body=body()))


def names(folder: Path) -> list[str]:
    """Relative paths of all files, sorted."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def ordinals(folder: Path, uid: str = UID, home: Country | None = None) -> list[int]:
    """Ordinals of the packages in a card's folder; each file must open and hold the invoice of its name."""
    found = []
    for path in (folder / uid).iterdir():
        name = read_media_name(path.name)
        if name is not None and name.kind is MediaKind.PACKAGE:
            assert name.number is not None
            assert open_package(path.read_bytes(), home).result.number == name.number
            found.append(name.number.ordinal)
    return sorted(found)


class TornOut(Exception):
    """The medium is pulled, or the power fails: raised where nothing may catch it as an ordinary error."""


@contextmanager
def breaking_at(step: int, error: Callable[[], BaseException]) -> Iterator[list[str]]:
    """Let the ``step``-th call that changes a medium fail; the list tells which calls came."""
    calls: list[str] = []
    real_write, real_rename, real_sync = medium_module._write, Path.rename, sync_folder

    def point(name: str) -> None:
        calls.append(name)
        if len(calls) - 1 == step:
            raise error()

    def write(path: Path, content: bytes) -> None:
        if path.name.endswith(".tmp"):
            half = content[: len(content) // 2]
            path.write_bytes(half)
        point(f"write {path.name}")
        real_write(path, content)
        point(f"written {path.name}")

    def rename(self: Path, target: Path) -> Path:
        point(f"rename {self.name}")
        moved = real_rename(self, target)
        point(f"renamed {self.name}")
        return moved

    def sync(folder: Path) -> None:
        point("sync")
        real_sync(folder)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(medium_module, "_write", write)
        patch.setattr(Path, "rename", rename)
        patch.setattr(medium_module, "sync_folder", sync)
        yield calls


def no_space() -> OSError:
    """A full disk."""
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def pulled() -> OSError:
    """What the system says of a medium that was pulled."""
    return OSError(errno.EIO, os.strerror(errno.EIO))


ARP = f"{UID}/{UID}.arp"
RESULTS = f"{UID}/{UID}.results"


def tell(bench: Bench) -> None:
    """The authority has heard of everything so far."""
    setup = bench.device.require_card().store.setup
    for number, _ in setup.unreported():
        setup.note_reported(number)


def proof_command(bench: Bench, request: bytes, number: str = "3930CEEF-F637-444D-8295-F629D6E482D3") -> Command:
    """The authority's proof for a request."""
    home = country(pack().environment)
    proof = home.proof(home.audit_request(request))
    return Command(number, CommandType.FORWARD_PROOF_OF_AUDIT, b64encode(proof).decode(), UID)


def put_commands(medium: Path, *commands: Command, folder: str = UID, name: str = f"{UID}.commands") -> None:
    """A commands file as the portal gives it."""
    (medium / folder).mkdir(exist_ok=True)
    (medium / folder / name).write_bytes(write_commands(commands))
