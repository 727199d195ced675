"""`tallystick ledger`: the ledger's own check, its export, and the drill of the tamper catalogue."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tallystick.authority.ledger.export import ExportScope
    from tallystick.crypto.pki import DemoPki
    from tallystick.ops.settings import Settings
    from tallystick.ops.state_folder import StateFolder

app = typer.Typer(help="Check and export the ledger, say who watches it, tamper with copies.", no_args_is_help=True)


@app.command()
def verify() -> None:
    """Check bodies, records, five sequences, tree, checkpoints and the mirror; exit code 1 when they contradict."""
    from rich.console import Console
    from rich.progress import Progress

    from tallystick.ops.database import open_database
    from tallystick.ops.self_check import check_ledger

    settings, state, pki = _country()
    with open_database(settings, state) as dsn, Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("entries", total=None)
        findings = check_ledger(
            dsn,
            settings,
            state,
            pki.public_key("log"),
            lambda done, total: progress.update(task, completed=done, total=total),
        )
    for found in findings:
        typer.echo(str(found))
    if findings:
        sys.exit(f"the ledger is not whole: {len(findings)} findings")
    typer.echo("the ledger is whole")


def _country() -> "tuple[Settings, StateFolder, DemoPki]":
    """Settings, state and keys of the country that the settings mean."""
    import msgspec

    from tallystick.ops.pki_folder import pki_of
    from tallystick.ops.settings import load_settings
    from tallystick.ops.state_folder import StateFolder

    settings = load_settings()
    if not settings.database_url:  # the embedded server is the demonstration's
        settings = msgspec.structs.replace(settings, timing="demo")
    state = StateFolder.of(settings.state)
    return settings, state, pki_of(settings, state)


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(help="The folder to write; it must not exist.")],
    first: Annotated[int, typer.Option("--from", min=0, help="Leave out entries before the part of this one.")] = 0,
    taxpayer: Annotated[str, typer.Option(help="Only the documents of this TIN.")] = "",
    device: Annotated[str, typer.Option(help="Only the documents of this device: UID, or UID-UID.")] = "",
    day: Annotated[str, typer.Option(help="Only the documents of this day, such as 2026-11-27.")] = "",
    head: Annotated[Path | None, typer.Option(help="Up to this signed head, such as a cosigned one.")] = None,
) -> None:
    """Write the ledger, or a part of it, into a folder that anyone can read and verify without us."""
    from rich.console import Console
    from rich.progress import Progress

    from tallystick.ops.database import open_database
    from tallystick.ops.ledger_exports import export_with_record

    settings, state, pki = _country()
    scope = _scope(first, taxpayer, device, day)
    note = head.read_bytes() if head else b""
    with open_database(settings, state) as dsn, Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("entries", total=None)
        manifest = export_with_record(
            dsn,
            folder,
            scope,
            pki,
            head=note,
            progress=lambda done, total: progress.update(task, completed=done, total=total or None),
        )
    typer.echo(f"{manifest.entries} entries of {manifest.size} in {len(manifest.parts)} parts: {folder}")


def _scope(first: int, taxpayer: str, device: str, day: str) -> "ExportScope":
    from datetime import date

    from tallystick.authority.ledger.export import ExportScope

    if sum(map(bool, (first, taxpayer, device, day))) > 1:
        raise typer.BadParameter("choose one of --from, --taxpayer, --device and --day")
    requested_by, _, signed_by = device.partition("-")
    try:
        number = (date.fromisoformat(day) - date(1970, 1, 1)).days if day else None
    except ValueError:
        raise typer.BadParameter("a day is written like 2026-11-27") from None
    pair = (requested_by, signed_by or requested_by) if device else None
    return ExportScope(first=first, tin=taxpayer, device=pair, day=number)


@app.command()
def trust(
    folder: Annotated[Path, typer.Argument(help="Where to write policy.txt and root.pem.")],
) -> None:
    """Write whom a verifier has to trust: hand it over by another way than the export."""
    from tallystick.ops.database import open_database
    from tallystick.ops.ledger_exports import PACK_FILE, policy_text
    from tallystick.ops.packs import pack_file

    settings, state, pki = _country()
    with open_database(settings, state) as dsn:
        policy = policy_text(dsn, settings, pki)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "root.pem").write_bytes(pki.files.root.read_bytes())
    (folder / PACK_FILE).write_bytes(pack_file(settings.country).read_bytes())
    (folder / "policy.txt").write_text(policy, encoding="utf-8")
    typer.echo(str(folder / "policy.txt"))


@app.command()
def tamper_drill(
    only: Annotated[list[str] | None, typer.Option(help="Only this manipulation; may be given several times.")] = None,
) -> None:
    """Try every manipulation of the catalogue on copies of the ledger; 1 when a detector stays silent or cries wolf."""
    import tempfile

    import psycopg
    from rich.console import Console
    from rich.progress import Progress

    from tallystick.ops.database import open_database
    from tallystick.ops.ledger_exports import drill_server, issued, issuers_of
    from tallystick.ops.processes.context import system_clock
    from tallystick.ops.shell_acts import note_alone
    from tallystick.simulation.tampering.catalogue import CATALOGUE
    from tallystick.simulation.tampering.detectors import DETECTORS
    from tallystick.simulation.tampering.drill import Drill, table
    from tallystick.simulation.tampering.national_catalogue import NATIONAL_CATALOGUE

    settings, state, pki = _country()
    everything = (*CATALOGUE, *NATIONAL_CATALOGUE)
    chosen = [one for one in everything if not only or one.name in only]
    if only and len(chosen) != len(set(only)):
        names = ", ".join(one.name for one in everything)
        raise typer.BadParameter(f"the catalogue has: {names}")
    with (
        open_database(settings, state) as dsn,
        psycopg.connect(dsn, autocommit=True) as connection,
        drill_server(state) as administrator,
        tempfile.TemporaryDirectory(prefix="tallystick-drill-") as name,
        Drill(
            administrator,
            Path(name),
            settings.log_origin,
            (pki.files.root,),
            issuers_of(connection, pki),
            certificates=lambda hashes: issued(connection, hashes),
        ) as drill,
        Progress(console=Console(stderr=True), transient=True) as progress,
    ):
        note_alone(dsn, "ledger.drill", system_clock())
        task = progress.add_task("copying the ledger", total=len(chosen) + 1)
        results = [drill.prepare(dsn)]
        if not drill.has_registers:
            chosen = [one for one in chosen if not one.national]
        for one in chosen:
            progress.update(task, advance=1, description=one.name)
            results.append(drill.attempt(one))
    for line in table(results, [one.name for one in DETECTORS]):
        typer.echo(line)
    for result in results:
        for detector in sorted(result.missed):
            typer.echo(f"silent: {detector} at {result.manipulation.name}, {result.manipulation.title}", err=True)
    failed = sum(not result.is_good for result in results)
    if failed:
        sys.exit(f"{failed} of {len(results)} failed")
    typer.echo(f"{len(chosen)} manipulations, each seen by all who must; the honest copy accused by none")
