"""`tallystick algorithms`: what may be used when, what old archives were signed with, and whether all of it runs."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:  # imported late, so that --help is quick
    from tallystick.kernel.algorithms import AlgorithmRegistry

app = typer.Typer(help="The registry of algorithms by date; signatures of old archives.", no_args_is_help=True)
Country = Annotated[str, typer.Option(help="Code of the country pack.")]
Day = Annotated[datetime | None, typer.Option("--at", formats=["%Y-%m-%d"], help="Day (UTC); today if left out.")]


@app.command(name="list")
def list_rules(country: Country = "AQ", at: Day = None) -> None:
    """Print the status of every algorithm for every purpose on a day; what is not printed is forbidden."""
    from tallystick.kernel.algorithms import Algorithm, Purpose, Status

    registry = _registry(country)
    for algorithm in Algorithm:
        for purpose in Purpose:
            status = registry.status(algorithm, purpose, _moment(at))
            if status is not Status.FORBIDDEN:
                typer.echo(f"{algorithm:28}{purpose:18}{status}")


@app.command()
def check(country: Country = "AQ", at: Day = None) -> None:
    """Run the published vectors of every algorithm that a profile of modules names; ends with 1 when one fails."""
    from tallystick.crypto.module_algorithms import TESTED, self_test
    from tallystick.crypto.policy import install_registry

    install_registry(_registry(country))
    right = self_test(_moment(at))
    for algorithm in TESTED:
        typer.echo(f"{algorithm:20}{'right' if algorithm in right else 'wrong, or ended by the registry'}")
    if set(right) != set(TESTED):
        raise typer.Exit(1)


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="What was signed.", exists=True, dir_okay=False)],
    signature: Annotated[Path, typer.Option(help="The signature, raw or DER.", exists=True, dir_okay=False)],
    key: Annotated[Path, typer.Option(help="The public key, PEM.", exists=True, dir_okay=False)],
    kind: Annotated[str, typer.Option(help="dsa-1024-sha-1, dsa-1024-sha-224, dsa-1024-sha-256, rsa-pkcs1-sha-1.")],
    country: Country = "AQ",
    at: Day = None,
) -> None:
    """Check the signature of an old archive as the registry stands on a day; ends with 1 when it does not hold."""
    from tallystick.crypto.archive import ArchiveSignature, spki_of_pem, verify_archive
    from tallystick.crypto.policy import install_registry
    from tallystick.kernel.faults import Fault

    if kind not in set(ArchiveSignature):
        raise typer.BadParameter(f"one of {', '.join(ArchiveSignature)}", param_hint="--kind")
    install_registry(_registry(country))
    try:
        spki = spki_of_pem(key.read_bytes())
        verify_archive(ArchiveSignature(kind), spki, file.read_bytes(), signature.read_bytes(), _moment(at))
    except Fault as fault:
        typer.echo(str(fault), err=True)
        raise typer.Exit(1) from None
    typer.echo("valid")


@app.command()
def history(limit: Annotated[int, typer.Option(min=1, max=1000, help="How many, newest first.")] = 20) -> None:
    """Print when the authority adopted another table of algorithms or other tax rates, and where the ledger says so."""
    from tallystick.ops.national_rules import read_history
    from tallystick.ops.settings import load_settings

    for one in read_history(load_settings(), limit):
        place = "not in the ledger yet" if one.entry_index is None else f"ledger entry {one.entry_index}"
        typer.echo(f"{one.adopted_at:%Y-%m-%d %H:%M:%S}  {one.subject} {one.number}  {place}")


def _moment(day: datetime | None) -> datetime:
    return datetime.now(UTC) if day is None else day.replace(tzinfo=UTC)


def _registry(country: str) -> "AlgorithmRegistry":
    from tallystick.ops.packs import load_pack

    return load_pack(country).algorithms
