"""`tallystick device`: remote control of registers, and the log of everything that was done to one and by it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tallystick.kernel.device_commands import Wanted
    from tallystick.ops.device_desk import DeviceDesk

app = typer.Typer(help="Registers from afar: hold, policy, rates, resend, firmware; their log.", no_args_is_help=True)
_MANY = "taxpayer:TIN, maker:NAME or build:ID for many, which another officer must approve"
Target = Annotated[str, typer.Argument(help=f"Number of the device; or {_MANY}.")]
Uid = Annotated[str, typer.Argument(help="Number of the device: eight upper-case letters or digits.")]
Username = Annotated[str, typer.Option("--user", help="User name of the officer, or of the taxpayer.")]
Reason = Annotated[str, typer.Option(help="Why; 10 to 1,000 characters. The device is not told.")]
_FORMATS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M"]


@app.command()
def hold(target: Target, user: Username, reason: Reason) -> None:
    """Let a device sell no more until it is released: at the authority at once, at the till when it next calls."""
    from tallystick.kernel.device_commands import Hold

    _give(target, Hold(), user, reason)


@app.command()
def release(target: Target, user: Username, reason: Reason) -> None:
    """Let it sell again."""
    from tallystick.kernel.device_commands import Release

    _give(target, Release(), user, reason)


@app.command()
def policy(
    target: Target,
    user: Username,
    reason: Reason,
    offline_hours: Annotated[int | None, typer.Option(help="Hours without contact.")] = None,
    rolling_hours: Annotated[int | None, typer.Option(help="Hours without contact within the rolling days.")] = None,
    rolling_days: Annotated[int | None, typer.Option(help="Length of the rolling limit.")] = None,
    shift_hours: Annotated[int | None, typer.Option(help="Longest shift.")] = None,
    receipt_text: Annotated[str | None, typer.Option(help="Text on every receipt; empty takes it away.")] = None,
) -> None:
    """Change limits and texts of a device; what is left out stays. Never more than the country gives."""
    from tallystick.kernel.device_commands import PolicyChange

    with _faults():
        wanted = PolicyChange(
            offline_hours=offline_hours,
            rolling_hours=rolling_hours,
            rolling_days=rolling_days,
            shift_hours=shift_hours,
            receipt_text=receipt_text,
        )
    _give(target, wanted, user, reason)


@app.command()
def rates(
    target: Target,
    group: Annotated[int, typer.Option(help="Number of a published rate group.")],
    user: Username,
    reason: Reason,
) -> None:
    """Tell a rate group ahead of its validity."""
    with _desk() as desk:
        wanted = desk.rates(group)
    _give(target, wanted, user, reason)


@app.command()
def resend(
    uid: Uid,
    first: Annotated[int, typer.Option("--from", help="Place of the device's sequence.")],
    user: Username,
    reason: Reason,
) -> None:
    """Have every document from a place on sent again; what is booked gets its first answer."""
    from tallystick.kernel.device_commands import Resend

    with _faults():
        wanted = Resend(first=first)
    _give(uid, wanted, user, reason)


@app.command()
def firmware(
    target: Target,
    build: Annotated[str, typer.Option(help="Id of the certified build.")],
    by: Annotated[datetime, typer.Option("--by", formats=_FORMATS, help="Installed by then, UTC.")],
    user: Username,
    reason: Reason,
) -> None:
    """Tell that a build shall be installed by a date."""
    from datetime import UTC

    from tallystick.kernel.device_commands import FirmwareNotice
    from tallystick.kernel.instants import unix_ms

    with _faults():
        wanted = FirmwareNotice(build=build, install_by_ms=unix_ms(by.replace(tzinfo=UTC)))
    _give(target, wanted, user, reason)


@app.command()
def log(
    uid: Uid,
    after: Annotated[str, typer.Option(help="Cursor: go on behind an earlier page.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=500, help="How many, oldest first.")] = 100,
    sales: Annotated[bool, typer.Option("--sales", help="With every sale, return and correction.")] = False,
) -> None:
    """Print what was done to a device and by it. That you have read it is an act in the log."""
    with _desk() as desk:
        found = desk.log(uid, after, limit, has_sales=sales)
    for one in found.entries:
        said = "  ".join(f"{name} {value}" for name, value in one.for_people.items())
        typer.echo(f"{one.at:%Y-%m-%d %H:%M:%S}  {one.what:<24}  {said}")
    typer.echo(f"go on with --after {found.after}" + (" (more waits)" if found.has_more else ""))


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="What `GET /ecr/v1/commands` answered.")],
    root: Annotated[Path, typer.Option(help="The national root's certificate (PEM).")],
    uid: Annotated[str, typer.Option(help="Number of the device that asked.")],
    origin: Annotated[str, typer.Option(help="The environment: `audience` of `GET /ecr/v1/device`.")],
    arc: Annotated[str, typer.Option(help="The operator's arc, if it is not the one for documentation.")] = "",
) -> None:
    """Check commands as a device must before it carries them out, with nothing but the root; for makers of tills."""
    from tallystick.ops.command_check import believe
    from tallystick.ops.processes.context import system_clock

    with _faults():
        for read in believe(file.read_bytes(), root.read_bytes(), arc, uid, origin, system_clock()):
            command = read.command
            typer.echo(f"command {command.number}: {command.wanted}, SHA-256 {read.command_hash.hex()}")


def _give(target: str, wanted: Wanted, user: str, reason: str) -> None:
    from tallystick.authority.reference.remote.ports import Selection

    selection, colon, name = target.partition(":")
    if colon and selection not in tuple(Selection):
        raise typer.BadParameter(f"a device, or {_MANY}", param_hint="TARGET")
    with _desk() as desk:
        if colon:
            number, devices = desk.ask_for_many(user, Selection(selection), name, wanted, reason)
            typer.echo(f"request {number}: {wanted.kind} for {devices} devices; another officer approves it")
            return
        given = desk.give(user, target, wanted, reason)
    typer.echo(f"command {given.number} to {given.uid}: {given.kind}, until {given.expires_at:%Y-%m-%d %H:%M} UTC")


@contextmanager
def _desk() -> Iterator[DeviceDesk]:
    """The desk of this shell."""
    from tallystick.ops.device_desk import open_devices
    from tallystick.ops.processes.context import system_clock
    from tallystick.ops.settings import load_settings

    with _faults(), open_devices(load_settings(), system_clock) as desk:
        yield desk


@contextmanager
def _faults() -> Iterator[None]:
    """What is refused is one sentence with its code."""
    from tallystick.kernel.fault_catalogue import CATALOGUE
    from tallystick.kernel.faults import Fault

    try:
        yield
    except Fault as fault:
        sys.exit(f"tallystick: {fault.code}: {CATALOGUE[fault.code].title}: {fault.detail}")
