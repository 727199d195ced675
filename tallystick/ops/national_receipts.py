"""What the verification page asks of others about national receipts: devices, certificates, and what is kept apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import attrs
import psycopg

from tallystick.authority.channels.ecr.batches import queries as batches
from tallystick.authority.intake import queries as intake
from tallystick.authority.projections.verification.national_check import OnItsWay, Register
from tallystick.authority.reference.registry import queries as registry
from tallystick.authority.reference.registry.values import DeviceCertificate

Connection = psycopg.Connection[Any]
CERTIFICATES_MOST = 50
"""How many certificates of one device are tried, the newest first."""


@attrs.frozen(slots=True)
class NationalRecords:
    """Straight from the database: a page view asks three short questions, and one more of what is not booked."""

    connect: Callable[[], AbstractContextManager[Connection]]

    def register(self, uid: str) -> Register | None:
        """A registered device with its seller."""
        with self.connect() as conn:
            device = registry.national_device(conn, uid)
        if device is None:
            return None
        return Register(uid=device.uid, device_class=device.device_class, seller=device.seller)

    def certificates(self, uid: str) -> Sequence[DeviceCertificate]:
        """Those that were issued to it, the newest first."""
        with self.connect() as conn:
            return registry.certificates_of_device(conn, uid, limit=CERTIFICATES_MOST)

    def is_kept_apart(self, act_hash: bytes) -> bool:
        """Whether it lies in quarantine."""
        with self.connect() as conn:
            return intake.is_kept_apart(conn, act_hash)

    def on_its_way(self, uid: str, sequence: int, act_hash: bytes) -> OnItsWay:
        """What the offline channel knows of a document."""
        with self.connect() as conn:
            is_here, contact = batches.is_here(conn, uid, sequence, act_hash), batches.contact(conn, uid)
        return OnItsWay(is_here=is_here, heard_at=None if contact is None else contact.at)
