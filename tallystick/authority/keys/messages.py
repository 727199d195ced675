"""What the key processes and those who ask them say to each other, in bytes: one request a frame, one answer a frame.

Request: operation (u8), then for a signature the use's name and the label, each behind its length (u8), and the text;
for a public key the label; nothing for the question whether the store answers. Answer: result (u8), then signature, or
purpose (u8 length, name) and SubjectPublicKeyInfo.
"""

from __future__ import annotations

from enum import IntEnum

import attrs

from tallystick.crypto.hsm import check_label
from tallystick.crypto.key_purposes import KeyPurpose
from tallystick.crypto.keys import PublicKey
from tallystick.crypto.policy import Use
from tallystick.kernel.faults import Fault


class Operation(IntEnum):
    """What is asked."""

    SIGN = 1
    PUBLIC_KEY = 2
    READY = 3


class Result(IntEnum):
    """How it ended."""

    DONE = 0
    BUSY = 1
    AWAY = 2
    REFUSED = 3


@attrs.frozen(slots=True)
class SignRequest:
    """One signature: for what, with which key, over which bytes."""

    use: Use
    label: str
    text: bytes


def _short(text: str) -> bytes:
    data = text.encode()
    return bytes([len(data)]) + data


def write_sign_request(request: SignRequest) -> bytes:
    """The request for a signature."""
    return b"".join((b"\x01", _short(request.use.name), _short(request.label), request.text))


def read_sign_request(data: bytes) -> SignRequest:
    """The other way round; raises ``TS-1310`` for a frame that no caller of ours sends."""
    try:
        use, at = _read_short(data, 1)
        label, at = _read_short(data, at)
        return SignRequest(Use[use], check_label(label), data[at:])
    except (KeyError, IndexError, ValueError):
        raise Fault("TS-1310", detail="a request that names no use, or no key that can be") from None


READY_REQUEST = b"\x03"
"""Asks whether the store answers."""


def write_public_key_request(label: str) -> bytes:
    """The request for a public key and its purpose."""
    return b"\x02" + label.encode()


def write_public_key(purpose: KeyPurpose, key: PublicKey) -> bytes:
    """The answer to it."""
    return b"\x00" + _short(purpose) + key.spki


def read_public_key(body: bytes) -> tuple[KeyPurpose, PublicKey]:
    """Read that answer's body."""
    purpose, at = _read_short(body, 0)
    return KeyPurpose(purpose), PublicKey.from_spki(body[at:])


def _read_short(data: bytes, at: int) -> tuple[str, int]:
    end = at + 1 + data[at]
    if end > len(data):
        raise IndexError(end)
    return data[at + 1 : end].decode(), end
