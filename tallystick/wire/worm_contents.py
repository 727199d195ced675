"""What stands in the records of a fiscal memory that are no documents: seals, anchors, cuts and notes; signed heads.

A seal covers all records up to ``seq`` by the link of that record. Signed bytes begin with a tag of their own, which
no document's signing input can begin with. All integers are big-endian.
"""

from __future__ import annotations

import re
import struct
from enum import IntEnum

import attrs

from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import HASH_BYTES
from tallystick.kernel.limits import LIMITS

SIGNATURE_BYTES = 64
CHALLENGE_BYTES = 32
_SEAL_TAG = b"tallystick/v1/worm-seal\n"
_HEAD_TAG = b"tallystick/v1/worm-head\n"
_SEAL = struct.Struct(f">8sQ{HASH_BYTES}sIQ")
_HEAD = struct.Struct(f">8sQ{HASH_BYTES}s{CHALLENGE_BYTES}s")
_ANCHOR = struct.Struct(">QQ")
_CUT = struct.Struct(f">IQQ{HASH_BYTES}s")
_NOTE = struct.Struct(">Bq")
SEAL_BYTES = _SEAL.size + SIGNATURE_BYTES
SIGNED_HEAD_BYTES = _HEAD.size + SIGNATURE_BYTES
_UID = re.compile(rb"[A-Z0-9]{8}")


@attrs.frozen(slots=True, kw_only=True)
class SealStatement:
    """What a device signs: its memory up to record ``seq`` with that record's ``link`` (32 bytes), in that segment.

    ``card_counter`` is the total counter of the device's secure element at that moment.
    """

    uid: str
    seq: int
    link: bytes
    segment: int
    card_counter: int


@attrs.frozen(slots=True, kw_only=True)
class Seal:
    """A statement with its ES256 signature (r and s, 64 bytes)."""

    statement: SealStatement
    signature: bytes


@attrs.frozen(slots=True, kw_only=True)
class SignedHead:
    """What a memory answers to a challenge: its monotonic counter and the link of its last record, signed by itself."""

    uid: str
    counter: int
    link: bytes
    challenge: bytes
    signature: bytes = b""


@attrs.frozen(slots=True, kw_only=True)
class Anchor:
    """The operator's answer: records up to ``seq`` are booked, the last at ``log_index``, under this signed note."""

    seq: int
    log_index: int
    checkpoint: bytes


@attrs.frozen(slots=True, kw_only=True)
class Cut:
    """Bytes that a power cut left and that were never a whole record: where they began, how many, their SHA-256."""

    segment: int
    offset: int
    length: int
    digest: bytes


class NoteKind(IntEnum):
    """What happened to the device."""

    POWER_UP = 1
    CLOCK_CHANGE = 2
    FIRMWARE = 3
    KEY = 4


@attrs.frozen(slots=True, kw_only=True)
class Note:
    """An event of the device. ``before_ms`` is what its clock said before (Unix ms); ``text`` is for people."""

    kind: NoteKind
    before_ms: int
    text: str = ""


def seal_text(statement: SealStatement) -> bytes:
    """The bytes that the device signs."""
    return _SEAL_TAG + _statement(statement)


def write_seal(seal: Seal) -> bytes:
    """The 124 bytes of a seal's record; raises ``TS-3208`` for a signature of another length."""
    if len(seal.signature) != SIGNATURE_BYTES:
        raise Fault("TS-3208", detail="a seal's signature has 64 bytes")
    return _statement(seal.statement) + seal.signature


def read_seal(data: bytes) -> Seal:
    """Undo ``write_seal``; raises ``TS-3203``."""
    if len(data) != SEAL_BYTES or _UID.fullmatch(data[:8]) is None:
        raise _damaged("a seal")
    uid, seq, link, segment, card_counter = _SEAL.unpack_from(data)
    statement = SealStatement(uid=uid.decode(), seq=seq, link=link, segment=segment, card_counter=card_counter)
    return Seal(statement=statement, signature=data[_SEAL.size :])


