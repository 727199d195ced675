"""What may be asked of the register of certificates."""

from __future__ import annotations

from tallystick.authority.reference.pki import key_store, store
from tallystick.authority.reference.pki.values import Issuance, KeptList
from tallystick.authority.room_queries import Connection


def authorities(conn: Connection) -> dict[str, bytes]:
    """Certificates (DER) of all authorities, by name."""
    return store.authorities(conn)


def certificates(
    conn: Connection, *, holder: str = "", tin: str = "", authority: str = "", limit: int = 100
) -> list[Issuance]:
    """Newest first; what a taxpayer sees of his own, and an officer of all."""
    return store.newest(conn, holder=holder, tin=tin, authority=authority, limit=limit)


def certificate_by_serial(conn: Connection, authority: str, serial: int) -> Issuance | None:
    """One, by its issuer's name and its serial number."""
    return store.by_serial(conn, authority, serial)


def counts(conn: Connection) -> list[tuple[str, str, str, int]]:
    """Authority, profile, state, how many."""
    return store.counts(conn)


def newest_list(conn: Connection, authority: str) -> KeptList | None:
    """The revocation list that is in force."""
    return key_store.newest_list(conn, authority)


def newest_lists(conn: Connection) -> dict[str, KeptList]:
    """All that are in force, by authority."""
    return key_store.newest_lists(conn)
