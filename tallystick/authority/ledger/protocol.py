"""What stands in the frames between the sequencer and its clients: one byte of kind, then msgpack.

A frame of many appends is a byte of kind and then each request as it would stand alone, its length (u32) before it; the
answer is made alike. Each is booked or refused by itself, in order.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from enum import IntEnum

import msgspec

from tallystick.authority.ledger.entry import Booked, NewEntry
from tallystick.kernel.faults import Fault


class Call(IntEnum):
    """Kinds of requests."""

    APPEND = 0x41
    APPEND_MANY = 0x4D
    STATUS = 0x53


class Reply(IntEnum):
    """Kinds of answers."""

    BOOKED = 0x00
    REFUSED = 0x01
    STATUS = 0x02
    MANY = 0x03


class Refusal(msgspec.Struct, array_like=True, frozen=True):
    """A coded fault on its way to the caller."""

    code: str
    detail: str
    retry_after_seconds: int | None = None
    expected: dict[str, str] = {}


class SequencerStatus(msgspec.Struct, array_like=True, frozen=True, kw_only=True):
    """How the sequencer stands; ``state`` is one of ``writer.State``, ``reason`` says why it does not serve."""

    state: str
    epoch: int
    size: int
    acked_size: int
    queued: int
    reason: str = ""


_encode = msgspec.msgpack.Encoder().encode
decode_entry = msgspec.msgpack.Decoder(NewEntry).decode
_decode_booked = msgspec.msgpack.Decoder(Booked).decode
_decode_refusal = msgspec.msgpack.Decoder(Refusal).decode
_decode_status = msgspec.msgpack.Decoder(SequencerStatus).decode

APPEND = bytes([Call.APPEND])
APPEND_MANY = bytes([Call.APPEND_MANY])
STATUS = bytes([Call.STATUS])
_BOOKED = bytes([Reply.BOOKED])
_REFUSED = bytes([Reply.REFUSED])
_MANY = bytes([Reply.MANY])
_LENGTH = struct.Struct(">I")

MANY_MOST = 256
"""How many appends a frame may hold."""


def write_append(entry: NewEntry) -> bytes:
    """The request to append an entry."""
    return APPEND + _encode(entry)


def join(payloads: Iterable[bytes]) -> bytes:
    """Requests, or answers, as they stand in a frame of many behind its kind."""
    return b"".join([part for one in payloads for part in (_LENGTH.pack(len(one)), one)])


def split(frame: bytes) -> list[bytes]:
    """Undo `join` behind a frame's kind; raises ``TS-5099`` for what is no such frame, or holds too many."""
    found: list[bytes] = []
    position = 1
    while position + _LENGTH.size <= len(frame) and len(found) < MANY_MOST:
        begin = position + _LENGTH.size
        position = begin + _LENGTH.unpack_from(frame, position)[0]
        found.append(frame[begin:position])
    if position != len(frame) or not found or not all(found):
        raise Fault("TS-5099", detail=f"not a frame of at most {MANY_MOST}")
    return found


def write_many(answers: Iterable[bytes]) -> bytes:
    """The answer to a frame of many."""
    return _MANY + join(answers)


def write_booked(booked: Booked) -> bytes:
    """The answer that an entry is booked."""
    return _BOOKED + _encode(booked)


def write_refusal(
    code: str, detail: str, retry_after_seconds: int | None = None, expected: dict[str, str] | None = None
) -> bytes:
    """The answer that an entry is refused; ``expected`` tells a device where its sequence stands."""
    return _REFUSED + _encode(Refusal(code, detail, retry_after_seconds, expected or {}))


def write_status(status: SequencerStatus) -> bytes:
    """The answer to a question for the state."""
    return bytes([Reply.STATUS]) + _encode(status)


def read_booked(payload: bytes) -> Booked:
    """Read an answer to an append; raises the fault that it carries, ``TS-5099`` when it is none of ours."""
    if payload[:1] == _BOOKED:
        return _decode_booked(payload[1:])
    if payload[:1] == _REFUSED:
        refusal = _decode_refusal(payload[1:])
        raise Fault(
            refusal.code,
            detail=refusal.detail,
            retry_after_seconds=refusal.retry_after_seconds,
            expected=refusal.expected,
        )
    raise Fault("TS-5099", detail="an answer of another kind")


def read_many(payload: bytes) -> list[Booked | Fault]:
    """Read an answer to many appends, one for each; raises the fault where the frame was refused whole."""
    if payload[:1] != _MANY:
        read_booked(payload)
        raise Fault("TS-5099", detail="an answer of another kind")
    return [_booked_or_fault(one) for one in split(payload)]


def _booked_or_fault(payload: bytes) -> Booked | Fault:
    try:
        return read_booked(payload)
    except Fault as fault:
        return fault


def read_status(payload: bytes) -> SequencerStatus:
    """Read the answer to a question for the state."""
    return _decode_status(payload[1:])
