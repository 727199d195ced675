"""A PIN on its way from the station to the paper of its letter: closed to the printer's key, bound to the module.

Who makes modules can close PINs and cannot open them. RSA-OAEP-SHA256 is random, so ten thousand guesses tell nothing.
"""

from __future__ import annotations

from datetime import datetime

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from tallystick.crypto.keys import PrivateKey, PublicKey, rsa_private, rsa_public
from tallystick.crypto.policy import Use, require
from tallystick.kernel.faults import Fault


def seal_pin(pin: str, number: str, printer: PublicKey, *, moment: datetime | None = None) -> bytes:
    """Close a PIN for the letter of the module with that number; 256 bytes."""
    require(Use.SEAL_PIN, moment)
    return rsa_public(printer).encrypt(pin.encode("ascii"), _oaep(number))


def open_pin(sealed: bytes, number: str, printer: PrivateKey, *, moment: datetime | None = None) -> str:
    """Undo ``seal_pin``; raises ``TS-3066`` when this is not the sealed PIN of that module, or of another printer."""
    require(Use.OPEN_PIN, moment)
    try:
        return rsa_private(printer).decrypt(sealed, _oaep(number)).decode("ascii")
    except (ValueError, UnicodeDecodeError):
        raise Fault("TS-3066", detail="the sealed PIN is not of this module, or closed to another printer") from None


def _oaep(number: str) -> padding.OAEP:
    return padding.OAEP(mgf=padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=number.encode("ascii"))
