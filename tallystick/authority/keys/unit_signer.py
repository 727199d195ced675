"""A key of an authority or of its services behind the key processes, as issuing takes it (`crypto.signers.Signer`)."""

from __future__ import annotations

import attrs

from tallystick.authority.keys.signing_unit import SigningUnit
from tallystick.crypto.keys import PublicKey
from tallystick.crypto.policy import Use
from tallystick.crypto.signers import signing_use


@attrs.frozen(slots=True)
class UnitSigner:
    """Signs certificates, lists and answers with a key that no process but the key processes reaches."""

    unit: SigningUnit
    label: str
    public: PublicKey
    use: Use | None = None
    """What the key is for; none: certificates and lists, by the kind of the key."""

    @classmethod
    def of(cls, unit: SigningUnit, label: str) -> UnitSigner:
        """An authority's key of that label; raises ``TS-5004``, for a label that is not there as well."""
        _, public = unit.public_key(label)
        return cls(unit, label, public)

    def sign(self, tbs: bytes) -> bytes:
        """ECDSA over the bytes, DER; raises ``TS-5004`` when the key is away."""
        return self.unit.sign(self.label, self.use or signing_use(self.public), tbs)
