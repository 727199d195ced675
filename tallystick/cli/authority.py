"""`tallystick authority`: the processes of the authority. Each takes everything from the settings."""

from typing import Annotated

import typer

app = typer.Typer(help="Run one process of the authority.", no_args_is_help=True)


@app.command()
def api() -> None:
    """Serve TaxCore.API to devices (TLS)."""
    from tallystick.ops.processes.api import run

    run()


@app.command()
def public() -> None:
    """Serve verification pages, checkpoint, tiles and proofs."""
    from tallystick.ops.processes.public import run

    run()


@app.command()
def sequencer() -> None:
    """Be the ledger's one writer, or its stand-by."""
    from tallystick.ops.processes.sequencer import run

    run()


@app.command()
def keys(
    number: Annotated[int, typer.Option(min=1, max=64, help="Which of `key_processes`, counted from 1.")] = 1,
) -> None:
    """Hold the authority's keys, or the session with the token, for the other processes; no network, no database."""
    from tallystick.ops.processes.keys import run

    run(number)


@app.command()
def unwrap(
    number: Annotated[int, typer.Option(min=1, max=64, help="Which of `unwrap_processes`, counted from 1.")] = 1,
) -> None:
    """Open sealed packages for the device API; holds the key, has no network."""
    from tallystick.ops.processes.unwrap import run

    run(number)


@app.command()
def vsdc(
    number: Annotated[int, typer.Option(min=1, max=64, help="Which of `vsdc_processes`, counted from 1.")] = 1,
) -> None:
    """Serve the hosted signer to POS without a card (TLS with client certificates)."""
    from tallystick.ops.processes.vsdc import run

    run(number)


@app.command()
def ecr(
    number: Annotated[int, typer.Option(min=1, max=64, help="Which of `ecr_processes`, counted from 1.")] = 1,
) -> None:
    """Serve the national online channel to registers and ERP systems (TLS with client certificates)."""
    from tallystick.ops.processes.ecr import run

    run(number)


@app.command()
def batches() -> None:
    """Book what offline registers bring when they are back; listens nowhere."""
    from tallystick.ops.processes.batches import run

    run()


@app.command()
def signer() -> None:
    """Hold the signing keys of the hosted signer; no network, no database."""
    from tallystick.ops.processes.signer import run

    run()


@app.command()
def pki() -> None:
    """Serve revocation lists, OCSP and issuers (plain HTTP), and the enrolment of devices (EST, TLS)."""
    from tallystick.ops.processes.pki import run

    run()


@app.command()
def worker() -> None:
    """Do the background work: registrations, proofs of audit, tiles."""
    from tallystick.ops.processes.worker import run

    run()


@app.command()
def portal() -> None:
    """Serve the operator's pages."""
    from tallystick.ops.processes.portal import run

    run()
