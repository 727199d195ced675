"""Who calls: the certificate of a device of the national branches, judged in a fixed order, one coded fault each."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timedelta

import attrs

from tallystick.authority.channels.ecr.ports import Devices
from tallystick.authority.intake.national.values import Sender
from tallystick.crypto.certificate_facts import read_device
from tallystick.crypto.certificates import Trusted, verify_chain
from tallystick.crypto.national_oids import DeviceClass, NationalArc
from tallystick.kernel.faults import Fault
from tallystick.kernel.identifiers import Tin, parse_uid

VIEW_AGE_MAX = timedelta(minutes=5)
ADMITTED = frozenset({DeviceClass.SOFTWARE, DeviceClass.HARDWARE, DeviceClass.ERP})
_KEPT_MOST = 100_000


class Gatekeeper:
    """Judges each call anew; only the reading of a certificate and its chain is remembered.

    A certificate names no environment: those of another one have other authorities, and the document names the log's
    origin itself (``ts-aud``).
    """

    def __init__(self, devices: Devices, trusted: Trusted, arc: NationalArc) -> None:
        self._devices = devices
        self._trusted = trusted
        self._arc = arc
        self._read: OrderedDict[bytes, Sender] = OrderedDict()

    def admit(self, certificate: bytes | None, now: datetime, *, revoked_too: bool = False) -> Sender:
        """Who shows this certificate (DER); ``revoked_too`` where what a revoked device brings is kept apart (S0-064).

        Raises ``TS-1101`` (none), ``TS-1102`` (unreadable, not ours, not in the register), ``TS-2405`` (of no device
        of this channel), ``TS-1103`` (validity), ``TS-1109`` (the registry's view is too old to judge), ``TS-1104``
        (revoked or on hold), ``TS-1313`` (registered for another taxpayer by now).
        """
        if certificate is None:
            raise Fault("TS-1101", detail="show the certificate that enrolment gave to the device")
        sender = self._read.get(certificate) or self._known(certificate, now)
        refreshed_at = self._devices.refreshed_at
        if refreshed_at is None or now - refreshed_at > VIEW_AGE_MAX:
            raise Fault("TS-1109", detail="the state of certificates is not known just now", retry_after_seconds=10)
        issued = self._devices.certificate(sender.certificate_hash)
        if issued is None:
            raise Fault("TS-1102", detail="the certificate is not in the register")
        if not issued.not_before <= now < issued.not_after:
            raise Fault("TS-1103", detail="the certificate is expired or not valid yet")
        revoked = issued.was_revoked(now)
        if revoked and not revoked_too:
            raise Fault("TS-1104", detail="the certificate is revoked, or on hold")
        if issued.tin != sender.tin:
            raise Fault("TS-1313", detail="the device is registered for another taxpayer by now")
        return attrs.evolve(sender, revoked=True) if revoked else sender

    def _known(self, certificate: bytes, now: datetime) -> Sender:
        """Read and chain, which do not change while the chain's own validity lasts."""
        identity = read_device(certificate, self._arc)
        verify_chain(certificate, self._trusted, now)
        if identity.device_class not in ADMITTED:
            raise Fault("TS-2405", detail="the certificate of a register or an ERP system is needed here")
        sender = Sender(
            certificate_hash=identity.facts.sha256,
            uid=parse_uid(identity.uid),
            device_class=identity.device_class,
            tin=Tin(identity.tin),
        )
        self._read[certificate] = sender
        if len(self._read) > _KEPT_MOST:
            self._read.popitem(last=False)
        return sender
