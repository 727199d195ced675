"""The body of ``add-checkpoint`` (C2SP tlog-witness): the old size, a consistency proof, and the checkpoint's note."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable

import attrs

from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import HASH_BYTES
from tallystick.wire.signed_note import NOTE_BYTES_MAX, TREE_SIZE_MAX

PROOF_LINES_MAX = 63
REQUEST_BYTES_MAX = NOTE_BYTES_MAX + 4 * 1024
SIZE_TYPE = "text/x.tlog.size"
"""Content type of the answer 409: the size that the witness cosigned last."""

_OLD = re.compile(r"old (0|[1-9][0-9]{0,18})", re.ASCII)
_SIZE = re.compile(rb"(0|[1-9][0-9]{0,18})\n")


@attrs.frozen(slots=True)
class AddCheckpoint:
    """A request: sizes count entries, hashes have 32 bytes, ``note`` are the checkpoint's bytes as they came."""

    old_size: int
    proof: tuple[bytes, ...]
    note: bytes


def write_add_checkpoint(old_size: int, proof: Iterable[bytes], note: bytes) -> bytes:
    """The request's bytes."""
    lines = [f"old {old_size}", *(base64.b64encode(node).decode("ascii") for node in proof)]
    return "\n".join(lines).encode() + b"\n\n" + note


def parse_add_checkpoint(data: bytes) -> AddCheckpoint:
    """Read a request; raises ``TS-3047`` for anything that has not this form. The note is not looked at yet."""
    if len(data) > REQUEST_BYTES_MAX:
        raise _malformed("a request that is too large")
    head, blank, note = data.partition(b"\n\n")
    try:
        lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError:
        raise _malformed("the lines before the note are not ASCII") from None
    old = _OLD.fullmatch(lines[0])
    if old is None or not blank or int(old[1]) > TREE_SIZE_MAX:
        raise _malformed("the first line says the old size, and an empty line stands before the note")
    if len(lines) - 1 > PROOF_LINES_MAX:
        raise _malformed(f"more than {PROOF_LINES_MAX} lines of proof")
    return AddCheckpoint(int(old[1]), tuple(_hash(line) for line in lines[1:]), note)


def write_size(size: int) -> bytes:
    """The body of an answer 409."""
    return b"%d\n" % size


def parse_size(data: bytes) -> int:
    """Read the body of an answer 409; raises ``TS-1220``."""
    size = _SIZE.fullmatch(data)
    if size is None or int(size[1]) > TREE_SIZE_MAX:
        raise Fault("TS-1220", detail="not the size of a tree")
    return int(size[1])


def _hash(line: str) -> bytes:
    try:
        node = base64.b64decode(line, validate=True)
    except (binascii.Error, ValueError):
        raise _malformed("a line of proof that is not base64") from None
    if len(node) != HASH_BYTES or base64.b64encode(node).decode("ascii") != line:
        raise _malformed("a line of proof that is no hash")
    return node


def _malformed(detail: str) -> Fault:
    return Fault("TS-3047", detail=detail)
