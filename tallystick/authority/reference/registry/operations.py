"""What may be done in the registry. The caller's transaction is the unit of work."""

from __future__ import annotations

from datetime import datetime

import attrs

from tallystick.authority.oversight.activity import operations as activity
from tallystick.authority.oversight.activity.values import Act
from tallystick.authority.reference.registry import device_store, store
from tallystick.authority.reference.registry.values import (
    ON_HOLD,
    DeviceCertificate,
    FiscalDevice,
    Premises,
    SecureElementEntry,
    SecureElementState,
    Taxpayer,
)
from tallystick.authority.room_queries import Connection
from tallystick.crypto.certificates import read_card_certificate
from tallystick.kernel.device_policy import DeviceState
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


def set_state(conn: Connection, uid: str, state: SecureElementState, at: datetime, *, reason: int = 0) -> None:
    """Put a secure element on hold, back to active, revoke or close it; ``at`` is the moment of a revocation.

    A hold of its own and the hold of its certificate are two: the element is active when neither stands. A revocation,
    with its CRL ``reason`` number, revokes the element's certificate, too; where that was revoked or on hold before,
    its moment is the element's. The same state again changes nothing.

    Raises ``TS-2401`` for an unknown UID or a change from a final state.
    """
    present = store.lock_secure_element(conn, uid)
    if present is None:
        raise Fault("TS-2401", detail="no such secure element")
    if state is SecureElementState.HOLD and not present.is_final:
        store.set_own_hold(conn, uid, True)
    if present is state:
        return
    if present.is_final:
        raise Fault("TS-2401", detail=f"the secure element is {present.value} for good")
    since = None
    if state is SecureElementState.ACTIVE:
        store.set_own_hold(conn, uid, False)
        known = store.revocation(conn, store.certificate_hash(conn, uid))
        if known is not None and known.lifted_at is None:
            return
    if state is SecureElementState.REVOKED:
        certificate = store.certificate_hash(conn, uid)
        store.add_revocation(conn, certificate, uid, at, reason)
        known = store.revocation(conn, certificate)
        assert known is not None, "it was added just now"
        since = known.revoked_at
    store.set_state(conn, uid, state, since)


def revoke_certificate(conn: Connection, certificate_hash: bytes, uid: str, at: datetime, reason: int = 0) -> None:
    """Revoke one certificate, such as that of a card's PKI applet; ``reason`` is the CRL reason number (RFC 5280).

    No session is opened with it from then on, and sessions that it opened end. A secure element whose signing
    certificate it is follows: on hold, or revoked. The first revocation stands, but for a hold that becomes final.
    """
    store.add_revocation(conn, certificate_hash, uid, at, reason)
    element = store.secure_element_of_certificate(conn, certificate_hash)
    present = None if element is None else store.lock_secure_element(conn, element)
    if element is None or present is None or present.is_final:
        return
    if reason != ON_HOLD:
        set_state(conn, element, SecureElementState.REVOKED, at, reason=reason)
    elif present is SecureElementState.ACTIVE:
        store.set_state(conn, element, SecureElementState.HOLD, None)


def lift_hold(conn: Connection, certificate_hash: bytes, at: datetime) -> bool:
    """Take a certificate off hold; false where none is on hold.

    The secure element that signs with it becomes active again, unless it is on hold by itself: as stock of the factory,
    as lost, or as a device that contradicted itself. Whoever set that hold ends it.
    """
    if not store.lift_revocation(conn, certificate_hash, at):
        return False
    element = store.secure_element_of_certificate(conn, certificate_hash)
    if element is None or store.lock_secure_element(conn, element) is not SecureElementState.HOLD:
        return True
    if not store.has_own_hold(conn, element):
        store.set_state(conn, element, SecureElementState.ACTIVE, None)
    return True


def register_fiscal_device(conn: Connection, device: FiscalDevice) -> FiscalDevice:
    """Enter a device of the national channels for a registered taxpayer; the same again changes nothing.

    Raises ``TS-1313`` (taxpayer unknown) and ``TS-3004`` (the UID, or a number of the maker, is another device's).
    """
    if store.taxpayer(conn, device.tin) is None:
        raise Fault("TS-1313", detail="no such taxpayer is registered")
    device_store.add(conn, device)
    found = device_store.device(conn, device.uid)
    if found is None or _what_is_told(found) != _what_is_told(device):
        raise Fault("TS-3004", detail="this UID, or a number of the maker, is registered for another device")
    return found


def _what_is_told(device: FiscalDevice) -> FiscalDevice:
    return attrs.evolve(device, state=DeviceState.ACTIVE, business_name="", premises_name="")


def enter_certificate(conn: Connection, certificate: DeviceCertificate, at: datetime) -> None:
    """Note a certificate that was issued to a registered device; the same again changes nothing."""
    device_store.add_certificate(conn, certificate, at)


def hold_device(conn: Connection, uid: str, at: datetime, reason: str, by: str = "process:intake") -> None:
    """Let a device fiscalise nothing until it is released, such as one that contradicted itself.

    On hold or closed already, or none of ours: nothing changes, for the intake has other things to finish then.
    """
    present = device_store.lock(conn, uid)
    if present is not None and present[0] is DeviceState.ACTIVE:
        _set_device_state(conn, uid, DeviceState.HOLD, "registry.hold-device", reason, by, at)


def release_device(conn: Connection, uid: str, at: datetime, reason: str, by: str) -> None:
    """Take a device off hold; an active one stays as it is. Raises ``TS-2401`` (unknown, or closed for good)."""
    _set_device_state(conn, uid, DeviceState.ACTIVE, "registry.release-device", reason, by, at)


def close_device(conn: Connection, uid: str, at: datetime, reason: str, by: str = "process:intake") -> None:
    """Close a device for good, as its fiscal memory is (S1-033); closed already: nothing changes.

    Its certificates are not revoked: what it signed before stays good, and it may ask again for the answer to its last
    document. Raises ``TS-2401`` (unknown).
    """
    _set_device_state(conn, uid, DeviceState.CLOSED, "registry.close-device", reason, by, at)


def _set_device_state(
    conn: Connection, uid: str, state: DeviceState, verb: str, reason: str, by: str, at: datetime
) -> None:
    present = device_store.lock(conn, uid)
    if present is None:
        raise Fault("TS-2401", detail="no such device")
    before, tin = present
    if before is state:
        return
    if before is DeviceState.CLOSED:
        raise Fault("TS-2401", detail="the device is closed for good")
    device_store.set_state(conn, uid, state, reason)
    activity.record(
        conn, Act(at=at, actor=by, verb=verb, object=f"device:{uid}", for_whom=tin, purpose=reason)
    )  # fmt: skip


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
