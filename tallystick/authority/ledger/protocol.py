"""What stands in the frames between the sequencer and its clients: one byte of kind, then msgpack."""

from __future__ import annotations

from enum import IntEnum

import msgspec

from tallystick.authority.ledger.entry import Booked, NewEntry
from tallystick.kernel.faults import Fault


class Call(IntEnum):
    """Kinds of requests."""

    APPEND = 0x41
    STATUS = 0x53


class Reply(IntEnum):
    """Kinds of answers."""

    BOOKED = 0x00
    REFUSED = 0x01
    STATUS = 0x02


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
STATUS = bytes([Call.STATUS])
_BOOKED = bytes([Reply.BOOKED])
_REFUSED = bytes([Reply.REFUSED])


def write_append(entry: NewEntry) -> bytes:
    """The request to append an entry."""
    return APPEND + _encode(entry)


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


def read_status(payload: bytes) -> SequencerStatus:
    """Read the answer to a question for the state."""
    return _decode_status(payload[1:])
