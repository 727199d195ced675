"""`tallystick worm`: look into a copy of a register's fiscal memory, and verify it, without network and database."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tallystick.crypto.certificates import DeviceCertificate
    from tallystick.device.worm.breaks import DumpOutcome

app = typer.Typer(help="Fiscal memories of registers: verify and show a copy.", no_args_is_help=True)
WHOLE, BROKEN, UNREADABLE = 0, 1, 3

Folder = Annotated[
    Path, typer.Argument(help="The folder of the memory, or a copy of it.", exists=True, file_okay=False)
]


@app.command()
def verify(
    folder: Folder,
    certificate: Annotated[
        list[Path] | None, typer.Option(help="A certificate of the device (PEM or DER); may be given several times.")
    ] = None,
    seal: Annotated[
        list[Path] | None, typer.Option(help="A seal that was kept elsewhere (`worm show --save-seal`); several times.")
    ] = None,
) -> None:
    """Check chain, segments, seals, counter and cuts; names every break. 0 whole, 1 broken, 3 unreadable or none."""
    from rich.console import Console
    from rich.progress import Progress

    from tallystick.device.worm.disk import FolderSource
    from tallystick.device.worm.dump import verify_dump
    from tallystick.kernel.faults import Fault
    from tallystick.wire.worm_contents import read_seal

    first: list[str] = []

    def found(one: object) -> None:
        if not first:
            first.append(str(one))
        typer.echo(str(one))

    try:
        certificates = [one for file in certificate or [] for one in _certificates(file)]
        kept = [read_seal(file.read_bytes()) for file in seal or []]
        with Progress(console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task("bytes", total=None)
            outcome = verify_dump(
                FolderSource(folder),
                found=found,
                certificates=certificates,
                kept=kept,
                progress=lambda done, total: progress.update(task, completed=done, total=total),
            )
    except (Fault, OSError) as error:
        typer.echo(f"tallystick: {error}", err=True)
        sys.exit(UNREADABLE)
    for line in _summary(outcome, first, has_certificate=bool(certificates)):
        typer.echo(line)
    if outcome.is_empty and outcome.counter is None:
        sys.exit(UNREADABLE)
    sys.exit(BROKEN if outcome.breaks else WHOLE)


@app.command()
def show(
    folder: Folder,
    from_: Annotated[int, typer.Option("--from", min=1, help="The first record.")] = 1,
    count: Annotated[int, typer.Option(min=1, help="How many records.")] = 50,
    raw: Annotated[bool, typer.Option(help="Print the bytes of the first of them, and nothing else.")] = False,
    save_seal: Annotated[Path | None, typer.Option(help="Write the last seal of the memory into this file.")] = None,
) -> None:
    """Print records of a memory, each checked to follow the one before, or keep its last seal."""
    from tallystick.device.worm.disk import FolderSource
    from tallystick.device.worm.reading import ReadOnlyMemory
    from tallystick.kit.atomic_file import write_atomically

    memory = ReadOnlyMemory(FolderSource(folder))
    if save_seal is not None:
        write_atomically(save_seal, memory.last_seal(), mode=0o644)
        typer.echo(f"{save_seal}: the last seal, 124 bytes")
        return
    if raw:
        sys.stdout.buffer.write(memory.read(from_).data)
        return
    typer.echo(memory.heading())
    for line in memory.lines(from_, count):
        typer.echo(line)


def _certificates(file: Path) -> Iterator["DeviceCertificate"]:
    from tallystick.crypto.certificates import certificates_of, read_device_certificate

    content = file.read_bytes()
    for der in certificates_of(content) if b"-----BEGIN" in content else [content]:
        yield read_device_certificate(der)


def _summary(outcome: "DumpOutcome", first: list[str], *, has_certificate: bool) -> Iterator[str]:
    kind = "simulation" if outcome.is_simulation else "hardware"
    uid = outcome.uid or "an unknown device"
    yield f"memory of {uid} ({kind}): {outcome.records:,} records in {outcome.segments} segments"
    counted = "no counter beside it" if outcome.counter is None else f"counter {outcome.counter}"
    state = "closed" if outcome.closed else "open"
    yield f"head: record {outcome.seq}, {outcome.link.hex() or '-'}; {counted}; {state}"
    checked = (
        f"{outcome.seals_checked} signatures checked" if has_certificate else "signatures not checked: no certificate"
    )
    yield f"seals: {outcome.seals}, up to record {outcome.sealed_up_to}; {outcome.unsealed} records since; {checked}"
    if outcome.cuts:
        yield f"cuts after power cuts, each on record: {outcome.cuts}"
    if outcome.is_empty and outcome.counter is None:
        yield "no fiscal memory is here"
        return
    yield "whole" if not outcome.breaks else f"{outcome.breaks} breaks, the first: {first[0]}"
