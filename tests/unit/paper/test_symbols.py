"""How large the codes stand on paper, and that readers take them from there, damaged as paper is (S2-061, K-10)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import zxingcpp
from receipt_printer import print_stream
from receipt_values import paper_url

from tallystick.kernel.faults import Fault
from tallystick.paper import symbols
from tallystick.paper.layout import Line, Receipt
from tallystick.paper.printer_stream import receipt_stream
from tallystick.paper.rolls import Roll
from tallystick.paper.symbols import Codes, Symbol, long_symbol, symbols_of

Picture = npt.NDArray[np.uint8]
FRAMES = (1.5, 2.0, 2.5, 3.0, 3.5, 4.0)  # how many pixels of a camera see one dot


# Characters of a URL, then modules and dots a module on each roll: 97 modules are version 20, 109 are version 23.
@pytest.mark.parametrize(
    ("characters", "narrow", "wide"),
    [(794, (109, 3), (97, 4)), (858, (109, 3), (97, 4)), (870, (109, 3), (109, 3)), (1250, (117, 3), (117, 3))],
)
def test_k_10_the_long_code_has_three_dots_a_module_and_forty_to_fifty_millimetres(
    characters: int, narrow: tuple[int, int], wide: tuple[int, int]
) -> None:
    url = paper_url().ljust(characters, "a")
    for roll, expected in ((Roll.NARROW, narrow), (Roll.WIDE, wide)):
        symbol = long_symbol(url, roll)
        assert (len(symbol.modules), symbol.dots_per_module) == expected
        assert 40 <= symbol.dots / 8 <= 50
        assert symbol.dots <= roll.dots
        # the white of the roll's own margin counts: 5 mm on one side of 48, 4 on one side of 72
        assert (roll.dots - symbol.dots) / 2 + (roll - roll.printable_mm) / 2 * 8 >= symbol.quiet_dots


def test_k_10_the_compact_code_is_at_most_version_10_and_has_five_dots_a_module() -> None:
    for roll in Roll:
        long, compact = symbols_of(paper_url(), roll, Codes.BOTH)
        assert long.text == paper_url()
        assert compact.text.startswith("HTTPS://VERIFY.EXAMPLE/C/")
        assert (len(compact.modules), compact.dots_per_module) == (41, 5)
        longest = symbols_of(paper_url(f"https://{'h' * 112}.example:65535/v/?vl="), roll, Codes.COMPACT)[0]
        assert len(longest.modules) == 57
        assert longest.dots + 2 * longest.quiet_dots <= Roll.NARROW.dots


@pytest.mark.parametrize("codes", Codes)
def test_which_codes_stand_on_paper_is_asked_for(codes: Codes) -> None:
    found = [symbol.text.partition("/")[0] for symbol in symbols_of(paper_url(), Roll.NARROW, codes)]
    assert found == {"long": ["https:"], "compact": ["HTTPS:"], "both": ["https:", "HTTPS:"]}[codes]


def test_ts_4020_a_url_too_long_for_the_roll() -> None:
    url = paper_url().ljust(1500, "a")
    assert len(long_symbol(url, Roll.WIDE).modules) == 129
    with pytest.raises(Fault) as caught:
        long_symbol(url, Roll.NARROW)
    assert caught.value.code == "TS-4020"


def on_paper(symbol: Symbol, roll: Roll) -> Picture:
    """The dots of a symbol as a printer puts them on the roll, with the white of the roll around."""
    receipt = Receipt(roll=roll, number="", lines=(Line("x"),), symbols=(symbol,), closing=Line("x"))
    return np.pad(print_stream(receipt_stream(receipt), roll.dots).picture, 40, constant_values=255)


def crease(paper: Picture, place: float, level: int, dots: int) -> Picture:
    """A line across the paper, a little aslant: white where the coating broke, black where a nail went."""
    height, width = paper.shape
    creased = paper.copy()
    cv2.line(creased, (0, int(height * place)), (width, int(height * place) + 8), level, dots)
    return creased


def seen(paper: Picture, scale: float, *, angle: float = 0, blur: float = 0.8, noise: float = 5) -> Picture:
    """What a camera makes of it: enlarged, turned by degrees, out of focus, grey, with the same noise each time."""
    large = cv2.resize(paper, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR)
    height, width = large.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1)
    soft = cv2.GaussianBlur(cv2.warpAffine(large, turn, (width, height), borderValue=255), (0, 0), blur)
    grain = np.random.default_rng(7).normal(0, noise, soft.shape)
    made: Picture = np.clip(soft * 0.75 + 30 + grain, 0, 255).astype(np.uint8)
    return made


DAMAGES: dict[str, tuple[Callable[[Picture], Picture], dict[str, Any]]] = {
    "none": (lambda paper: paper, {}),
    "blur": (lambda paper: paper, {"blur": 1.6}),
    "turned": (lambda paper: paper, {"angle": 6, "blur": 1}),
    "noise": (lambda paper: paper, {"angle": 2, "blur": 1, "noise": 20}),
    "white crease": (lambda paper: crease(paper, 0.35, 255, 2), {"angle": 2, "blur": 1, "noise": 8}),
    "black line": (lambda paper: crease(paper, 0.6, 0, 2), {"angle": 2, "blur": 1, "noise": 8}),
    "all at once": (
        lambda paper: crease(crease(paper, 0.45, 255, 2), 0.62, 0, 1),
        {"angle": 4, "blur": 1.4, "noise": 12},
    ),
}


def zxing_reads(picture: Picture) -> list[str]:
    return [found.text for found in zxingcpp.read_barcodes(picture)]


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("which", [Codes.LONG, Codes.COMPACT])
@pytest.mark.parametrize("roll", Roll)
def test_k_10_a_reader_takes_both_codes_from_damaged_paper(roll: Roll, which: Codes, damage: str) -> None:
    (symbol,) = symbols_of(paper_url(), roll, which)
    harm, look = DAMAGES[damage]
    assert zxing_reads(seen(harm(on_paper(symbol, roll)), 2.5, **look)) == [symbol.text]


@pytest.mark.parametrize("damage", ["none", "blur", "turned", "noise", "white crease"])
@pytest.mark.parametrize("which", [Codes.LONG, Codes.COMPACT])
@pytest.mark.parametrize("roll", Roll)
def test_k_10_a_second_reader_takes_both_codes_in_one_of_some_frames(roll: Roll, which: Codes, damage: str) -> None:
    """OpenCV's reader is weaker: a camera gives it frame after frame, and one must do. A black line, or a crease
    through the pattern that it aligns by, it often loses, so those are asked of the first reader alone."""
    (symbol,) = symbols_of(paper_url(), roll, which)
    harm, look = DAMAGES[damage]
    paper = harm(on_paper(symbol, roll))
    detector = cv2.QRCodeDetector()
    assert any(detector.detectAndDecode(seen(paper, scale, **look))[0] == symbol.text for scale in FRAMES)


def test_both_codes_of_one_receipt_are_found_in_one_picture() -> None:
    found = symbols_of(paper_url(), Roll.NARROW, Codes.BOTH)
    receipt = Receipt(roll=Roll.NARROW, number="", lines=(Line("x"),), symbols=found, closing=Line("x"))
    picture = np.pad(print_stream(receipt_stream(receipt), 384).picture, 40, constant_values=255)
    assert sorted(zxing_reads(seen(picture, 2.5))) == sorted(symbol.text for symbol in found)


def test_switched_off_three_dots_a_dense_code_is_lost_in_a_blur_that_ours_survives(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Why 3 dots: at 1 dot a module the same camera reads nothing."""
    look = {"blur": 1.6, "noise": 8.0}
    assert zxing_reads(seen(on_paper(long_symbol(paper_url(), Roll.NARROW), Roll.NARROW), 2.0, **look))
    monkeypatch.setattr(symbols, "_LONG_DOTS", (1,))
    monkeypatch.setattr(symbols, "LONG_MM_MIN", 1)
    small = long_symbol(paper_url(), Roll.NARROW)
    assert small.dots_per_module == 1
    assert zxing_reads(seen(on_paper(small, Roll.NARROW), 2.0, **look)) == []
