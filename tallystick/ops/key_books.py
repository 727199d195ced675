"""What explains the authority's signatures beside its own intents: the ledger's heads, the register of certificates."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import psycopg

from tallystick.authority.keys.tasks import OtherBooks
from tallystick.authority.ledger.queries import head_digests
from tallystick.authority.reference.pki.key_store import known_digests


def books_of(conn: psycopg.Connection[Any], origin: str) -> OtherBooks:
    """Those of the log that signs as ``origin``."""

    def heads(first_ms: int, last_ms: int) -> Iterable[bytes]:
        return head_digests(conn, origin, first_ms, last_ms)

    def certificates(digests: Collection[bytes]) -> set[bytes]:
        return known_digests(conn, digests)

    return OtherBooks(heads, certificates)
