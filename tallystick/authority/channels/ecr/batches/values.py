"""Batches, parts, contacts and matters as values."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

import attrs

from tallystick.kernel.hashing import HASH_BYTES
from tallystick.wire.offline_batch import BATCH_BYTES_MAX, DOCUMENTS_MAX

OPEN_MOST = 4
DEVICE_BYTES_MOST = 128 * 1024 * 1024
ALL_BYTES_MOST = 16 * 1024 * 1024 * 1024
"""What may wait in all: a fleet of two hundred with a full batch each, with room."""
HELD_BYTES_MOST = ALL_BYTES_MOST // 2
"""So far devices on hold may fill it: what they bring waits for their release, and takes no room from a fleet."""
HELD_AGAIN_SECONDS = 60
"""When a register on hold should ask for its receipt again."""


DAY_DOCUMENTS_MOST = 16 * DOCUMENTS_MAX
DAY_BYTES_MOST = 16 * BATCH_BYTES_MAX
"""What one certificate may bring in a day: all that is brought is kept somewhere, be it as evidence. A register that
sells something each second makes 260,000 documents in three days."""


class BatchState(StrEnum):
    """Where a batch stands: parts come, it is to be booked, its receipt is there."""

    OPEN = "open"
    CLOSED = "closed"
    DONE = "done"


@attrs.frozen(slots=True, kw_only=True)
class Batch:
    """A batch without its parts. ``certificate`` is the hash of the closing signer's, ``revoked`` its state then.

    ``code`` says why it was put off last; ``receipt`` is there once it is done. ``announced_by`` is the hash of the
    certificate that announced it, none for one of an older version.
    """

    uid: str
    batch_id: bytes
    tin: str
    first: int
    announced_at: datetime
    state: BatchState
    size: int
    documents: int
    last: int | None
    head: bytes | None
    act_hash: bytes | None
    certificate: bytes | None
    revoked: bool
    closed_at: datetime | None
    attempts: int
    code: str
    receipt: bytes | None
    announced_by: bytes | None = None


@attrs.frozen(slots=True, kw_only=True)
class Part:
    """A part as it is kept; ``body_hashes`` are those of its documents one after another, empty once it is booked."""

    number: int
    sha256: bytes
    size: int
    first: int
    last: int
    last_link: bytes
    body_hashes: bytes
    received_at: datetime

    @property
    def hashes(self) -> list[bytes]:
        """The body hash of each document."""
        text = self.body_hashes
        return [text[at : at + HASH_BYTES] for at in range(0, len(text), HASH_BYTES)]


@attrs.frozen(slots=True, kw_only=True)
class Contact:
    """When a device was heard of last, the highest number that is known of it, its link, and what it said waits."""

    at: datetime
    sequence: int
    link: bytes | None
    waiting: int = 0
    oldest_at: datetime | None = None


class MatterKind(StrEnum):
    """What an inspector should see of the offline channel; each is a kind of case of the same name."""

    OFFLINE_TOO_LONG = "offline-too-long"
    BATCH_APART = "batch-apart"
    HEAD_WENT_BACK = "head-went-back"
    CLOCK_CONTRADICTS = "clock-contradicts"
    REFUND_CONTRADICTS = "refund-contradicts"
    PLACE_SETTLED = "place-settled"
    SHIFT_LACKS = "shift-lacks"


@attrs.frozen(slots=True, kw_only=True)
class Matter:
    """One of them; ``item`` tells it from others of the device, ``amount`` is what is at stake (x 10000)."""

    kind: MatterKind
    uid: str
    item: str
    tin: str
    amount: int = 0
    facts: Mapping[str, str] = attrs.field(factory=dict)
