"""Who calls: the certificate of the card's PKI applet, judged in a fixed order, one coded fault each."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import attrs

from tallystick.authority.channels.sdc.store import TokenRow
from tallystick.authority.reference.registry.directory import Directory
from tallystick.authority.reference.registry.values import SecureElementEntry, SecureElementState
from tallystick.crypto.certificates import Trusted, read_card_certificate, verify_chain
from tallystick.crypto.taxcore_oids import CertificateClass
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import sha256
from tallystick.kernel.instants import Clock

_VIEW_AGE_MAX = timedelta(minutes=5)
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@attrs.frozen(slots=True)
class ClientIdentity:
    """What a good client certificate proves: UID, TIN, its thumbprint (SHA-256) and its end.

    Tokens that were issued up to ``tokens_ended_at`` are over, its own too.
    """

    uid: str
    tin: str
    thumbprint: bytes
    not_after: datetime
    tokens_ended_at: datetime = _NEVER


@attrs.frozen(slots=True)
class Gatekeeper:
    """Judges certificates and tokens against the registry as it stands now."""

    directory: Directory
    trusted: Trusted
    environment: tuple[int, int]
    clock: Clock

    def identify(self, certificate: bytes | None) -> ClientIdentity:
        """Judge a client certificate.

        Raises ``TS-1101`` (none), ``TS-1102`` (unreadable, not ours), ``TS-1108`` (environment), ``TS-1103``
        (validity), ``TS-2405`` (class), ``TS-1104`` (revoked, or its authority withdrawn), ``TS-2401`` (card unknown or
        closed), ``TS-1313`` (taxpayer), ``TS-1109`` (registry too old to judge).
        """
        if certificate is None:
            raise Fault("TS-1101", detail="show the certificate of the card's PKI applet")
        card = read_card_certificate(certificate)
        if card.environment != self.environment:
            raise Fault("TS-1108", detail="this environment is another one")
        way = verify_chain(certificate, self.trusted, self.clock())
        if card.certificate_class is not CertificateClass.V34:
            raise Fault("TS-2405", detail="a certificate of the PKI applet (class 3.4) is needed here")
        element = self._admitted(card.uid, card.sha256, *way)
        if element.tin != card.tin:
            raise Fault("TS-1313", detail="the card is registered for another taxpayer")
        return ClientIdentity(card.uid, card.tin, card.sha256, card.not_after, self.tokens_ended_at)

    def holder(self, row: TokenRow, certificate: bytes | None) -> SecureElementEntry:
        """The card behind a live token, looked at on each use; ``certificate`` is what the connection shows, if any.

        Raises ``TS-1105`` (expired), ``TS-1106`` (another certificate), ``TS-1104``, ``TS-2401``, ``TS-1109``.
        """
        if self.clock() >= row.expires_at or row.issued_at <= self.tokens_ended_at:
            raise Fault("TS-1105", detail="the token has expired")
        if certificate is not None and sha256(certificate) != row.thumbprint:
            raise Fault("TS-1106", detail="the token belongs to another certificate than this connection shows")
        return self._admitted(row.uid, row.thumbprint)

    @property
    def tokens_ended_at(self) -> datetime:
        """When an authority of cards was withdrawn last: each token of before ends, for it may be its thief's.

        A token names its certificate, not who issued it; a good card has a new one with its next call.
        """
        found = map(self.directory.certificate_revoked_at, self.trusted.digests)
        return max((at for at in found if at is not None), default=_NEVER)

    def _admitted(self, uid: str, *certificates: bytes) -> SecureElementEntry:
        refreshed_at = self.directory.refreshed_at
        if refreshed_at is None or self.clock() - refreshed_at > _VIEW_AGE_MAX:
            raise Fault("TS-1109", detail="the state of certificates is not known just now", retry_after_seconds=10)
        element = self.directory.secure_element(uid)
        if element is None or element.state is SecureElementState.CLOSED:
            raise Fault("TS-2401", detail="the secure element is not registered, or closed")
        if element.state is SecureElementState.REVOKED or any(map(self.directory.certificate_revoked_at, certificates)):
            raise Fault("TS-1104", detail="the certificate, or the authority that issued it, is revoked")
        return element
