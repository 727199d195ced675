"""The command `tallystick`. Commands only parse, call and print; what is heavy they import when they run.

Each group is a module here with a `typer` app; `--help` must stay under 0.3 s, so nothing else is imported before.
"""

import sys
from typing import Annotated

import typer

from tallystick import __version__
from tallystick.cli import (
    agreements,
    algorithms,
    audit,
    authority,
    backup,
    build,
    card,
    ceremony,
    device,
    ecr,
    esdc,
    inspections,
    keys,
    ledger_watch,
    oversight,
    personal,
    pki,
    production,
    quarantine,
    rates,
    receipt,
    registers,
    restore,
    retention,
    sandbox,
    state,
    taxservice,
    users,
    vsdc,
    witness,
    worm,
)
from tallystick.cli.demo import demo
from tallystick.cli.migrate import migrate
from tallystick.cli.openapi import openapi
from tallystick.cli.verify import verify

app = typer.Typer(
    name="tallystick",
    help="An open fiscal data operator: from a sale at a till to a signed, counted, provable ledger.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,  # saves a third of the time to the first line
)
app.command()(demo)
app.add_typer(oversight.activity, name="activity")
app.add_typer(agreements.app, name="agreements")
app.add_typer(algorithms.app, name="algorithms")
app.add_typer(oversight.approvals, name="approvals")
app.add_typer(audit.app, name="audit")
app.add_typer(authority.app, name="authority")
app.add_typer(backup.app, name="backup")
app.add_typer(build.app, name="build")
app.add_typer(card.app, name="card")
app.add_typer(ceremony.app, name="ceremony")
app.add_typer(device.app, name="device")
app.add_typer(ecr.app, name="ecr")
app.add_typer(esdc.app, name="esdc")
app.add_typer(inspections.app, name="inspections")
app.add_typer(keys.app, name="keys")
app.add_typer(ledger_watch.app, name="ledger")  # the same app, with the commands of both modules
app.add_typer(personal.app, name="personal")
app.add_typer(pki.app, name="pki")
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(production.app, name="production")
app.add_typer(rates.app, name="rates")
app.add_typer(receipt.app, name="receipt")
app.add_typer(registers.app, name="registers")
app.add_typer(restore.app, name="restore")
app.add_typer(retention.app, name="retention")
app.add_typer(sandbox.app, name="sandbox")
app.add_typer(state.app, name="state")
app.add_typer(taxservice.app, name="taxservice")
app.add_typer(users.app, name="users")
app.add_typer(vsdc.app, name="vsdc")
app.add_typer(witness.app, name="witness")
app.add_typer(worm.app, name="worm")
app.command()(migrate)
app.command()(openapi)
app.command()(verify)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tallystick {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and end.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Options that stand before a command."""


def main() -> None:
    """Run the command line. What the user can put right is one sentence and exit code 1, not a traceback."""
    try:
        app()
    except Exception as error:
        if not _is_for_the_user(error):
            raise
        sys.exit(f"tallystick: {error}")


def _is_for_the_user(error: Exception) -> bool:
    from tallystick.device.secure_element.port import CardUnavailable
    from tallystick.kernel.faults import Fault
    from tallystick.ops.postgres import PostgresError
    from tallystick.ops.run_records import AlreadyRunning
    from tallystick.ops.second_copy import SameDisk
    from tallystick.ops.settings import SettingsError
    from tallystick.ops.state_folder import NotOurFolder
    from tallystick.ops.supervisor import ChildFailed
    from tallystick.simulation.country import CountryTaken
    from tallystick.simulation.sandbox import SandboxError
    from tallystick.wire.country_pack import PackError

    kinds = (
        AlreadyRunning, CardUnavailable, ChildFailed, CountryTaken, Fault, NotOurFolder, PackError, PostgresError,
        SameDisk, SandboxError, SettingsError,
    )  # fmt: skip
    return isinstance(error, kinds)
