"""The registry as the PKI sees it: the port of the one room over the other, which does not know it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from tallystick.authority.reference.pki.ports import Device, Revoked
from tallystick.authority.reference.registry import operations as registry
from tallystick.authority.reference.registry import queries
from tallystick.authority.reference.registry.values import DeviceCertificate
from tallystick.authority.room_queries import Connection
from tallystick.crypto.certificate_facts import read_facts
from tallystick.kernel.device_policy import DeviceClass
from tallystick.kernel.identifiers import Tin, Uid


class RegistryOfDevices:
    """`ports.Registry` over the room `registry`."""

    def device(self, conn: Connection, uid: str) -> Device | None:
        """See the port."""
        return queries.fiscal_device(conn, uid)

    def certified(self, conn: Connection, device: Device, authority: str, certificate: bytes, at: datetime) -> None:
        """See the port."""
        facts = read_facts(certificate)
        issued = DeviceCertificate(
            certificate_hash=facts.sha256,
            uid=Uid(device.uid),
            device_class=DeviceClass(device.device_class),
            tin=Tin(device.tin),
            certificate=certificate,
            not_before=facts.not_before,
            not_after=facts.not_after,
            authority=authority,
        )
        registry.enter_certificate(conn, issued, at)

    def taxpayer_name(self, conn: Connection, tin: str) -> str | None:
        """See the port."""
        found = queries.taxpayer(conn, tin)
        return None if found is None else found.business_name

    def revocation(self, conn: Connection, certificate_hash: bytes) -> Revoked | None:
        """See the port."""
        return queries.revocation(conn, certificate_hash)

    def revocations(self, conn: Connection) -> Iterable[Revoked]:
        """See the port."""
        return queries.revocations(conn)

    def revoke(self, conn: Connection, certificate_hash: bytes, holder: str, at: datetime, reason: int) -> None:
        """See the port."""
        registry.revoke_certificate(conn, certificate_hash, holder.partition(":")[2], at, reason)

    def lift(self, conn: Connection, certificate_hash: bytes, at: datetime) -> bool:
        """See the port."""
        return registry.lift_hold(conn, certificate_hash, at)
