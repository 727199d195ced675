"""The signed form of national documents: one spelling of base64url, and each member of the header once (TS-1201)."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.kernel.faults import Fault
from tallystick.kernel.identifiers import Uid
from tallystick.wire import document_jws
from tallystick.wire.document_jws import DocumentHeader, read_signed, write_signed


@given(st.binary(max_size=12) | st.text("AQgwz09-_+/=. !\n", max_size=9).map(str.encode))
def test_base64url_has_one_spelling(text: bytes) -> None:
    """Against the standard library: what decodes is what would be written, and all of that decodes."""
    try:
        raw = base64.b64decode(text + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
        expected = raw if base64.urlsafe_b64encode(raw).rstrip(b"=") == text else "TS-1201"
    except ValueError:
        expected = "TS-1201"
    found: bytes | str
    try:
        found = document_jws._decoded(text.translate(document_jws._TO_BASE64))
    except Fault as fault:
        found = fault.code
    assert found == expected


@pytest.mark.parametrize("name", ["kid", "ts-aud", "ts-dev", "ts-seq", "crit"])
@pytest.mark.parametrize("gap", [b"", b" ", b"\n"])
def test_ts_1201_a_member_of_the_header_twice(name: str, gap: bytes) -> None:
    """Neither a gap before the colon nor an escape makes up for the second one."""
    header = DocumentHeader(
        kid=bytes(32),
        audience="log/x",
        device=Uid("SOFT0001"),
        sequence=1,
        previous=bytes(32),
        nonce=bytes(16),
        time_ms=0,
    )
    compact = write_signed(header, b"{}", lambda text: b"s" * 64)
    first, rest = compact.split(b".", 1)
    said = base64.urlsafe_b64decode(first + b"=" * (-len(first) % 4))
    begins = said.index(b'"%s":' % name.encode())
    ends = said.index(b"]" if name == "crit" else b",", begins) + (name == "crit")
    member = said[begins:ends]
    apart = member.replace(b'":', b'"' + gap + b":", 1)
    escaped = apart.replace(b'"' + name[:1].encode(), b'"\\u%04x' % ord(name[0]), 1)
    for again in (apart, escaped):
        spoilt = base64.urlsafe_b64encode(said.replace(b"{", b"{" + again + b",")).rstrip(b"=") + b"." + rest
        with pytest.raises(Fault, match="TS-1201"):
            read_signed(spoilt)
    quoted = base64.urlsafe_b64encode(said.replace(b"log/x", b'log/x\\"')).rstrip(b"=") + b"." + rest
    assert read_signed(quoted).header.audience == 'log/x"'
