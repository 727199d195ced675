"""`tallystick keys`: which keys the authority has, whether the store agrees, and the next key of a series."""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import Annotated

import typer

app = typer.Typer(help="The authority's own keys: list, check, rotate.", no_args_is_help=True)


@app.command("list")
def list_keys() -> None:
    """List the keys of each series with state, purpose and fingerprint."""
    from tallystick.ops.key_desk import KeyDesk

    for key in KeyDesk.of_settings().all_keys():
        until = f" until {key.retires_at:%Y-%m-%d %H:%M}" if key.retires_at is not None else ""
        purpose = key.purpose or "opens packages"
        typer.echo(
            f"{key.series:8} {key.label:12} {key.state:9} {purpose:15} since {key.active_at:%Y-%m-%d %H:%M}{until}  "
            f"{key.public_key.fingerprint.hex()[:16]}"
        )


@app.command()
def verify() -> None:
    """Compare table, store and statements, and two days' signatures with what explains them; 1 on findings."""
    from tallystick.ops.key_desk import KeyDesk

    findings = KeyDesk.of_settings().verify()
    for finding in findings:
        typer.echo(finding)
    if findings:
        sys.exit(f"the keys are not in order: {len(findings)} findings")
    typer.echo("every key is in the store, every statement is signed, every signature explained")


@app.command()
def rotate(
    series: Annotated[str, typer.Argument(help="log, poa, package or tls.")],
    overlap_days: Annotated[
        float, typer.Option(min=0, max=1000, help="How long the log's old key signs beside the new one.")
    ] = 90.0,
) -> None:
    """Make the next key of a series and put it into service; intake goes on meanwhile."""
    from tallystick.ops.key_desk import KeyDesk

    desk = KeyDesk.of_settings()
    if series == "tls":
        desk.renew_tls()
        typer.echo("the servers take the new certificate within seconds")
        return
    key = desk.rotate(series, timedelta(days=overlap_days))
    typer.echo(f"{key.label} is active; fingerprint {key.public_key.fingerprint.hex()}")
