"""A package that opens but cannot be read: its verification URL may still prove that a card signed it.

Then it is kept in quarantine, for a sale has happened; the device gets the same number as for any unreadable package.
"""

from __future__ import annotations

import attrs

from tallystick.authority.intake.package import Package
from tallystick.authority.intake.ports import PackageRules
from tallystick.authority.reference.registry.values import SecureElementEntry
from tallystick.crypto.signatures import verify_invoice_signature
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import sha256
from tallystick.wire import verification_url
from tallystick.wire.audit_package import rescue_verification_url
from tallystick.wire.card import signed_text
from tallystick.wire.verification_url import VerificationData


@attrs.frozen(slots=True)
class Rescued:
    """What the URL says, whose key proves it, and the identity of the act."""

    said: VerificationData
    signer: SecureElementEntry
    act_hash: bytes


def rescue(rules: PackageRules, package: Package) -> Rescued | None:
    """Prove an unreadable package by its URL; none when that fails as well."""
    url = rescue_verification_url(package.opened.plain)
    if url is None:
        return None
    try:
        said = verification_url.from_url(url)
        signer = rules.directory.secure_element(said.signed_by)
        if signer is None or signer.signs_for_others or signer.environment != rules.environment:
            return None
        text = signed_text(
            said.time_ms,
            signer.tin,
            said.buyer_id,
            said.invoice_type,
            said.transaction_type,
            said.amount,
            said.type_counter,
            said.total_counter,
            said.encrypted_internal_data,
        )
        verify_invoice_signature(signer.public_key, text, said.signature)
    except Fault:
        return None
    return Rescued(said, signer, sha256(text))
