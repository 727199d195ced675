"""Background work of the registry: every registration gets its entry in the ledger."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import msgspec

from tallystick.authority.reference.registry import store
from tallystick.authority.reference.registry.values import SecureElementEntry
from tallystick.authority.room_queries import Connection
from tallystick.kernel.instants import unix_ms

REGISTRATION_MEDIA_TYPE = "application/vnd.tallystick.registration+json"
_BATCH = 512
_PARALLEL = 16


class BookedLike(Protocol):
    """What the ledger answers."""

    @property
    def index(self) -> int:
        """The entry's index."""


def registration_body(entry: SecureElementEntry) -> bytes:
    """The registration as the ledger keeps it: RFC 8785 JSON, text only, the same bytes whenever it is written.

    It says nothing that changes later (state, premises), so a repeated publication is recognised as the same.
    """
    x, y = entry.environment
    return msgspec.json.encode(
        {
            "certificate": entry.certificate.hex(),
            "certificateHash": entry.certificate_hash.hex(),
            "environment": f"{x}.{y}",
            "limit": str(entry.limit.scaled),
            "notAfter": str(unix_ms(entry.not_after)),
            "notBefore": str(unix_ms(entry.not_before)),
            "tin": str(entry.tin),
            "type": "secure-element",
            "uid": str(entry.uid),
        },
        order="sorted",
    )


def publish_registrations(conn: Connection, append: Callable[[SecureElementEntry], BookedLike]) -> int:
    """Hand every unpublished secure element to ``append`` and note the index; returns how many were published.

    ``append`` is called from several threads at once and must answer a repeated registration with the first index:
    a crash between the two steps repeats the first. What ``append`` raises goes on up; the others are kept.
    """
    published = 0
    while entries := store.unpublished_secure_elements(conn, _BATCH):
        conn.commit()
        failure: Exception | None = None
        with ThreadPoolExecutor(_PARALLEL, "registration") as threads:
            waiting = [(entry, threads.submit(append, entry)) for entry in entries]
            for entry, future in waiting:
                try:
                    booked = future.result()
                except Exception as error:
                    failure = error
                    continue
                published += store.set_registration_index(conn, entry.uid, booked.index)
        conn.commit()
        if failure is not None:
            raise failure
    return published
