"""The request id of the POS API as a header and as the end of a path (wire: 2.6): both must give the same text.

A POS that lost an answer asks by the path for what it named in the header. An id that is not found there is an invoice
that is signed a second time, so nothing may collapse or be decoded in one of them only.
"""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

_ID = re.compile(rb"/invoices/+(?P<id>[^/?][^?]*?)/*(?:\?.*)?\Z", re.IGNORECASE | re.DOTALL)


def header_text(value: bytes) -> str:
    """A header of a POS as text: UTF-8, else Latin-1, without blanks around it."""
    return _decoded(value).strip()


def asked_request_id(raw_path: bytes) -> str:
    """The id at the end of the path as it came, still percent-encoded, since ids may hold slashes; empty if none."""
    found = _ID.search(raw_path)
    return "" if found is None else _decoded(unquote_to_bytes(found["id"])).strip()


def _decoded(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")
