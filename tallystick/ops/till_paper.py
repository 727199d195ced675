"""A register's documents on paper: the answer goes through the same door as that of an SDC (S0-096)."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from tallystick.kernel.faults import Fault
from tallystick.kernel.identifiers import SdcInvoiceNumber
from tallystick.paper.layout import Receipt, lay_out
from tallystick.paper.missing import PrintingAbsent
from tallystick.paper.printer_stream import receipt_stream
from tallystick.paper.rolls import Roll
from tallystick.paper.symbols import Codes
from tallystick.paper.typeset import receipt_pdf
from tallystick.wire.pos_answer import PrintedAnswer


def paper_of(answer: bytes, paper_mm: int) -> Receipt:
    """What stands on the roll; raises ``TS-4020`` where it does not fit."""
    said = json.loads(answer)
    printed = PrintedAnswer(
        number=SdcInvoiceNumber.parse(said["number"]),
        journal=said["journal"],
        verification_url=said.get("verification_url", ""),
    )
    return lay_out(printed, Roll(paper_mm), Codes.LONG)


def pdf_of(answer: bytes, paper_mm: int) -> bytes:
    """A PDF; raises ``PrintingAbsent`` without typst."""
    return receipt_pdf(paper_of(answer, paper_mm))


def stream_of(answer: bytes, paper_mm: int) -> bytes:
    """The bytes of an ESC/POS printer; raises ``PrintingAbsent`` without python-escpos."""
    return receipt_stream(paper_of(answer, paper_mm))


def printer(device: Path, paper_mm: int) -> Callable[[bytes], None]:
    """Writes to a printer's device file; what fails is told at the till as ``TS-4020``."""

    def put(answer: bytes) -> None:
        try:
            device.write_bytes(stream_of(answer, paper_mm))
        except (OSError, PrintingAbsent, LookupError) as error:
            raise Fault("TS-4020", detail=f"the printer: {error}") from error

    return put
