"""An entry for a person to read: what the document and its record say, as JSON beside the raw bytes.

Numbers stand as they stand in the document; nothing is rounded or written anew.
"""

from __future__ import annotations

import msgspec

from tallystick.authority.ledger.entry import EntryKind
from tallystick.authority.ledger.queries import LedgerDocument
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import buyer_commitment
from tallystick.kernel.identifiers import canonical_buyer
from tallystick.wire.compact_jws import read_base64url
from tallystick.wire.record import BUYER_FACT

_NONE = msgspec.Raw(b"null")
_check = msgspec.json.Decoder(msgspec.Raw).decode


def readable(document: LedgerDocument, salt: bytes, buyer: str | None) -> bytes:
    """One JSON object with line breaks: where it stands, what it is, its record, its text, the buyer's commitment."""
    facts = document.facts
    about: dict[str, object] = {
        "index": document.index,
        "kind": EntryKind(int(facts.kind)).name.lower().replace("_", " "),
        "mediaType": document.media_type,
        "record": msgspec.Raw(document.record),
        "document": _text_of(document.body),
        "erased": not document.body,
    }
    commitment = facts.facts.get(BUYER_FACT)
    if commitment is not None:
        named = canonical_buyer(buyer)
        opens = bool(salt and named) and buyer_commitment(salt, named).hex() == commitment
        about["buyer"] = {"commitment": commitment, "salt": salt.hex(), "opens": opens}
    return msgspec.json.format(msgspec.json.encode(about), indent=1) + b"\n"


def _text_of(body: bytes) -> object:
    """The body where it is JSON, the payload of a signed one, the text of any other; null where there is none."""
    if not body:
        return _NONE
    try:
        if body[:1] in b"{[":
            return _raw(body)
        parts = body.split(b".")
        if len(parts) == 3:
            return _raw(read_base64url(parts[1]))
    except (Fault, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    return body.decode("utf-8", "replace")


def _raw(data: bytes) -> msgspec.Raw:
    data.decode("utf-8")
    return msgspec.Raw(bytes(_check(data)))
