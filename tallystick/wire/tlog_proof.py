"""A proof that an entry stands in a log, as one text file (``c2sp.org/tlog-proof@v1``, extension ``.tlog-proof``).

It holds the entry's index, the hashes of its inclusion path and the log's checkpoint, and is checked without network.
"""

from __future__ import annotations

import base64
import binascii
import re

import attrs

from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import HASH_BYTES
from tallystick.wire.signed_note import NOTE_BYTES_MAX, SignedNote, parse_note, write_note

MAGIC = "c2sp.org/tlog-proof@v1"
EXTRA_BYTES_MAX = 16 * 1024
HASHES_MAX = 63
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,18})", re.ASCII)


@attrs.frozen(slots=True)
class TlogProof:
    """The parts of a proof; ``extra`` is context for people, and nothing vouches for it."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: SignedNote
    extra: bytes = b""


def write_proof(proof: TlogProof) -> bytes:
    """The file's bytes."""
    lines = [MAGIC]
    if proof.extra:
        lines.append(f"extra {base64.b64encode(proof.extra).decode()}")
    lines.append(f"index {proof.index}")
    lines.extend(base64.b64encode(node).decode() for node in proof.hashes)
    return "\n".join(lines).encode() + b"\n\n" + write_note(proof.checkpoint)


def read_proof(data: bytes) -> TlogProof:
    """Read a file; raises ``TS-1220``. Nothing in it is trusted before the checkpoint's signature is checked."""
    if len(data) > NOTE_BYTES_MAX + 2 * EXTRA_BYTES_MAX:
        raise Fault("TS-1220", detail="a proof file that is too large")
    head, blank, note = data.partition(b"\n\n")
    try:
        lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError:
        raise Fault("TS-1220", detail="a proof file that is not text") from None
    if lines.pop(0) != MAGIC or not blank:
        raise Fault("TS-1220", detail="not a proof file of version 1")
    extra = _bytes(lines.pop(0).removeprefix("extra ")) if lines and lines[0].startswith("extra ") else b""
    index = _INDEX.fullmatch(lines.pop(0)) if lines else None
    if index is None or len(extra) > EXTRA_BYTES_MAX:
        raise Fault("TS-1220", detail="a proof file without an index, or with too much beside it")
    hashes = tuple(_bytes(line) for line in lines)
    if len(hashes) > HASHES_MAX or any(len(node) != HASH_BYTES for node in hashes):
        raise Fault("TS-1220", detail="a proof file with lines that are no hashes")
    return TlogProof(int(index[1]), hashes, parse_note(note), extra)


def _bytes(text: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Fault("TS-1220", detail="not base64") from None
    if not data or base64.b64encode(data).decode() != text:
        raise Fault("TS-1220", detail="base64 with stray bits or nothing in it")
    return data
