"""What may be done in the registry. The caller's transaction is the unit of work."""

from __future__ import annotations

from datetime import datetime

from tallystick.authority.reference.registry import store
from tallystick.authority.reference.registry.values import (
    Premises,
    SecureElementEntry,
    SecureElementState,
    Taxpayer,
)
from tallystick.authority.room_queries import Connection
from tallystick.crypto.certificates import read_card_certificate
from tallystick.kernel.faults import Fault
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.identifiers import parse_tin


def register_taxpayer(conn: Connection, taxpayer: Taxpayer) -> None:
    """Register a taxpayer, or take a new business name; raises ``TS-1313`` for a malformed TIN."""
    parse_tin(taxpayer.tin)
    store.put_taxpayer(conn, taxpayer)


def register_premises(conn: Connection, premises: Premises) -> int:
    """Register premises of a registered taxpayer, or change them; returns their number."""
    return store.put_premises(conn, premises)


def register_secure_element(
    conn: Connection,
    certificate: bytes,
    *,
    environment: tuple[int, int],
    encryption_key: str,
    limit: Money,
    premises_id: int | None = None,
) -> SecureElementEntry:
    """Register the card whose signing certificate (DER) this is; seller, UID, TIN and validity come from it.

    Registering the same certificate again changes nothing. Raises ``TS-1108`` for a certificate of another
    environment and ``TS-3004`` when the UID, or the certificate, belongs to another registration.
    """
    card = read_card_certificate(certificate)
    if card.environment != environment:
        raise Fault("TS-1108", detail="the certificate is of another environment")
    store.add_secure_element(
        conn, card, certificate, premises_id=premises_id, encryption_key=encryption_key, limit=limit
    )
    entry = store.secure_element(conn, card.uid)
    if entry is None or entry.certificate_hash != card.sha256:
        raise Fault("TS-3004", detail="this UID or certificate is registered already")
    return entry


def set_state(conn: Connection, uid: str, state: SecureElementState, at: datetime) -> None:
    """Put a secure element on hold, back to active, revoke or close it; ``at`` is the moment of a revocation.

    The same state again changes nothing. Raises ``TS-2401`` for an unknown UID or a change from a final state.
    """
    present = store.lock_secure_element(conn, uid)
    if present is None:
        raise Fault("TS-2401", detail="no such secure element")
    if present is state:
        return
    if present.is_final:
        raise Fault("TS-2401", detail=f"the secure element is {present.value} for good")
    store.set_state(conn, uid, state, at if state is SecureElementState.REVOKED else None)


def revoke_certificate(conn: Connection, certificate_hash: bytes, uid: str, at: datetime, reason: int = 0) -> None:
    """Revoke one certificate, such as that of a card's PKI applet; ``reason`` is the CRL reason number (RFC 5280).

    No session is opened with it from then on, and sessions that it opened end. The first revocation stands.
    """
    store.add_revocation(conn, certificate_hash, uid, at, reason)


def create_user(conn: Connection, username: str, password_hash: str, display_name: str, role: str) -> int | None:
    """Add a portal user with a password hash that the portal made; none when the name is taken."""
    return store.add_user(conn, username, password_hash, display_name, role)


def let_user_act_for(conn: Connection, username: str, tin: str) -> bool:
    """Bind a user to a registered taxpayer; false when that changes nothing."""
    return store.bind_user(conn, username, tin)


def end_user_acting_for(conn: Connection, username: str, tin: str) -> bool:
    """Release a user from a taxpayer; false when that changes nothing."""
    return store.release_user(conn, username, tin)


def set_user_active(conn: Connection, username: str, is_active: bool) -> bool:
    """Let a user in or keep him out; false when there is none."""
    return store.set_user_active(conn, username, is_active)


def set_user_password(conn: Connection, username: str, password_hash: str) -> bool:
    """Give a user another password hash; false when there is none."""
    return store.set_user_password(conn, username, password_hash)
