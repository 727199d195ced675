"""`tallystick witness`: be a witness of transparency logs, on a machine that is not the operator's."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tallystick.witness.folder import WitnessFolder

app = typer.Typer(
    help="Be a witness of ledgers: cosign what only grows, and never anything else.", no_args_is_help=True
)
Folder = Annotated[Path, typer.Option(help="Folder of the witness: its key and what it has seen.")]
LogKey = Annotated[str, typer.Argument(help="The log's public key as text: origin+key id+base64.")]


@app.command()
def make(
    folder: Folder, name: Annotated[str, typer.Argument(help="Name of the witness, such as court.example/w1.")]
) -> None:
    """Make a witness: a folder and a key. Prints its public key; where there is one, it stays."""
    with _folder(folder) as made:
        typer.echo(made.make(name).verifier_key)


@app.command()
def trust(folder: Folder, key: LogKey) -> None:
    """Watch a log from now on, or take another key of it. Compare the key on another way than the network first."""
    from tallystick.ops.processes.context import system_clock
    from tallystick.wire.signed_note import parse_verifier_key

    with _folder(folder) as made:
        made.key()
        store = made.store()
        parsed = parse_verifier_key(key)
        store.trust(parsed, int(system_clock().timestamp()))
        store.close()
    typer.echo(f"{parsed.name} is watched")


@app.command()
def distrust(folder: Folder, key: LogKey) -> None:
    """Take a key of a log away, as after a theft. What was cosigned stays."""
    from tallystick.wire.signed_note import parse_verifier_key

    with _folder(folder) as made:
        store = made.store()
        known = store.distrust(parse_verifier_key(key))
        store.close()
    if not known:
        sys.exit("tallystick: no such key is trusted here")


@app.command()
def show(folder: Folder) -> None:
    """Print the witness's key, the logs that it watches, and the evidence that it has kept."""
    with _folder(folder) as made:
        typer.echo(made.key().verifier_key)
        store = made.store()
        for log in store.logs():
            size = log.head.size if log.head else 0
            typer.echo(f"{log.origin}  size {size}  keys {len(log.verifier_keys)}  offences {log.offences}")
        for one in store.offences():
            typer.echo(f"offence {one.number} {one.code} at {one.at}:\n{one.held.decode()}\n{one.offered.decode()}")
        store.close()


@app.command()
def serve(
    folder: Folder,
    host: Annotated[str, typer.Option(help="Address to serve on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="First port to try.", min=0, max=65535)] = 8460,
) -> None:
    """Serve `add-checkpoint` (C2SP tlog-witness), and what was cosigned. Plain HTTP: put TLS before it."""
    from tallystick.ops.logs import configure_logging
    from tallystick.ops.processes.context import system_clock
    from tallystick.witness.serve import serve as serve_witness

    with _folder(folder) as made:
        configure_logging("witness", level="info", form="json")
        serve_witness(made, host, port, system_clock, typer.echo)


@contextmanager
def _folder(path: Path) -> Iterator[WitnessFolder]:
    """The folder; what cannot be opened is one sentence."""
    import sqlite3

    from tallystick.witness.folder import WitnessFolder

    try:
        yield WitnessFolder(path.expanduser().absolute())
    except (OSError, sqlite3.DatabaseError, ValueError) as error:
        sys.exit(f"tallystick: {error}")


@app.command()
def monitor(
    folder: Folder,
    key: LogKey,
    url: Annotated[str, typer.Argument(help="Prefix of the log: its checkpoint and tiles lie below.")],
    place: Annotated[
        list[str] | None, typer.Option(help="Where else its checkpoints are shown: an address, or a file of a note.")
    ] = None,
    proof: Annotated[list[Path] | None, typer.Option(help="A .tlog-proof whose entry must stay in the log.")] = None,
    every: Annotated[int, typer.Option(help="Seconds between two looks; 0: look once.", min=0, max=86_400)] = 60,
) -> None:
    """Follow a log: every entry, its root, and what others show of it; 1 on an alarm when it looks once."""
    import time

    from tallystick.kit.http_call import call
    from tallystick.ops.processes.context import system_clock
    from tallystick.wire.signed_note import parse_verifier_key
    from tallystick.witness.folder import check_ed25519
    from tallystick.witness.monitor import Monitor
    from tallystick.witness.monitor_store import MonitorStore

    with _folder(folder) as made:
        made.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        watching = Monitor(
            key=parse_verifier_key(key),
            prefix=url,
            places=place or [],
            proofs=proof or [],
            store=MonitorStore(made.root / "monitor.sqlite"),
            get=lambda address, most: call(address, most_bytes=most, timeout_seconds=15),
            check=check_ed25519,
            clock=system_clock,
            say=typer.echo,
        )
        while True:
            good = watching.look()
            if not every:
                sys.exit(0 if good else 1)
            time.sleep(every)
