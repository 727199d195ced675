"""EST's way of carrying DER: base64 in lines, with blanks allowed between them (RFC 7030, 4; RFC 8951, 3.1)."""

from __future__ import annotations

import base64
import binascii

from tallystick.kernel.faults import Fault

_LINE_CHARACTERS = 64
_BLANKS = b" \t\r\n"


def write_base64(der: bytes) -> bytes:
    """Base64 in lines of 64 characters, each ended by CR LF."""
    text = base64.b64encode(der)
    lines = (text[start : start + _LINE_CHARACTERS] for start in range(0, len(text), _LINE_CHARACTERS))
    return b"".join(line + b"\r\n" for line in lines)


def read_base64(body: bytes) -> bytes:
    """DER out of a body: base64 with blanks anywhere, whatever the header about coding says (RFC 8951, 3.1).

    A PEM frame around it is taken off, since common tools write one. Raises ``TS-3002``.
    """
    text = body.strip(_BLANKS)
    if text.startswith(b"-----BEGIN"):
        lines = text.splitlines()
        text = b"".join(line for line in lines if not line.startswith(b"-----"))
    try:
        der = base64.b64decode(text.translate(None, _BLANKS), validate=True)
    except (binascii.Error, ValueError):
        raise Fault("TS-3002", detail="the body is not base64") from None
    if not der:
        raise Fault("TS-3002", detail="the body is empty")
    return der
