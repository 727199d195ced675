"""`tallystick ecr`: a cash register that reports straight to the authority."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Run a cash register (ECR).", no_args_is_help=True)

Folder = Annotated[Path, typer.Argument(help="Folder of the register, with its register.json.", file_okay=False)]
Memory = Annotated[Path | None, typer.Option(help="Folder of the write-once memory; else inside the register's.")]
Secret = Annotated[
    Path | None, typer.Option("--passphrase-file", help="File with the passphrase of the key; else it is asked for.")
]
RequestId = Annotated[str, typer.Option("--id", help="Name of the request: the same name gets the same answer.")]


class Paper(StrEnum):
    """Rolls by their width in millimetres."""

    NARROW = "58"
    WIDE = "80"


class Form(StrEnum):
    """What paper is made of."""

    PDF = "pdf"
    ESCPOS = "escpos"


@app.command()
def enrol(
    folder: Folder,
    code: Annotated[str, typer.Option(help="The one-time code that the authority gave.")],
    passphrase_file: Secret = None,
    memory: Memory = None,
) -> None:
    """Make the register's key and get its certificate for a one-time code."""
    from tallystick.kernel.faults import Fault
    from tallystick.ops.till_tools import enrol_register, read_passphrase

    try:
        typer.echo(enrol_register(folder, code, read_passphrase(passphrase_file), memory))
    except Fault as fault:
        sys.exit(f"tallystick: {fault}")


@app.command()
def renew(folder: Folder, passphrase_file: Secret = None) -> None:
    """Get the next certificate, with a new key, for the one that the register has."""
    from tallystick.kernel.faults import Fault
    from tallystick.ops.till_tools import read_passphrase, renew_register

    try:
        typer.echo(renew_register(folder, read_passphrase(passphrase_file)))
    except Fault as fault:
        sys.exit(f"tallystick: {fault}")


@app.command()
def run(
    folder: Folder,
    passphrase_file: Secret = None,
    memory: Memory = None,
    api_port: Annotated[int, typer.Option(help="First port to try for programs, on loopback.")] = 8868,
    till_port: Annotated[int, typer.Option(help="First port to try for the till in a browser, on loopback.")] = 8869,
    printer: Annotated[Path | None, typer.Option(help="Device file of an ESC/POS printer.")] = None,
    paper: Annotated[Paper, typer.Option(help="Width of its roll in mm.")] = Paper.WIDE,
) -> None:
    """Serve the register: its interface for programs and its till, both on this machine alone."""
    from tallystick.kernel.faults import Fault
    from tallystick.ops.processes.till import RegisterPlace
    from tallystick.ops.processes.till import run as serve

    place = RegisterPlace(
        folder=folder,
        memory=memory,
        passphrase_file=passphrase_file,
        api_port=api_port,
        till_port=till_port,
        printer=printer,
        paper_mm=int(paper),
    )
    try:
        serve(place)
    except Fault as fault:
        sys.exit(f"tallystick: {fault}")


@app.command()
def rack(passphrase_file: Secret = None) -> None:
    """Serve all registers of a demonstration, as its list in the run folder names them."""
    from tallystick.kernel.faults import Fault
    from tallystick.ops.processes.till import run_rack

    try:
        run_rack(passphrase_file)
    except Fault as fault:
        sys.exit(f"tallystick: {fault}")


@app.command()
def sell(
    folder: Folder,
    item: Annotated[list[str], typer.Option("--item", help="NAME:PRICE:LABEL or NAME:PRICE:LABEL:QUANTITY.")],
    cash: Annotated[str, typer.Option(help="Handed over in cash.")] = "",
    card: Annotated[str, typer.Option(help="Paid by card.")] = "",
    request_id: RequestId = "",
) -> None:
    """Sell at a running register, and print the receipt's text."""
    import json

    from tallystick.ops.till_tools import give_order, sale_of

    answer = json.loads(give_order(folder, sale_of(item, cash, card), request_id))
    typer.echo(answer["journal"] + answer["verification_url"])


@app.command()
def order(
    folder: Folder,
    file: Annotated[str, typer.Argument(help="File with the order, JSON; - reads standard input.")],
    request_id: RequestId = "",
) -> None:
    """Give any order to a running register: open-shift, sell, refund, correct, x-report, close-shift and the rest."""
    from tallystick.ops.till_tools import give_order

    try:
        content = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise typer.BadParameter(f"{file}: {error.strerror}", param_hint="FILE") from error
    typer.echo(give_order(folder, content, request_id).decode())


@app.command()
def status(folder: Folder) -> None:
    """Say how a running register stands."""
    from tallystick.ops.till_tools import status_of

    typer.echo(status_of(folder).decode())


@app.command("print")
def print_document(
    folder: Folder,
    sequence: Annotated[int, typer.Argument(help="Sequence number of the document.")],
    out: Annotated[Path, typer.Option(help="Where it goes; a printer's device file will do.")],
    form: Annotated[Form, typer.Option(help="A PDF, or the bytes of an ESC/POS printer.")] = Form.PDF,
    paper: Annotated[Paper, typer.Option(help="Width of the roll in mm.")] = Paper.WIDE,
) -> None:
    """Put a document of a running register on paper."""
    from tallystick.kernel.faults import Fault
    from tallystick.ops.till_paper import pdf_of, stream_of
    from tallystick.ops.till_tools import document_of
    from tallystick.paper.missing import PrintingAbsent

    answer = document_of(folder, sequence)
    try:
        made = pdf_of(answer, int(paper)) if form is Form.PDF else stream_of(answer, int(paper))
    except (Fault, PrintingAbsent, LookupError) as refused:
        sys.exit(f"tallystick: {refused}")
    out.write_bytes(made)


@app.command("go-on")
def go_on(folder: Folder, passphrase_file: Secret = None, memory: Memory = None) -> None:
    """Lift the stop of a register whose chain was compared with the authority's; it must not be running."""
    from tallystick.kernel.faults import Fault
    from tallystick.ops.till_tools import go_on as lift
    from tallystick.ops.till_tools import read_passphrase

    try:
        lift(folder, read_passphrase(passphrase_file), memory)
    except Fault as fault:
        sys.exit(f"tallystick: {fault}")
