"""A device gets its first certificate for a one-time code, and the next ones for the certificate that it has.

What stands in a certificate comes from the registry; of the request only the key is taken, once its sender has proved
that he holds it. Names in the request are compared: another device's number is refused.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from tallystick.authority.oversight.activity import operations as activity
from tallystick.authority.oversight.activity.values import Act
from tallystick.authority.reference.pki import operations, renewal, store, succession
from tallystick.authority.reference.pki.codes import code_hash, new_code
from tallystick.authority.reference.pki.ports import Device, Registry
from tallystick.authority.reference.pki.services import PkiServices
from tallystick.authority.reference.pki.values import IssuanceState, Wish
from tallystick.authority.room_queries import Connection
from tallystick.crypto.certificate_facts import DeviceIdentity, read_device
from tallystick.crypto.certificates import Trusted, verify_chain
from tallystick.crypto.est import CertificateRequest, read_request
from tallystick.crypto.national_orders import DeviceFacts, device_authority, device_order, device_profile
from tallystick.crypto.profiles import Profile
from tallystick.kernel.device_policy import DeviceClass
from tallystick.kernel.faults import Fault

CODE_LIFETIME = timedelta(hours=72)


def issue_code(conn: Connection, services: PkiServices, uid: str, by: str, at: datetime) -> str:
    """A code for a registered device; an earlier one that was not used ends.

    Raises ``TS-2401`` (unknown or closed) and ``TS-2407`` (on hold).
    """
    return give_code(conn, services.registry, uid, b"", by, at)


def give_code(conn: Connection, registry: Registry, uid: str, key_hash: bytes, by: str, at: datetime) -> str:
    """The same; with the SHA-256 of a SubjectPublicKeyInfo the code enrols that key alone, whoever gets to know it."""
    device = _device(conn, registry, uid)
    code = new_code()
    store.add_code(conn, code_hash(code), device.uid, device.device_class, by, at, at + CODE_LIFETIME, key_hash)
    act = Act(at=at, actor=by, verb="pki.code", object=f"device:{device.uid}", for_whom=device.tin)
    activity.record(conn, act)
    return code


def enrol(conn: Connection, services: PkiServices, uid: str, code: str, request: bytes, at: datetime) -> bytes:
    """The first certificate of a device, DER. The same request with its code again gives the same certificate.

    Raises ``TS-3001`` (code unknown, of another device or key, used for another request or expired), ``TS-3005`` (the
    device is registered in another class by now), ``TS-3021`` (a fresh code, and a key of before), ``TS-3002``,
    ``TS-3003`` (request and key), ``TS-1313`` (it names another device), ``TS-2401``, ``TS-2407`` and what
    `operations.issue` raises.
    """
    kept = store.lock_code(conn, code_hash(code))
    if kept is None or kept.device != uid:
        raise Fault("TS-3001", detail="no such code for this device")
    device = _device(conn, services.registry, uid)
    asked = _read(request, device)
    wish = _wish(device, request, "enrolment with a one-time code")
    profile = _profile(services, device)
    wanted = wish.request_hash(profile.name)
    if kept.used_for != wanted:
        if kept.ended_at is not None or at >= kept.expires_at:
            raise Fault("TS-3001", detail="the code was used, replaced, or is older than 72 hours")
        if kept.device_class != device.device_class:
            raise Fault("TS-3005", detail="the code was given for another class of device")
        if kept.key_hash is not None and kept.key_hash != asked.public_key.fingerprint:
            raise Fault("TS-3001", detail="the code was given for another key")
        if store.is_certified(conn, asked.public_key.fingerprint, wish.holder):
            raise Fault("TS-3021", detail="a new code needs a key that was never certified")
        store.use_code(conn, code_hash(code), wanted, at)
    return _issue(conn, services, device, asked, wish, at)


def renew(
    conn: Connection, services: PkiServices, shown: bytes, trusted: Trusted, request: bytes, at: datetime
) -> bytes:
    """The next certificate of a device that shows the one it has, DER: same names, another key.

    Raises ``TS-1102``, ``TS-1103``, ``TS-2405``, ``TS-1104`` (what is shown), ``TS-1313`` (the registry says something
    else by now, or the request names another device), ``TS-3021`` (not a new key), ``TS-3008`` (too early) and what
    `enrol` raises for request and key.
    """
    holder = _holder(conn, services, shown, trusted, at)
    device = _device(conn, services.registry, holder.uid)
    _compare(holder, device)
    asked = _read(request, device)
    wish = _wish(device, request, "renewal with the certificate before it")
    is_repeat = store.by_request(conn, wish.request_hash(_profile(services, device).name)) is not None
    if not is_repeat:
        if store.is_certified(conn, asked.public_key.fingerprint, wish.holder):
            raise Fault("TS-3021", detail="a renewal needs a key that was never certified")
        start = renewal.opens_at(holder.facts.not_before, holder.facts.not_after)
        if at < start:
            raise Fault("TS-3008", detail=f"the window of this certificate opens at {start:%Y-%m-%d %H:%M} UTC")
    return _issue(conn, services, device, asked, wish, at)


def _read(request: bytes, device: Device) -> CertificateRequest:
    """A request for a device: signed by its own key, and naming no other device."""
    asked = read_request(request)
    if any(name != device.uid for name in asked.named_devices):
        raise Fault("TS-1313", detail="the request names another device")
    return asked


def _holder(conn: Connection, services: PkiServices, shown: bytes, trusted: Trusted, at: datetime) -> DeviceIdentity:
    """Whose certificate is shown: ours, in force, of a device, in the register, not revoked, nor its authority.

    Who has an authority's key can make such a certificate for any device: no certificate of it is enough for another.
    """
    identity = read_device(shown, services.arc)
    way = verify_chain(shown, trusted, at)
    if any(services.registry.revocation(conn, authority) is not None for authority in way):
        raise Fault("TS-1104", detail="the authority that issued it is withdrawn; a new code is needed")
    issuance = store.by_hash(conn, identity.facts.sha256)
    if issuance is None or issuance.state is not IssuanceState.ISSUED:
        raise Fault("TS-1102", detail="the certificate is not in the register")
    revoked = services.registry.revocation(conn, identity.facts.sha256)
    if revoked is not None and revoked.lifted_at is None:
        raise Fault("TS-1104", detail="the certificate is revoked; a new code is needed")
    return identity


def _compare(holder: DeviceIdentity, device: Device) -> None:
    told = holder.tin, holder.premises, int(holder.device_class)
    known = device.tin, _premises(device), device.device_class
    if told != known:
        raise Fault("TS-1313", detail="the registry says something else of this device by now; a new code is needed")


def _device(conn: Connection, registry: Registry, uid: str) -> Device:
    device = registry.device(conn, uid)
    if device is None or device.state == "closed":
        raise Fault("TS-2401", detail="no such device, or closed for good")
    if device.state != "active":
        raise Fault("TS-2407", detail="the device is on hold")
    return device


def _profile(services: PkiServices, device: Device) -> Profile:
    return device_profile(DeviceClass(device.device_class), services.arc).with_days(services.days)


def _premises(device: Device) -> str:
    return "" if device.premises_id is None else str(device.premises_id)


def _wish(device: Device, request: bytes, purpose: str) -> Wish:
    return Wish(
        holder=f"device:{device.uid}",
        request=request,
        requested_by=f"device:{device.uid}",
        purpose=purpose,
        tin=device.tin,
    )


def _issue(
    conn: Connection, services: PkiServices, device: Device, asked: CertificateRequest, wish: Wish, at: datetime
) -> bytes:
    device_class = DeviceClass(device.device_class)
    facts = DeviceFacts(
        uid=device.uid,
        device_class=device_class,
        tin=device.tin,
        taxpayer=device.business_name,
        premises=_premises(device),
        premises_name=device.premises_name,
    )
    order = device_order(facts, asked.public_key, services.arc, _profile(services, device))
    name = succession.issuing(conn, device_authority(device_class), at)

    def note(conn: Connection, certificate: bytes) -> None:
        services.registry.certified(conn, device, name, certificate, at)

    return operations.issue(conn, name, services.authority(name), order, wish, at, note)
