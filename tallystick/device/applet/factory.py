"""The factory of virtual cards: keys made, certificates taken in, counters at zero; then the factory is shut (15.6)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import attrs

from tallystick.crypto.certificates import pem_of, read_card_certificate
from tallystick.crypto.keys import PrivateKey, PublicKey, generate_rsa_key, store_private_key
from tallystick.crypto.signatures import sign_invoice_text, verify_invoice_signature
from tallystick.crypto.taxcore_oids import CertificateClass
from tallystick.device.applet.identity import KEYS_FILE, STATE_FILE, CardIdentity, Quirks
from tallystick.device.applet.memory import blank_image
from tallystick.device.applet.state import CardState
from tallystick.device.secure_element.token_client import CERTIFICATE_FILE, KEY_FILE
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.identifiers import parse_uid
from tallystick.kernel.limits import LIMITS
from tallystick.kit.atomic_file import sync_folder, write_atomically
from tallystick.wire.card import MAX_CATEGORIES
from tallystick.wire.card_fields import UINT32_MAX

Certifier = Callable[[bytes], bytes]
"""Takes a SubjectPublicKeyInfo, gives a certificate, both DER."""

CURRENT_VERSION = (3, 2, 8)


def personalise(
    folder: Path,
    *,
    uid: str,
    pin: str,
    limit: Money,
    max_category_order_id: int,
    sign_certificate_for: Certifier,
    pki_certificate_for: Certifier,
    tax_core_public_key: PublicKey,
    poa_public_key: PublicKey,
    version: tuple[int, int, int] = CURRENT_VERSION,
    keys: tuple[PrivateKey, PrivateKey] | None = None,
    quirks: Quirks | None = None,
    invoices_signed: int = 0,
) -> None:
    """Make a card in `folder` (created 0700); `keys` are a signing and a PKI key made ahead.

    The highest category order id fixes how many tax totals the card keeps, and so the length of its answers.
    Raises `FileExistsError` when a card is there already, `ValueError` for a PIN, number or certificate that does not
    fit. A cut in between leaves a folder without `card.keys`: the factory may begin again. `invoices_signed` is where
    the total counter of a test card begins, so that its end can be seen.
    """
    _check(uid, pin, max_category_order_id, invoices_signed)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if (folder / KEYS_FILE).exists():
        raise FileExistsError(f"{folder}: personalised already")
    signing_key, pki_key = keys or (generate_rsa_key(), generate_rsa_key())
    contents = CardContents(
        uid=uid,
        pin=pin,
        limit=limit,
        categories=max_category_order_id,
        signing_key=signing_key,
        client_key=pki_key,
        certificate=b"",
        client_certificate=b"",
        tax_core_public_key=tax_core_public_key,
        poa_public_key=poa_public_key,
        version=version,
        quirks=quirks or Quirks(),
        invoices_signed=invoices_signed,
    )
    certificate = _certified(signing_key, sign_certificate_for, uid, CertificateClass.V33)
    pki_certificate = _certified(pki_key, pki_certificate_for, uid, CertificateClass.V34)
    burn_in(folder, attrs.evolve(contents, certificate=certificate, client_certificate=pki_certificate))


@attrs.frozen(slots=True, kw_only=True, repr=False)
class CardContents:
    """All that makes a card one; never shown, it has the PIN and the keys."""

    uid: str
    pin: str
    limit: Money
    categories: int
    signing_key: PrivateKey
    client_key: PrivateKey
    certificate: bytes
    client_certificate: bytes
    tax_core_public_key: PublicKey
    poa_public_key: PublicKey
    version: tuple[int, int, int] = CURRENT_VERSION
    quirks: Quirks = attrs.field(factory=Quirks)
    invoices_signed: int = 0

    def check(self) -> None:
        """Raise `ValueError` for a PIN, a number or a count that a card cannot have."""
        _check(self.uid, self.pin, self.categories, self.invoices_signed)


def _check(uid: str, pin: str, categories: int, invoices_signed: int) -> None:
    parse_uid(uid)
    if len(pin) != LIMITS.pin_digits or not (pin.isascii() and pin.isdigit()):
        raise ValueError("a PIN is four digits")
    if not 1 <= categories <= MAX_CATEGORIES:
        raise ValueError(f"a card keeps 1 to {MAX_CATEGORIES} tax categories")
    if not 0 <= invoices_signed <= UINT32_MAX:
        raise ValueError("the counter has four bytes")


def burn_in(folder: Path, contents: CardContents) -> None:
    """Write the files of a card, its identity last: a cut before that leaves no card, and it may be done again."""
    contents.check()
    store_private_key(folder / KEY_FILE, contents.client_key)
    write_atomically(folder / CERTIFICATE_FILE, pem_of(contents.client_certificate), mode=0o600)
    blank = CardState.blank(
        limit=contents.limit.scaled, categories=contents.categories, invoices_signed=contents.invoices_signed
    )
    write_atomically(folder / STATE_FILE, blank_image(blank.encode()), mode=0o600)
    identity = CardIdentity(
        uid=contents.uid,
        version=contents.version,
        pin=contents.pin,
        signing_key=contents.signing_key.pkcs8,
        certificate=contents.certificate,
        tax_core_key=contents.tax_core_public_key.spki,
        poa_key=contents.poa_public_key.spki,
        quirks=contents.quirks,
    )
    identity.store(folder)
    sync_folder(folder.parent)


def _certified(key: PrivateKey, certify: Certifier, uid: str, expected: CertificateClass) -> bytes:
    """The certificate for a key, read back and proved with a test signature before it goes onto the card."""
    der = certify(key.public.spki)
    found = read_card_certificate(der)
    if found.uid != uid or found.certificate_class is not expected or found.public_key != key.public:
        raise ValueError(f"the certificate is not of {uid}, this key and class {expected.name}")
    probe = uid.encode("ascii")
    verify_invoice_signature(found.public_key, probe, sign_invoice_text(key, probe))
    return der
