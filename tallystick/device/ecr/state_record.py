"""The register's state as bytes, stored with every document: where it stands, without reading all it ever made."""

from __future__ import annotations

import msgspec

from tallystick.kernel.shifts import RegisterState

_encode = msgspec.json.Encoder(order="deterministic").encode
_decode = msgspec.json.Decoder(RegisterState).decode


def write_state(state: RegisterState) -> bytes:
    """The bytes of a state."""
    return _encode(state)


def read_state(data: bytes) -> RegisterState:
    """Undo `write_state`; raises ``msgspec.ValidationError`` for anything else."""
    return _decode(data)
