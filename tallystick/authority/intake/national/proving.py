"""Steps 6 and 7 for national documents: who signed, with what, and whether all names are those of one device.

Every function passes silently or raises one fault.
"""

from __future__ import annotations

from tallystick.authority.intake.national.ports import NationalRules
from tallystick.authority.intake.national.values import DocumentInHand
from tallystick.crypto.signatures import verify_es256_of_hash
from tallystick.kernel.faults import Fault


def signer_is_known(rules: NationalRules, hand: DocumentInHand) -> None:
    """The key's certificate must be one that this environment has issued to a device."""
    hand.signer = rules.devices.certificate(hand.header.kid)
    if hand.signer is None:
        raise Fault("TS-1311", detail="no certificate of this signer was issued here")


def environment_is_ours(rules: NationalRules, hand: DocumentInHand) -> None:
    """A document is made for one log: one of a test never enters another environment."""
    if hand.header.audience != rules.origin:
        raise Fault("TS-1108", detail="signed for another environment")


def signature_is_good(_: NationalRules, hand: DocumentInHand) -> None:
    """ES256 over the bytes as they came; their hash is there already, as the identity of the act."""
    verify_es256_of_hash(hand.certificate.public_key, hand.signed.act_hash, hand.signed.signature)


def names_agree(rules: NationalRules, hand: DocumentInHand) -> None:
    """Signer, device, connection and taxpayer are one (S0-038)."""
    header, certificate, sender = hand.header, hand.certificate, hand.sender
    if certificate.uid != header.device or sender.uid != header.device:
        raise Fault("TS-1313", detail="signer, device and connection are not the same device")
    hand.entered = rules.devices.device(header.device)
    if hand.entered is None:
        raise Fault("TS-2401", detail="the device is not registered")
    if not certificate.tin == sender.tin == hand.entered.tin:
        raise Fault("TS-1313", detail="the certificate names another taxpayer than the registry")


def not_revoked(_: NationalRules, hand: DocumentInHand) -> None:
    """On line nothing is taken from a certificate that is revoked now, whatever the document says of its age."""
    if hand.certificate.was_revoked(hand.received_at):
        raise Fault("TS-1104", detail="the signer's certificate is revoked")


def was_valid_then(_: NationalRules, hand: DocumentInHand) -> None:
    """Signed within the certificate's time (K-25: not from its end on)."""
    certificate = hand.certificate
    if not certificate.not_before <= hand.at < certificate.not_after:
        raise Fault("TS-1103", detail="signed outside the time of the certificate")
