"""Signers' certificates: read once, followed to a root of the policy, at the time when something was signed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Generic, TypeVar

import attrs

from tallystick.crypto.certificates import (
    CardCertificate,
    DeviceCertificate,
    TrustStore,
    is_self_signed,
    read_card_certificate,
    read_device_certificate,
    verify_chain,
)
from tallystick.kernel.faults import Fault
from tallystick.kernel.instants import from_unix_ms, unix_ms
from tallystick.verifier.arithmetic import Stated
from tallystick.verifier.hashes import sha256

SIGNERS_KEPT = 65_536
_MOMENT = timedelta(milliseconds=1)


Certificate = TypeVar("Certificate", CardCertificate, DeviceCertificate)


@attrs.define(slots=True)
class Signer(Generic[Certificate]):
    """A certificate and the span of signing times (Unix ms, both included) for which its chain is known to hold."""

    certificate: Certificate
    holds_from_ms: int = 0
    holds_to_ms: int = -1


class Trust:
    """The policy's roots with the issuers that an export offers; an issuer that signs itself is no root of ours."""

    def __init__(
        self,
        roots: Iterable[bytes],
        issuers: Iterable[bytes],
        distrusted: Mapping[bytes, int] = MappingProxyType({}),
        rates: Mapping[str, Stated] = MappingProxyType({}),
    ) -> None:
        """``roots`` are PEM files, ``issuers`` DER certificates; ``distrusted`` says since when (Unix ms) what an
        authority (SHA-256 of its certificate) certified signs nothing any more. ``rates`` are the country's rate groups
        by their number: label, kind and rate (x 10^8).

        Raises ``TS-3050`` when an issuer cannot be read.
        """
        self._distrusted = dict(distrusted)
        self._rates = dict(rates)
        given = TrustStore.from_pem(*roots)
        try:
            offered = [der for der in issuers if not is_self_signed(der)]
            self._store = TrustStore((*given.authorities, *TrustStore.from_der(offered).authorities))
        except (ValueError, Fault):
            raise Fault("TS-3050", detail="an issuer in the export is no certificate") from None
        self._cards: OrderedDict[bytes, Signer[CardCertificate]] = OrderedDict()
        self._devices: OrderedDict[bytes, Signer[DeviceCertificate]] = OrderedDict()

    @property
    def has_rates(self) -> bool:
        """Whether the policy brought the country's rates."""
        return bool(self._rates)

    def rates_of(self, group: str) -> Stated | None:
        """The rates of a group; none for one that the country does not have."""
        return self._rates.get(group)

    def card(self, der: bytes) -> Signer[CardCertificate]:
        """The signer of a card's certificate; raises what ``read_card_certificate`` does. Its chain is not followed."""
        return _kept(self._cards, der, read_card_certificate)

    def device(self, der: bytes) -> Signer[DeviceCertificate]:
        """The signer of a software device's certificate; raises what ``read_device_certificate`` does."""
        return _kept(self._devices, der, read_device_certificate)

    def check(self, signer: Signer[Certificate], signed_ms: int, *, lenient: bool = False) -> None:
        """Follow the chain at a signing time; raises ``TS-1102``, ``TS-1103``, ``TS-1310``.

        ``lenient``: the entry itself says that it was signed outside of the validity; the chain must hold all the same.
        """
        if signer.holds_from_ms <= signed_ms <= signer.holds_to_ms:
            return
        one = signer.certificate
        inside = one.is_valid_at(from_unix_ms(signed_ms))
        if not inside and not lenient:
            raise Fault("TS-1103", detail="signed outside of the certificate's validity")
        moment = from_unix_ms(signed_ms) if inside else one.not_before
        verify_chain(one.der, self._store_at(signed_ms), moment)
        if inside and not self._distrusted:
            self._widen(signer, moment)

    def _store_at(self, signed_ms: int) -> TrustStore:
        """The authorities that were trusted then."""
        gone = {digest for digest, since in self._distrusted.items() if signed_ms >= since}
        if not gone:
            return self._store
        return self._store.without(gone)

    def _widen(self, signer: Signer[Certificate], moment: datetime) -> None:
        """Remember the largest span that holds at both its ends: validities are spans, so all between holds too."""
        one = signer.certificate
        first, last = moment, moment
        for edge in (one.not_before, one.not_after - _MOMENT):
            try:
                verify_chain(one.der, self._store, edge)
            except Fault:
                continue
            first, last = min(first, edge), max(last, edge)
        signer.holds_from_ms, signer.holds_to_ms = unix_ms(first), unix_ms(last)


def _kept(
    signers: OrderedDict[bytes, Signer[Certificate]], der: bytes, read: Callable[[bytes], Certificate]
) -> Signer[Certificate]:
    digest = sha256(der)
    signer = signers.get(digest)
    if signer is None:
        signer = signers[digest] = Signer(read(der))
        if len(signers) > SIGNERS_KEPT:
            signers.popitem(last=False)
    return signer
