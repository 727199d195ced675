"""Who asks: client certificate and PAC of a POS on every call, judged in a fixed order, one coded fault each."""

from __future__ import annotations

from collections import OrderedDict
from datetime import timedelta

import attrs

from tallystick.authority.channels.vsdc import pac as pacs
from tallystick.authority.channels.vsdc import store
from tallystick.authority.channels.vsdc.services import VsdcServices
from tallystick.authority.channels.vsdc.values import PosEntry
from tallystick.authority.reference.registry.values import SecureElementEntry, SecureElementState
from tallystick.crypto.certificates import CardCertificate, read_card_certificate, verify_chain
from tallystick.crypto.taxcore_oids import CertificateClass
from tallystick.kernel.faults import Fault

_VIEW_AGE_MAX = timedelta(minutes=5)
_KEPT_MOST = 20_000


@attrs.frozen(slots=True)
class Caller:
    """A POS whose certificate and PAC are good."""

    element: SecureElementEntry
    pos: PosEntry

    @property
    def uid(self) -> str:
        """requestedBy of its invoices."""
        return self.element.uid


class Gatekeeper:
    """Judges each call anew; only the reading of a certificate and its chain is remembered."""

    def __init__(self, services: VsdcServices) -> None:
        self._services = services
        self._read: OrderedDict[bytes, tuple[CardCertificate, tuple[bytes, ...]]] = OrderedDict()
        self._tries = pacs.TriesSince(services.processes)

    async def admit(self, certificate: bytes | None, pac: bytes | None) -> Caller:
        """Judge certificate and PAC; a wrong PAC is counted, durably, before the refusal.

        Raises ``TS-1101`` (no certificate), ``TS-1102`` (not ours), ``TS-1108`` (environment), ``TS-2405`` (class),
        ``TS-1103`` (validity), ``TS-1109`` (state not known), ``TS-1104`` (revoked), ``TS-2401`` (unknown, closed),
        ``TS-2407`` (on hold), ``TS-1121`` (locked), ``TS-1120`` (PAC).
        """
        element, pos = self._identify(certificate)
        services, now = self._services, self._services.clock()
        self._tries.check(pos)
        try:
            pacs.check_pac(services.pac_secret, pos, pac, now)
        except Fault as fault:
            if fault.code == "TS-1120" and pac is not None:
                self._tries.count(pos)
                await services.in_database(lambda conn: pacs.count_wrong(conn, pos.uid, now))
            raise
        if pos.wrong_pacs:
            await services.in_database(lambda conn: store.forget_wrong_pacs(conn, pos.uid))
        return Caller(element, pos)

    def _identify(self, certificate: bytes | None) -> tuple[SecureElementEntry, PosEntry]:
        if certificate is None:
            raise Fault("TS-1101", detail="show the certificate of the POS")
        read, way = self._known(certificate)
        if not read.is_valid_at(self._services.clock()):
            raise Fault("TS-1103", detail="the certificate is expired or not valid yet")
        element = self._admitted(read, way)
        pos = self._services.hosted.pos(read.uid)
        if pos is None:
            raise Fault("TS-2401", detail="this POS is not enrolled")
        return element, pos

    def _known(self, certificate: bytes) -> tuple[CardCertificate, tuple[bytes, ...]]:
        """Read and chain (SHA-256 of its authorities), which do not change while the chain's own validity lasts."""
        known = self._read.get(certificate)
        if known is not None:
            self._read.move_to_end(certificate)
            return known
        services = self._services
        read = read_card_certificate(certificate)
        if read.environment != services.pack.environment:
            raise Fault("TS-1108", detail="this environment is another one")
        way = verify_chain(certificate, services.trusted, services.clock())
        if read.certificate_class is not CertificateClass.V32:
            raise Fault("TS-2405", detail="a certificate of a POS (class 3.2) is needed here")
        self._read[certificate] = read, way
        if len(self._read) > _KEPT_MOST:
            self._read.popitem(last=False)
        return read, way

    def _admitted(self, read: CardCertificate, way: tuple[bytes, ...]) -> SecureElementEntry:
        directory, clock = self._services.directory, self._services.clock
        if directory.refreshed_at is None or clock() - directory.refreshed_at > _VIEW_AGE_MAX:
            raise Fault("TS-1109", detail="the state of certificates is not known just now", retry_after_seconds=10)
        element = directory.secure_element(read.uid)
        if element is None or element.state is SecureElementState.CLOSED or element.certificate_hash != read.sha256:
            raise Fault("TS-2401", detail="this certificate is not registered, or closed")
        if element.state is SecureElementState.REVOKED or any(
            map(directory.certificate_revoked_at, (read.sha256, *way))
        ):
            raise Fault("TS-1104", detail="the certificate, or the authority that issued it, is revoked")
        if element.state is SecureElementState.HOLD:
            raise Fault("TS-2407", detail="this POS is on hold")
        return element
