"""Verification URL: a vector laid out by hand from S2-056, every encoding seen in the field, and refusals."""

from __future__ import annotations

import hashlib
from base64 import b64encode, urlsafe_b64encode

import attrs
import pytest
from taxcore_values import INTERNAL_DATA, PREFIX, SERVER_UID, SIGNATURE, UID

from tallystick.kernel.faults import Fault
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.invoice import InvoiceType, TransactionType
from tallystick.wire.verification_url import VerificationData, decode, encode, from_url, is_prefix, to_url

DATA = VerificationData(
    requested_by=UID,
    signed_by=SERVER_UID,
    total_counter=0x01020304,
    type_counter=0x0A0B,
    amount=Money(684_600),
    time_ms=1_772_443_793_803,
    invoice_type=InvoiceType.ADVANCE,
    transaction_type=TransactionType.REFUND,
    buyer_id=b"10:123456789",
    encrypted_internal_data=INTERNAL_DATA,
    signature=SIGNATURE,
)
# Each field on a line of its own, written by hand from the row's offsets; the checksum by another MD5 than the codec's.
HEAD = bytes.fromhex(
    "03"
    "4142313243443334"  # AB12CD34
    "5a5a393959594f30"  # ZZ99YYO0
    "04030201"  # total counter, little endian
    "0b0a0000"  # type counter, little endian
    "38720a0000000000"  # 68.46 x 10000, little endian
    "0000019cade1f98b"  # time in ms, big endian
    "04"
    "01"
    "0c"
    "31303a313233343536373839"  # 10:123456789
)
UNSEALED = HEAD + INTERNAL_DATA + SIGNATURE
RAW = UNSEALED + hashlib.md5(UNSEALED).digest()


def refused(raw: bytes) -> tuple[str, str, str]:
    """Code, pointer and sub-code."""
    with pytest.raises(Fault) as caught:
        decode(raw)
    return caught.value.code, caught.value.fields[0].pointer, caught.value.fields[0].code


def sealed(raw: bytes) -> bytes:
    """The bytes with a checksum that fits."""
    return raw + hashlib.md5(raw).digest()


def test_s2_056_the_layout_byte_for_byte() -> None:
    assert encode(DATA) == RAW
    assert len(RAW) == 572 + 12
    assert decode(RAW) == DATA


def test_s2_056_internal_data_of_512_bytes() -> None:
    data = attrs.evolve(DATA, encrypted_internal_data=INTERNAL_DATA * 2, buyer_id=b"")
    assert len(encode(data)) == 828
    assert decode(encode(data)) == data


def test_s2_057_every_type_pair() -> None:
    for invoice_type in InvoiceType:
        for transaction_type in TransactionType:
            raw = encode(attrs.evolve(DATA, invoice_type=invoice_type, transaction_type=transaction_type))
            assert raw[41:43] == bytes([invoice_type, transaction_type])
            assert (decode(raw).invoice_type, decode(raw).transaction_type) == (invoice_type, transaction_type)


def test_s2_058_percent_encoded_base64_after_the_prefix() -> None:
    url = to_url(PREFIX, DATA)
    text = b64encode(RAW).decode()
    assert url == PREFIX + text.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")
    assert "%2B" in url
    assert "%2F" in url
    assert "%3D" not in url or text.endswith("=")


def _encodings() -> dict[str, str]:
    text = b64encode(RAW).decode()
    upper = to_url(PREFIX, DATA).partition("vl=")[2]
    return {
        "upper-case escapes": f"{PREFIX}{upper}",
        "lower-case escapes": PREFIX + upper.replace("%2B", "%2b").replace("%2F", "%2f").replace("%3D", "%3d"),
        "raw": PREFIX + text,
        "missing padding": PREFIX + upper.replace("%3D", ""),
        "too much padding": PREFIX + text + "==",
        "URL-safe alphabet": PREFIX + urlsafe_b64encode(RAW).decode().rstrip("="),
        "blanks for plus": PREFIX + text.replace("+", " "),
        "escaped blanks for plus": PREFIX + text.replace("+", "%20"),
        "with a port": f"https://verify.example:443/v/?vl={upper}",
        "more parameters": f"https://verify.example/v/?lang=en&vl={upper}&x=1",
        "fragment": f"{PREFIX}{upper}#top",
        "query alone": f"vl={upper}",
        "letters escaped too": PREFIX + "".join(f"%{ord(letter):02x}" for letter in text[:8]) + upper[8:],
    }


