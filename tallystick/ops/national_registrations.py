"""The registration of a national device as the ledger takes it (0x03), and the beginning that it gave the device."""

from __future__ import annotations

from tallystick.authority.ledger import queries as ledger
from tallystick.authority.ledger.entry import Channel, EntryKind, NewEntry
from tallystick.authority.reference.registry.tasks import REGISTRATION_MEDIA_TYPE, device_registration_body
from tallystick.authority.reference.registry.values import FirstCertificate
from tallystick.authority.room_queries import Connection
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import sha256
from tallystick.kernel.instants import unix_ms
from tallystick.kernel.merkle import leaf_hash
from tallystick.ops.processes.context import system_clock


def device_registration_of(first: FirstCertificate) -> NewEntry:
    """The ledger entry that opens the sequence of a national device, whose pair is its UID twice (S0-038)."""
    body = device_registration_body(first)
    return NewEntry(
        kind=EntryKind.REGISTRY,
        channel=Channel.NONE,
        body=body,
        media_type=REGISTRATION_MEDIA_TYPE,
        received_at_ms=unix_ms(system_clock()),
        act_hash=sha256(body),
        device=(first.device.uid, first.device.uid),
        tin=first.certificate.tin,
        certificate_hash=first.certificate.certificate_hash,
    )


def begun_with(conn: Connection, first: FirstCertificate, index: int) -> bytes:
    """The hash of the leaf at which the ledger began the device's sequence.

    Raises ``TS-3004`` where the ledger began a sequence of this UID with another entry: two devices would have one.
    """
    uid = first.device.uid
    entry, standing = ledger.document_by_index(conn, index), ledger.device_standing(conn, (uid, uid))
    if entry is None or standing is None or standing.registration_index != index:
        raise Fault("TS-3004", detail=f"the ledger knows {uid} by another registration than entry {index}")
    return leaf_hash(entry.leaf)
