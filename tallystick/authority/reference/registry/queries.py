"""What may be asked of the registry."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from tallystick.authority.reference.registry import device_store, pending_store, store
from tallystick.authority.reference.registry.presented import PendingRegister, RegisterRule
from tallystick.authority.reference.registry.values import (
    AppUser,
    DeviceCertificate,
    FiscalDevice,
    NationalDevice,
    Premises,
    RegistryOverview,
    Revocation,
    SecureElementEntry,
    Taxpayer,
)
from tallystick.authority.room_queries import Connection


def secure_element(conn: Connection, uid: str) -> SecureElementEntry | None:
    """The registered element of that UID, straight from the database."""
    return store.secure_element(conn, uid)


def secure_elements(conn: Connection, uids: Collection[str]) -> dict[str, SecureElementEntry]:
    """The registered elements among many UIDs, straight from the database, in one question."""
    return {entry.uid: entry for entry in store.secure_elements(conn, uids)} if uids else {}


def fiscal_device(conn: Connection, uid: str) -> FiscalDevice | None:
    """The registered device of the national channels of that UID, with the names of its taxpayer and premises."""
    return device_store.device(conn, uid)


def devices_of(conn: Connection, *, tin: str = "", maker: str = "", most: int) -> list[str]:
    """UIDs of a taxpayer's or a maker's registers that are not closed, in order."""
    return device_store.devices_of(conn, tin, maker, most)


def devices_registered_before(conn: Connection, after: str, before: datetime, most: int) -> list[str]:
    """UIDs of registers that are not closed and were registered before a moment, a page behind one, in order."""
    return device_store.registered_before(conn, after, before, most)


def pending_registers(conn: Connection, *, state: str = "", tin: str = "", limit: int = 100) -> list[PendingRegister]:
    """First requests of registers in a state (empty: all), newest first."""
    return pending_store.pending(conn, state, tin, limit)


def rules_in_force(conn: Connection, at: datetime, *, tin: str = "", limit: int = 100) -> list[RegisterRule]:
    """Rules that would let another register in at that moment."""
    return pending_store.rules_in_force(conn, tin, at, limit)


def national_device(conn: Connection, uid: str) -> NationalDevice | None:
    """The registered device of that UID with its seller, as the intake sees it; the agreement is not looked at."""
    return device_store.national_device(conn, uid)


def certificates_of_device(conn: Connection, uid: str, *, limit: int = 100) -> list[DeviceCertificate]:
    """The certificates that were issued to a national device, the newest first; revoked ones too."""
    return device_store.certificates_of(conn, uid, limit)


def device_certificates(conn: Connection, hashes: Collection[bytes]) -> dict[bytes, DeviceCertificate]:
    """Certificates of national devices by the SHA-256 of their DER."""
    return {one.certificate_hash: one for one in device_store.certificates(conn, hashes)} if hashes else {}


def taxpayer(conn: Connection, tin: str) -> Taxpayer | None:
    """The registered taxpayer of that TIN."""
    return store.taxpayer(conn, tin)


def revocation(conn: Connection, certificate_hash: bytes) -> Revocation | None:
    """Of one certificate, by the SHA-256 of its DER; lifted or not."""
    return store.revocation(conn, certificate_hash)


def device_revocations(conn: Connection, uid: str) -> list[Revocation]:
    """Revocations in force of a national device's certificates, but for those that only a newer one has replaced."""
    return store.device_revocations(conn, uid)


def revocations(conn: Connection) -> Iterable[Revocation]:
    """All that stand: the one truth about what is revoked."""
    return store.revocations(conn)


def user_by_name(conn: Connection, username: str) -> AppUser | None:
    """A portal user."""
    return store.user_by_name(conn, username)


def users(conn: Connection, *, role: str = "", limit: int = 1_000) -> list[tuple[str, str, str, bool, list[str]]]:
    """Users of a role, or all: user name, name, role, whether active, TINs that they act for."""
    return store.users(conn, role, limit)


def points(conn: Connection, *, tin: str = "", limit: int = 1_000) -> list[tuple[int, Premises, int]]:
    """Points of a taxpayer, or all, by number, each with how many registers stand there that are not closed."""
    return store.points(conn, tin, limit)


def taxpayers_of_user(conn: Connection, user_id: int) -> tuple[str, ...]:
    """TINs of the taxpayers for whom a portal user may act."""
    return store.taxpayers_of_user(conn, user_id)


def owners(conn: Connection, uids: Sequence[str]) -> dict[str, str]:
    """TIN by UID, of those that are registered."""
    return store.owners(conn, uids)


def known_taxpayers(conn: Connection, tins: Sequence[str]) -> set[str]:
    """Those of the TINs that are registered."""
    return store.known_taxpayers(conn, tins)


def overview(conn: Connection) -> RegistryOverview:
    """How many are registered, by state."""
    counts = store.counts_by_state(conn)
    return RegistryOverview(
        taxpayers=store.count_taxpayers(conn),
        secure_elements=sum(counts.values()),
        active=counts.get("active", 0),
        hold=counts.get("hold", 0),
        revoked=counts.get("revoked", 0),
        closed=counts.get("closed", 0),
    )
