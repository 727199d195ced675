"""Each receipt has a code of its own: what a phone reads off two equal baskets leads to two invoices."""

from __future__ import annotations

import base64
import io
import json

import zxingcpp
from esdc_bench import Bench, body
from PIL import Image, ImageOps

from tallystick.device.esdc.fiscalise import Order
from tallystick.wire.qr import PIXELS_PER_MODULE, QUIET_ZONE_MODULES
from tallystick.wire.verification_url import from_url


def read_code(gif: str) -> str:
    """What a phone reads off the image of an answer."""
    image = Image.open(io.BytesIO(base64.b64decode(gif))).convert("L")
    (found,) = zxingcpp.read_barcodes(ImageOps.expand(image, PIXELS_PER_MODULE * QUIET_ZONE_MODULES, 255))
    return str(found.text)


def test_s0_033_equal_baskets_get_codes_of_their_own(ready: Bench) -> None:
    """S2-060: the code holds the verification URL of its own invoice."""
    with_code = body(options={"omitQRCodeGen": "0"})
    answers = [json.loads(ready.device.sell(Order(body=with_code)).answer) for _ in range(3)]
    codes = [read_code(answer["verificationQRCode"]) for answer in answers]
    assert codes == [answer["verificationUrl"] for answer in answers]
    assert [from_url(code).total_counter for code in codes] == [1, 2, 3]
    assert len(set(codes)) == 3
