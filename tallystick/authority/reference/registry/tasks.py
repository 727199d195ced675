"""Background work of the registry: every registration gets its entry in the ledger."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

import msgspec
import psycopg

from tallystick.authority.reference.registry import device_store, store
from tallystick.authority.reference.registry.values import FirstCertificate, SecureElementEntry
from tallystick.authority.room_queries import Connection
from tallystick.kernel.hashing import device_genesis
from tallystick.kernel.instants import unix_ms

REGISTRATION_MEDIA_TYPE = "application/vnd.tallystick.registration+json"
_BATCH = 512
_PARALLEL = 16

T = TypeVar("T")


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


def device_registration_body(first: FirstCertificate) -> bytes:
    """The registration of a national device, in the same form; it says nothing that changes after this certificate."""
    device, certificate = first.device, first.certificate
    return msgspec.json.encode(
        {
            "certificate": certificate.certificate.hex(),
            "certificateHash": certificate.certificate_hash.hex(),
            "deviceClass": str(int(certificate.device_class)),
            "maker": device.maker,
            "memoryNumber": device.memory_number,
            "model": device.model,
            "notAfter": str(unix_ms(certificate.not_after)),
            "notBefore": str(unix_ms(certificate.not_before)),
            "serialNumber": device.serial_number,
            "tin": str(certificate.tin),
            "type": "fiscal-device",
            "uid": str(device.uid),
        },
        order="sorted",
    )


def publish_registrations(conn: Connection, append: Callable[[SecureElementEntry], BookedLike]) -> int:
    """Hand every unpublished secure element to ``append`` and note the index; returns how many were published.

    ``append`` is called from several threads at once and must answer a repeated registration with the first index:
    a crash between the two steps repeats the first. What ``append`` raises goes on up; the others are kept.
    """

    def keep(entry: SecureElementEntry, index: int) -> bool:
        return store.set_registration_index(conn, entry.uid, index)

    published = 0
    while entries := store.unpublished_secure_elements(conn, _BATCH):
        conn.commit()
        published += _hand_over(conn, entries, append, keep)
    return published


def publish_devices(
    conn: Connection,
    append: Callable[[FirstCertificate], BookedLike],
    leaf_hash_of: Callable[[Connection, FirstCertificate, int], bytes],
) -> int:
    """The same for national devices that have their first certificate; the genesis of their sequence is noted, too.

    ``leaf_hash_of`` gives the hash of the ledger's leaf at an index, after a look whether the ledger began the
    device's sequence there.
    """

    def keep(first: FirstCertificate, index: int) -> bool:
        uid, digest = first.device.uid, first.certificate.certificate_hash
        genesis = device_genesis(f"{uid}-{uid}", digest, leaf_hash_of(conn, first, index))
        return device_store.note_registration(conn, uid, index, genesis)

    published = 0
    while devices := device_store.unpublished(conn, _BATCH):
        conn.commit()
        published += _hand_over(conn, devices, append, keep)
    return published


def _hand_over(
    conn: Connection, entries: list[T], append: Callable[[T], BookedLike], keep: Callable[[T, int], bool]
) -> int:
    """How many were booked and kept, in one transaction; then the last failure goes on up."""
    kept, failure = 0, None
    with ThreadPoolExecutor(_PARALLEL, "registration") as threads:
        for entry, future in [(entry, threads.submit(append, entry)) for entry in entries]:
            try:
                kept += keep(entry, future.result().index)
            except psycopg.Error:
                raise
            except Exception as error:
                failure = error
    conn.commit()
    if failure is not None:
        raise failure
    return kept
