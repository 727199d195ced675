"""What this channel keeps, as values."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import attrs
import msgspec


@attrs.frozen(slots=True)
class PosEntry:
    """A POS: keyed hash of its PAC, wrong ones in a row, and until when it is locked."""

    uid: str
    pac_hash: bytes = attrs.field(repr=False)
    wrong_pacs: int
    locked_until: datetime | None


class SignerState(StrEnum):
    """Whether a signing element takes new invoices. A retired one still ends what it began."""

    ACTIVE = "active"
    RETIRED = "retired"

    @property
    def takes_invoices(self) -> bool:
        """Whether new ones go to it."""
        return self is SignerState.ACTIVE


@attrs.frozen(slots=True)
class SignerEntry:
    """A signing element of the operator, and under which label its key lies."""

    uid: str
    key_label: str
    state: SignerState


class Act(msgspec.Struct, array_like=True, frozen=True, kw_only=True, gc=False):
    """All that is needed to sign and to finish one invoice, stored before it is signed.

    ``text`` are the 321 or 577 bytes under the signature, ``internal`` the counters sealed in them (96 + 17n bytes);
    the same act always gives the same document.
    """

    request: bytes
    language: str
    group_id: int
    taxes: bytes
    text: bytes
    internal: bytes
    mrc: str
    verification_prefix: str

    def encode(self) -> bytes:
        """For the table."""
        return _ENCODER.encode(self)

    @classmethod
    def decode(cls, data: bytes) -> Act:
        """Undo `encode`; raises ``msgspec.DecodeError``."""
        return _DECODER.decode(data)


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Act)


@attrs.frozen(slots=True, kw_only=True)
class Taking:
    """A wish for the next number of a pair."""

    requested_by: str
    signed_by: str
    total_counter: int
    act: bytes
    request_id: str
    request_hash: bytes
    taken_at: datetime


@attrs.frozen(slots=True)
class OpenAct:
    """The newest act of a pair whose document the ledger does not have; ``record`` is an `Act`."""

    requested_by: str
    signed_by: str
    total_counter: int
    record: bytes


@attrs.frozen(slots=True)
class Number:
    """Signer and total counter that a request got."""

    signed_by: str
    total_counter: int