def _statement(statement: SealStatement) -> bytes:
    return _SEAL.pack(
        statement.uid.encode("ascii"), statement.seq, statement.link, statement.segment, statement.card_counter
    )


def head_text(head: SignedHead) -> bytes:
    """The bytes that the memory signs."""
    return _HEAD_TAG + _head(head)


def write_signed_head(head: SignedHead) -> bytes:
    """The 144 bytes of the answer."""
    return _head(head) + head.signature


def read_signed_head(data: bytes) -> SignedHead:
    """Undo ``write_signed_head``; raises ``TS-3203``."""
    if len(data) != SIGNED_HEAD_BYTES or _UID.fullmatch(data[:8]) is None:
        raise _damaged("a signed head")
    uid, counter, link, challenge = _HEAD.unpack_from(data)
    signature = data[_HEAD.size :]
    return SignedHead(uid=uid.decode(), counter=counter, link=link, challenge=challenge, signature=signature)


def _head(head: SignedHead) -> bytes:
    if len(head.challenge) != CHALLENGE_BYTES:
        raise Fault("TS-3208", detail=f"a challenge has {CHALLENGE_BYTES} bytes")
    return _HEAD.pack(head.uid.encode("ascii"), head.counter, head.link, head.challenge)


def write_anchor(anchor: Anchor) -> bytes:
    """The bytes of an anchor's record; raises ``TS-3208`` for a checkpoint that is empty or too long."""
    if not 1 <= len(anchor.checkpoint) <= LIMITS.worm_checkpoint_bytes:
        raise Fault("TS-3208", detail=f"a checkpoint has 1 to {LIMITS.worm_checkpoint_bytes} bytes")
    return _ANCHOR.pack(anchor.seq, anchor.log_index) + anchor.checkpoint


def read_anchor(data: bytes) -> Anchor:
    """Undo ``write_anchor``; raises ``TS-3203``. The checkpoint's own form and signature are not judged."""
    if not _ANCHOR.size < len(data) <= _ANCHOR.size + LIMITS.worm_checkpoint_bytes:
        raise _damaged("an anchor")
    seq, log_index = _ANCHOR.unpack_from(data)
    return Anchor(seq=seq, log_index=log_index, checkpoint=data[_ANCHOR.size :])


def write_cut(cut: Cut) -> bytes:
    """The bytes of a cut's record."""
    return _CUT.pack(cut.segment, cut.offset, cut.length, cut.digest)


def read_cut(data: bytes) -> Cut:
    """Undo ``write_cut``; raises ``TS-3203``."""
    if len(data) != _CUT.size:
        raise _damaged("a cut")
    segment, offset, length, digest = _CUT.unpack(data)
    return Cut(segment=segment, offset=offset, length=length, digest=digest)


def write_note(note: Note) -> bytes:
    """The bytes of a note's record; raises ``TS-3208`` for a text that is too long."""
    text = note.text.encode("utf-8")
    if len(text) > LIMITS.worm_note_bytes:
        raise Fault("TS-3208", detail=f"a note's text has at most {LIMITS.worm_note_bytes} bytes")
    return _NOTE.pack(note.kind, note.before_ms) + text


def read_note(data: bytes) -> Note:
    """Undo ``write_note``; raises ``TS-3203``."""
    if not _NOTE.size <= len(data) <= _NOTE.size + LIMITS.worm_note_bytes:
        raise _damaged("a note")
    kind, before_ms = _NOTE.unpack_from(data)
    try:
        return Note(kind=NoteKind(kind), before_ms=before_ms, text=data[_NOTE.size :].decode("utf-8"))
    except ValueError:
        raise _damaged("a note") from None


def _damaged(what: str) -> Fault:
    return Fault("TS-3203", detail=f"{what} of another form")