@pytest.mark.parametrize("form", _encodings())
def test_every_encoding_seen_in_the_field(form: str) -> None:
    assert from_url(_encodings()[form]) == DATA


def test_a_buyer_id_with_its_padding_is_read_without_it() -> None:
    padded = bytearray(UNSEALED[:43])
    raw = sealed(bytes(padded) + b"\x14" + b"10:123456789".rjust(20, b"\0") + INTERNAL_DATA + SIGNATURE)
    assert decode(raw) == DATA


def test_k_09_version_2_has_no_checksum() -> None:
    old = attrs.evolve(DATA, version=2)
    raw = b"\x02" + UNSEALED[1:]
    assert encode(old) == raw
    assert decode(raw) == old
    assert refused(b"\x02" + RAW[1:])[:2] == ("TS-1220", "/")


@pytest.mark.parametrize("position", [0, 1, 9, 17, 25, 33, 41, 43, 44, 60, 400, 583])
def test_k_09_any_changed_byte_is_refused(position: int) -> None:
    raw = bytearray(RAW)
    raw[position] ^= 0x40
    assert refused(bytes(raw))[0] == "TS-1220"


@pytest.mark.parametrize(
    ("raw", "pointer", "code"),
    [
        (b"", "/", "3"),
        (RAW[:43], "/", "3"),
        (RAW[:-1], "/", "5"),
        (RAW + b"\0", "/", "5"),
        (RAW[:-16] + bytes(16), "/checksum", "5"),
        (sealed(b"\x04" + UNSEALED[1:]), "/version", "4"),
        (sealed(UNSEALED[:1] + b"ab12cd34" + UNSEALED[9:]), "/requestedBy", "5"),
        (sealed(UNSEALED[:9] + b"\0" * 8 + UNSEALED[17:]), "/signedBy", "5"),
        (sealed(UNSEALED[:41] + b"\x05" + UNSEALED[42:]), "/invoiceType", "4"),
        (sealed(UNSEALED[:42] + b"\x02" + UNSEALED[43:]), "/transactionType", "4"),
        (sealed(UNSEALED[:43] + b"\x15" + b"1" * 21 + UNSEALED[56:]), "/buyerId", "2"),
    ],
)
def test_refusals_name_the_part(raw: bytes, pointer: str, code: str) -> None:
    assert refused(raw) == ("TS-1220", pointer, code)


@pytest.mark.parametrize(
    "url",
    ["", "https://verify.example/", PREFIX, "vl=", PREFIX + "!", PREFIX + "ЖЖ", PREFIX + "%ff", PREFIX + "A", "avl=QQ"],
)
def test_urls_that_say_nothing(url: str) -> None:
    with pytest.raises(Fault) as caught:
        from_url(url)
    assert caught.value.code == "TS-1220"


def test_a_url_beyond_2_kib_is_refused_unread() -> None:
    with pytest.raises(Fault) as caught:
        from_url(PREFIX + "A" * 2048)
    assert caught.value.fields[0].code == "2"


@pytest.mark.parametrize(
    "data",
    [
        attrs.evolve(DATA, signature=b""),
        attrs.evolve(DATA, encrypted_internal_data=bytes(300)),
        attrs.evolve(DATA, buyer_id=b"1" * 21),
        attrs.evolve(DATA, amount=Money(-1)),
        attrs.evolve(DATA, total_counter=2**32),
        attrs.evolve(DATA, version=1),
    ],
)
def test_what_the_layout_cannot_hold_is_our_own_bug(data: VerificationData) -> None:
    with pytest.raises(ValueError):
        encode(data)


@pytest.mark.parametrize(
    ("text", "good"),
    [
        (PREFIX, True),
        ("http://127.0.0.1:8440/v/?vl=", True),
        ("https://verify.example/v/?lang=en&vl=", True),
        ("", False),
        ("verify.example/v/?vl=", False),
        ("https://verify.example/v/", False),
        ("https://провера.example/v/?vl=", False),
        ("https://verify.example/v /?vl=", False),
        ("https://verify.example/v/?vl=\n", False),
        ("https://verify.example/" + "v" * 500 + "?vl=", False),
    ],
)
def test_prefixes_that_command_2_may_set(text: str, good: bool) -> None:
    assert is_prefix(text) is good


def test_the_number_of_the_invoice() -> None:
    assert str(DATA.number) == f"{UID}-{SERVER_UID}-16909060"
