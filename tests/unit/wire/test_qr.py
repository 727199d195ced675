"""QR code: size, level and form of the image, read back by a decoder and compared with a second encoder."""

from __future__ import annotations

import io
from random import Random

import pytest
import segno
import zxingcpp
from PIL import Image, ImageOps
from taxcore_values import PREFIX

from tallystick.kernel.faults import Fault
from tallystick.wire.qr import PIXELS_PER_MODULE, QUIET_ZONE_MODULES, qr_gif, qr_matrix

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789%"


def url_of(characters: int) -> str:
    """A URL of so many characters, the same in each run."""
    random = Random(characters)
    return PREFIX + "".join(random.choices(ALPHABET, k=characters - len(PREFIX)))


def image_of(gif: bytes) -> Image.Image:
    return Image.open(io.BytesIO(gif))


# The capacities of byte mode at level L: 858 characters in version 20, one more needs version 21 (ISO/IEC 18004).
@pytest.mark.parametrize(("characters", "modules"), [(794, 97), (858, 97), (859, 101), (1250, 117)])
def test_s2_061_gif_of_four_pixels_a_module_without_quiet_zone(characters: int, modules: int) -> None:
    gif = qr_gif(url_of(characters))
    image = image_of(gif)
    assert gif.startswith(b"GIF89a")
    assert image.format == "GIF"
    assert image.size == (modules * PIXELS_PER_MODULE,) * 2
    assert {colour for _, colour in image.convert("RGB").getcolors() or []} == {(0, 0, 0), (255, 255, 255)}
    assert image.convert("L").getpixel((0, 0)) == 0  # a finder pattern in the very corner


@pytest.mark.parametrize("characters", [100, 846, 1250])
def test_s2_060_the_image_holds_the_url_at_level_l(characters: int) -> None:
    url = url_of(characters)
    quiet = PIXELS_PER_MODULE * QUIET_ZONE_MODULES
    (found,) = zxingcpp.read_barcodes(ImageOps.expand(image_of(qr_gif(url)).convert("L"), quiet, 255))
    assert found.text == url
    assert found.format == zxingcpp.BarcodeFormat.QRCode
    assert found.ec_level == "L"
    assert found.symbology_identifier == "]Q1"  # plain text, no announced coding


def test_the_image_shows_the_matrix() -> None:
    url = url_of(846)
    matrix, image = qr_matrix(url), image_of(qr_gif(url)).convert("L")
    shown = [
        [image.getpixel((4 * column + 3, 4 * row)) == 0 for column in range(len(matrix))] for row in range(len(matrix))
    ]
    assert shown == matrix


def test_the_same_matrix_as_another_encoder() -> None:
    """At full capacity, where nothing is padded; the encoders differ in which mask they choose."""
    url = url_of(858)
    matrix = qr_matrix(url)
    others = [
        [
            [bool(module) for module in row]
            for row in segno.make(url, error="l", mode="byte", boost_error=False, mask=mask).matrix
        ]
        for mask in range(8)
    ]
    assert sum(other == matrix for other in others) == 1


@pytest.mark.parametrize("text", ["", "Ж", "x" * 2049])
def test_texts_that_no_code_should_hold(text: str) -> None:
    for draw in (qr_gif, qr_matrix):
        with pytest.raises(Fault) as caught:
            draw(text)
        assert caught.value.code == "TS-1220"
