"""Tokens of page views: each opens the item list of one invoice once, within half an hour."""

from __future__ import annotations

import secrets
import struct
from collections import OrderedDict
from datetime import datetime, timedelta
from uuid import UUID

from tallystick.kernel.hashing import hmac_sha256
from tallystick.kernel.instants import unix_ms

LIFETIME = timedelta(minutes=30)
USED_REMEMBERED_MAX = 100_000
_HEAD = struct.Struct(">IH")


class PageTokens:
    """Makes and takes tokens. A token is time, chance and a keyed hash in the form of a GUID; used ones are remembered.

    Belongs to one process: what another one made or saw is unknown here.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._used: OrderedDict[bytes, None] = OrderedDict()

    def make(self, invoice_number: str, now: datetime) -> str:
        """A token for one view of one invoice."""
        head = _HEAD.pack(unix_ms(now) // 1000, secrets.randbits(16))
        return str(UUID(bytes=head + self._mark(head, invoice_number)))

    def take(self, token: str, invoice_number: str, now: datetime) -> bool:
        """Whether the token is good for that invoice; a good one is spent by asking, in whatever spelling."""
        try:
            raw = UUID(token).bytes
        except ValueError:
            return False
        head = raw[: _HEAD.size]
        age_seconds = unix_ms(now) // 1000 - int(_HEAD.unpack(head)[0])
        good = secrets.compare_digest(raw[_HEAD.size :], self._mark(head, invoice_number))
        if not good or not 0 <= age_seconds <= LIFETIME.total_seconds() or raw in self._used:
            return False
        self._used[raw] = None
        if len(self._used) > USED_REMEMBERED_MAX:
            self._used.popitem(last=False)
        return True

    def _mark(self, head: bytes, invoice_number: str) -> bytes:
        return hmac_sha256(self._secret, head + invoice_number.encode("ascii", "replace"))[:10]
