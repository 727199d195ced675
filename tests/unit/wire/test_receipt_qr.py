"""The code of a national receipt on paper: small enough for a narrow roll, and read from there (K-19, S2-061)."""

from __future__ import annotations

from datetime import UTC, datetime

import cv2
import numpy as np
import pytest
import zxingcpp

from benchmarks.national_documents import Register
from tallystick.ops.settings import Settings
from tallystick.wire.qr import QUIET_ZONE_MODULES, qr_matrix
from tallystick.wire.receipt_code import PATH, read_receipt_code

VERSION_10 = 57
DOTS = 4
"""A module of half a millimetre at 203 dpi."""


def letters(uid: str = "ZZZZZZZZ") -> str:
    till = Register.of(uid, "300000003", "fdo.example", datetime(2026, 3, 4, 10, tzinfo=UTC))
    till.device.link = bytes(32)
    till.register()
    till.open()
    return till.sell("99999999999.99").letters


@pytest.mark.parametrize("address", [Settings().public_url, "https://verify.tax-authority.example.gov.aq/"])
@pytest.mark.parametrize("level", ["L", "M"])
def test_k_19_the_printed_address_fits_into_version_10(address: str, level: str) -> None:
    url = address.rstrip("/") + PATH + letters()
    assert len(qr_matrix(url, level)) <= VERSION_10, f"{len(url)} letters"


@pytest.mark.parametrize("read", ["zxing", "opencv"])
def test_k_19_two_decoders_read_it_at_203_dpi(read: str) -> None:
    url = Settings().public_url.rstrip("/") + PATH + letters()
    modules = np.array(qr_matrix(url, "M"), dtype=np.uint8)
    dots = np.kron(np.pad(1 - modules, QUIET_ZONE_MODULES, constant_values=1), np.ones((DOTS, DOTS), np.uint8)) * 255
    assert dots.shape[0] - 2 * QUIET_ZONE_MODULES * DOTS <= 48 * 8, "wider than a narrow roll prints"
    found = zxingcpp.read_barcodes(dots)[0].text if read == "zxing" else cv2.QRCodeDetector().detectAndDecode(dots)[0]
    assert found == url
    assert read_receipt_code(found.rpartition("/")[2]).device == "ZZZZZZZZ"
