"""Information: what a receipt on paper costs a core, as PDF and as bytes of a printer. No target stands on it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from benchmarks.claim import CannotRun, Claim, duration
from benchmarks.limits import best_seconds
from benchmarks.package_maker import Card, sale
from tallystick.crypto.keys import generate_rsa_key
from tallystick.paper.layout import lay_out
from tallystick.paper.missing import PrintingAbsent
from tallystick.paper.printer_stream import receipt_stream
from tallystick.paper.rolls import Roll
from tallystick.paper.symbols import Codes
from tallystick.paper.typeset import receipt_pdf
from tallystick.wire.pos_answer import PrintedAnswer


def run(full: bool) -> Iterable[Claim]:
    """A sale of nine lines with both codes on the narrow roll; ``full`` takes more calls."""
    calls = 100 if full else 20
    key = generate_rsa_key()
    result = Card("ABCD1234", "123456789", key, key.public).invoice(sale())[1]
    assert result.journal is not None
    answer = PrintedAnswer(number=result.number, journal=result.journal, verification_url=result.verification_url)
    receipt = lay_out(answer, Roll.NARROW, Codes.BOTH)
    kinds: tuple[tuple[str, Callable[[], object]], ...] = (
        ("receipt laid out with both codes", lambda: lay_out(answer, Roll.NARROW, Codes.BOTH)),
        ("receipt as PDF, 58 mm", lambda: receipt_pdf(receipt)),
        ("receipt as ESC/POS, 58 mm, text", lambda: receipt_stream(receipt)),
        ("receipt as ESC/POS, 58 mm, dots", lambda: receipt_stream(receipt, raster=True)),
    )
    try:
        for _, make in kinds:
            make()  # fonts and the printer database are read once
    except PrintingAbsent as absent:
        raise CannotRun(str(absent)) from None
    for name, make in kinds:
        yield Claim(name, duration(best_seconds(make, calls=calls)), "", None, "information", True)
