"""What the verification page asks of others about national receipts: devices, certificates, and what is kept apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import attrs
import psycopg

from tallystick.authority.intake import queries as intake
from tallystick.authority.projections.verification.national_check import Register
from tallystick.authority.reference.pki import queries as pki
from tallystick.authority.reference.pki.values import Issuance
from tallystick.authority.reference.registry import queries as registry
from tallystick.authority.reference.registry.values import DeviceCertificate
from tallystick.crypto.national_oids import DeviceClass
from tallystick.kernel.identifiers import Tin, Uid
from tallystick.kernel.invoice import Seller

Connection = psycopg.Connection[Any]
CERTIFICATES_MOST = 50
"""How many certificates of one device are tried, the newest first."""


@attrs.frozen(slots=True)
class NationalRecords:
    """Straight from the database: a page view asks three short questions."""

    connect: Callable[[], AbstractContextManager[Connection]]

    def register(self, uid: str) -> Register | None:
        """A registered device with its seller."""
        with self.connect() as conn:
            device = registry.fiscal_device(conn, uid)
        if device is None:
            return None
        seller = Seller(
            tin=device.tin,
            business_name=device.business_name,
            location_name=device.premises_name,
            address="",
            district="",
        )
        return Register(uid=device.uid, device_class=DeviceClass(device.device_class), seller=seller)

    def certificates(self, uid: str) -> Sequence[DeviceCertificate]:
        """Those that were issued to it, the newest first."""
        with self.connect() as conn:
            device = registry.fiscal_device(conn, uid)
            found = pki.certificates(conn, holder=f"device:{uid}", limit=CERTIFICATES_MOST)
            issued = [one for one in found if one.certificate is not None and one.certificate_hash is not None]
            if device is None:
                return ()
            return [_certificate(conn, one, device.uid, device.device_class, device.tin) for one in issued]

    def is_kept_apart(self, act_hash: bytes) -> bool:
        """Whether it lies in quarantine."""
        with self.connect() as conn:
            return intake.is_kept_apart(conn, act_hash)


def _certificate(conn: Connection, issued: Issuance, uid: Uid, device_class: int, tin: Tin) -> DeviceCertificate:
    assert issued.certificate is not None, "only what was issued is asked for"
    assert issued.certificate_hash is not None
    revocation = registry.revocation(conn, issued.certificate_hash)
    return DeviceCertificate(
        certificate_hash=issued.certificate_hash,
        uid=uid,
        device_class=DeviceClass(device_class),
        tin=tin,
        certificate=issued.certificate,
        not_before=issued.not_before,
        not_after=issued.not_after,
        revoked_at=None if revocation is None else revocation.revoked_at,
        revocation_reason=0 if revocation is None else revocation.reason,
    )
