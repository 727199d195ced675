"""Everything in a card that never changes after personalisation, and how profiles of cards differ."""

from __future__ import annotations

import stat
from pathlib import Path

import msgspec

from tallystick.crypto.certificates import read_card_certificate
from tallystick.crypto.keys import PrivateKey, PublicKey
from tallystick.crypto.signatures import sign_invoice_text, verify_invoice_signature
from tallystick.device.secure_element.port import CardUnavailable
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import HASH_BYTES, sha256
from tallystick.kernel.instants import unix_ms
from tallystick.kit.atomic_file import write_atomically

KEYS_FILE = "card.keys"
STATE_FILE = "card.state"
FORMAT = 1
CRC_SINCE = (3, 2, 5)
TIME_CHECK_SINCE = (3, 2, 8)
ASCII_PIN_SINCE = (3, 2, 2)
"""From here on clients send the PIN as ASCII digits, too (C-09)."""


class Quirks(msgspec.Struct, frozen=True, kw_only=True):
    """Where real cards differ or the sources disagree; each is a switch of the profile."""

    poa_resets_to_zero: bool = False
    """A proof sets the unaudited sum to zero instead of taking the released sum off it (C-33)."""
    wrong_pin_tells_tries: bool = False
    """A wrong PIN is answered 63Cx instead of 6302."""
    repeat_returns_last: bool = True
    """The bytes of the last signed invoice again give its result again; a real card signs anew and counts on."""


class CardIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """What the factory burns in. The PIN is text of four digits; keys and certificate are DER."""

    uid: str
    version: tuple[int, int, int]
    pin: str
    signing_key: bytes
    certificate: bytes
    tax_core_key: bytes
    poa_key: bytes
    quirks: Quirks = Quirks()
    format: int = FORMAT

    def store(self, folder: Path) -> None:
        """Write the file (SHA-256, then the values), mode 0600; after this the card is personalised."""
        content = msgspec.msgpack.encode(self)
        write_atomically(folder / KEYS_FILE, sha256(content) + content, mode=0o600)

    @classmethod
    def load(cls, folder: Path) -> CardIdentity:
        """Read the file; raises `CardUnavailable` when it is missing, damaged or readable by others."""
        path = folder / KEYS_FILE
        try:
            if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise CardUnavailable(f"{path}: a card must be readable by its owner only (mode 0600)")
            stored = path.read_bytes()
            if sha256(stored[HASH_BYTES:]) != stored[:HASH_BYTES]:
                raise CardUnavailable(f"{path}: damaged")
            identity = msgspec.msgpack.decode(stored[HASH_BYTES:], type=cls)
        except (OSError, msgspec.DecodeError) as error:
            raise CardUnavailable(f"no card in {folder}: {error}") from error
        if identity.format != FORMAT:
            raise CardUnavailable(f"{path}: format {identity.format} is unknown")
        return identity


class Chip:
    """The identity with its keys parsed once, and its self-test at power-on."""

    __slots__ = (
        "certificate",
        "not_after_ms",
        "not_before_ms",
        "pin",
        "poa_key",
        "quirks",
        "signing_key",
        "tax_core_key",
        "uid",
        "version",
    )

    def __init__(self, identity: CardIdentity) -> None:
        """Parse keys and validity; raises `CardUnavailable` when the signing key is not the certificate's."""
        certificate = read_card_certificate(identity.certificate)
        self.uid = identity.uid
        self.version = identity.version
        self.pin = bytes(map(int, identity.pin))
        self.quirks = identity.quirks
        self.certificate = identity.certificate
        self.signing_key = PrivateKey.from_pkcs8(identity.signing_key, is_ours=True)
        self.tax_core_key = PublicKey.from_spki(identity.tax_core_key)
        self.poa_key = PublicKey.from_spki(identity.poa_key)
        self.not_before_ms = unix_ms(certificate.not_before)
        self.not_after_ms = unix_ms(certificate.not_after)
        _self_test(self.signing_key, certificate.public_key)

    @property
    def knows_crc(self) -> bool:
        """Whether P1 P2 01 02 means CRC mode."""
        return self.version >= CRC_SINCE

    @property
    def takes_ascii_pin(self) -> bool:
        """Whether the PIN may come as ASCII digits beside the digits 00 to 09."""
        return self.version >= ASCII_PIN_SINCE

    @property
    def checks_time(self) -> bool:
        """Whether signing outside the certificate's validity is refused."""
        return self.version >= TIME_CHECK_SINCE


def _self_test(key: PrivateKey, certified: PublicKey) -> None:
    probe = b"self-test at power-on"
    try:
        verify_invoice_signature(certified, probe, sign_invoice_text(key, probe))
    except Fault as error:
        raise CardUnavailable("the card's signing key is damaged") from error
