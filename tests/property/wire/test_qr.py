"""QR codes of any URL are read back by a decoder."""

from __future__ import annotations

import io

import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps
from taxcore_values import PREFIX, only_faults, verification_data

from tallystick.wire.qr import qr_gif
from tallystick.wire.verification_url import VerificationData, from_url, to_url


@given(verification_data)
@settings(max_examples=15, deadline=None)
def test_s2_060_from_the_signed_bytes_to_the_image_and_back(data: VerificationData) -> None:
    url = to_url(PREFIX, data)
    image = ImageOps.expand(Image.open(io.BytesIO(qr_gif(url))).convert("L"), 16, 255)
    (found,) = zxingcpp.read_barcodes(image)
    assert found.text == url
    if len(url) <= 2048:
        assert from_url(found.text) == data


@given(st.text(max_size=50))
@settings(deadline=None)
def test_any_text_is_drawn_or_refused(text: str) -> None:
    with only_faults("TS-1220"):
        assert qr_gif(text).startswith(b"GIF89a")
