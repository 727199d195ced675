"""A register's documents through the paper door (S0-096): one form for every class, a code where there is one."""

from __future__ import annotations

from pathlib import Path

import pytest
import zxingcpp
from PIL import Image
from till_bench import Bench, sale

from tallystick.device.ecr.orders import ReportX
from tallystick.kernel.faults import Fault
from tallystick.ops.till_paper import paper_of, printer, stream_of
from tallystick.paper.printer_stream import symbol_dots
from tallystick.paper.rolls import Roll


@pytest.mark.parametrize("roll", list(Roll))
def test_s0_096_a_receipt_has_its_code_on_either_roll(tmp_path: Path, roll: Roll) -> None:
    answer = Bench(tmp_path).opened().do("a", sale())
    (symbol,) = paper_of(answer, roll).symbols
    strip = symbol_dots(symbol, roll)
    assert isinstance(strip, Image.Image)
    (read,) = zxingcpp.read_barcodes(strip)
    assert read.text == symbol.text
    assert symbol.text.startswith("https://verify.example/r/")


def test_a_report_is_text_alone_and_a_printer_gets_it(tmp_path: Path) -> None:
    bench = Bench(tmp_path).opened()
    bench.do("a", sale())
    answer = bench.do("x", ReportX())
    assert paper_of(answer, 80).symbols == ()
    device = tmp_path / "printer"
    printer(device, 80)(answer)
    assert device.read_bytes() == stream_of(answer, 80)
    assert b"REPORT WITHOUT CLOSING (X)" in device.read_bytes()
    with pytest.raises(Fault) as caught:
        printer(tmp_path / "nowhere/printer", 80)(answer)
    assert caught.value.code == "TS-4020"
