"""What may be asked of the register of certificates."""

from __future__ import annotations

import re

from tallystick.authority.reference.pki import branch_store, key_store, list_store, store
from tallystick.authority.reference.pki.values import Issuance, KeptList, KeptTrustList, Withdrawal
from tallystick.authority.room_queries import Connection

_HEX = re.compile(r"[0-9a-fA-F]{1,64}", re.ASCII)
_HOLDERS = ("device", "card", "taxpayer", "staff", "service", "authority")
_SERIAL_BYTES_MAX, _HASH_BYTES = 20, 32


def authorities(conn: Connection) -> dict[str, bytes]:
    """Certificates (DER) of all authorities, by name."""
    return store.authorities(conn)


def withdrawals(conn: Connection) -> dict[str, Withdrawal]:
    """Issuing authorities that are withdrawn, by name."""
    return branch_store.withdrawals(conn)


def certificates(
    conn: Connection, *, holder: str = "", tin: str = "", authority: str = "", limit: int = 100
) -> list[Issuance]:
    """Newest first; what a taxpayer sees of his own, and an officer of all."""
    return store.newest(conn, holder=holder, tin=tin, authority=authority, limit=limit)


def search(conn: Connection, words: str, *, limit: int = 100) -> list[Issuance]:
    """Newest first, what a person means: a serial number or SHA-256 (hex, colons allowed), the UID of a device or card,
    a taxpayer's TIN, a user's or service's name, or words of the name in the certificate."""
    plain = words.replace(":", "").replace(" ", "")
    number = bytes.fromhex(plain.zfill(len(plain) + len(plain) % 2)) if _HEX.fullmatch(plain) else b""
    holders = [f"{kind}:{name}" for kind in _HOLDERS for name in dict.fromkeys((words, words.upper(), words.lower()))]
    serial = int.from_bytes(number, "big") if number and len(number) <= _SERIAL_BYTES_MAX else None
    digest = number if len(number) == _HASH_BYTES else b""
    return store.search(conn, words, serial=serial, digest=digest, holders=holders, limit=limit)


def certificate_by_serial(conn: Connection, authority: str, serial: int) -> Issuance | None:
    """One, by its issuer's name and its serial number."""
    return store.by_serial(conn, authority, serial)


def certificate_by_hash(conn: Connection, certificate_hash: bytes) -> Issuance | None:
    """One, by the SHA-256 of its DER."""
    return store.by_hash(conn, certificate_hash)


def counts(conn: Connection) -> list[tuple[str, str, str, int]]:
    """Authority, profile, state, how many."""
    return store.counts(conn)


def issued_of_profile(conn: Connection, profile: str) -> list[bytes]:
    """Every certificate (DER) of a profile, ended and revoked ones too, oldest first."""
    return store.issued_of_profile(conn, profile)


def newest_trust_list(conn: Connection) -> KeptTrustList | None:
    """The trust list in force."""
    return list_store.newest_trust_list(conn)


def newest_list(conn: Connection, authority: str) -> KeptList | None:
    """The revocation list that is in force."""
    return key_store.newest_list(conn, authority)


def newest_lists(conn: Connection) -> dict[str, KeptList]:
    """All that are in force, by authority."""
    return key_store.newest_lists(conn)
