"""`tallystick receipt`: put the answer of an SDC on paper."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Print receipts.", no_args_is_help=True)


class _Paper(StrEnum):
    NARROW = "58"
    WIDE = "80"


class _Form(StrEnum):
    PDF = "pdf"
    ESCPOS = "escpos"


class _Codes(StrEnum):
    LONG = "long"
    COMPACT = "compact"
    BOTH = "both"


@app.callback()
def _group() -> None:
    """Keep the group a group while it has one command."""


@app.command("print")
def print_receipt(
    answer: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The answer of an SDC, JSON.")],
    out: Annotated[Path, typer.Option("--out", help="Where the receipt goes; a printer's device file will do.")],
    paper: Annotated[_Paper, typer.Option("--paper", help="Width of the roll in mm.")] = _Paper.WIDE,
    form: Annotated[_Form, typer.Option("--form", help="A PDF, or the bytes of an ESC/POS printer.")] = _Form.PDF,
    codes: Annotated[
        _Codes, typer.Option("--codes", help="Which codes; compact ones are for authorities that run Tallystick.")
    ] = _Codes.LONG,
    profile: Annotated[str, typer.Option("--profile", help="Printer in python-escpos' database.")] = "default",
    raster: Annotated[bool, typer.Option("--raster", help="Send the text as dots, too (ESC/POS).")] = False,
) -> None:
    """Print a receipt of 58 or 80 mm from the answer that a POS got."""
    from tallystick.kernel.faults import Fault
    from tallystick.paper.layout import lay_out
    from tallystick.paper.missing import PrintingAbsent
    from tallystick.paper.printer_stream import receipt_stream
    from tallystick.paper.rolls import Roll
    from tallystick.paper.symbols import Codes
    from tallystick.paper.typeset import receipt_pdf
    from tallystick.wire.pos_answer import read_pos_answer

    try:
        receipt = lay_out(read_pos_answer(answer.read_bytes()), Roll(int(paper)), Codes(codes))
        made = receipt_pdf(receipt) if form is _Form.PDF else receipt_stream(receipt, profile=profile, raster=raster)
    except (Fault, PrintingAbsent, LookupError) as refused:
        sys.exit(f"tallystick: {refused}")
    out.write_bytes(made)
