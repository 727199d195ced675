"""Virtual cards of a small test country, made as a user's are: PKI, keys, certificates, factory."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import attrs

from tallystick.crypto.envelope import open_arp, open_internal_data, sign_with_recovery
from tallystick.crypto.keys import PrivateKey, generate_rsa_key
from tallystick.crypto.pki import CardSubject, DemoPki
from tallystick.device.applet import Quirks, VirtualCard, personalise
from tallystick.device.secure_element import SecureElement
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.identifiers import parse_tin, parse_uid
from tallystick.kernel.instants import unix_ms
from tallystick.kernel.invoice import InvoiceType, Seller, TransactionType
from tallystick.wire.card import ArpContent, Directive, InternalData, PoaMessage, SignRequest

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
NOW_MS = unix_ms(NOW)
PIN = "2017"
UID = "AB12CD34"
TIN = "123456789"


def seller(**changes: str) -> Seller:
    """A seller with Cyrillic names, as most have."""
    values = {
        "business_name": "Продавница д.о.о.",
        "location_name": "Радња 7",
        "address": "Кнеза Милоша 1",
        "district": "Стари Град",
        "city": "Београд",
        "country": "AQ",
    }
    return Seller(tin=parse_tin(changes.pop("tin", TIN)), **(values | changes))


@attrs.frozen(slots=True)
class Country:
    """A PKI and the private keys that only the authority has."""

    pki: DemoPki
    folder: Path

    @property
    def package_key(self) -> PrivateKey:
        """K_enc."""
        return _private_key(self.pki, "package")

    @property
    def poa_key(self) -> PrivateKey:
        """K_poa."""
        return _private_key(self.pki, "poa")

    def subject(self, uid: str = UID, **changes: str) -> CardSubject:
        """Who a card is for."""
        return CardSubject(
            parse_uid(uid),
            seller(**changes),
            "https://127.0.0.1:8443/",
            "https://127.0.0.1:8443/vsdc/",
            "Мира",
            "Перић",
        )

    def internal_data(self, sealed: bytes) -> InternalData:
        """Open what a card put into an invoice."""
        return InternalData.decode(open_internal_data(sealed, self.package_key))

    def audit_request(self, arp: bytes) -> ArpContent:
        """Open a card's audit request."""
        return ArpContent.decode(open_arp(arp, self.package_key))

    def proof(self, request: ArpContent, **changes: Any) -> bytes:
        """A proof of audit for a request, or a wrong one with `changes`."""
        message = PoaMessage(
            uid=request.uid,
            audit_sequence=request.audit_sequence,
            nonce=request.nonce,
            released=request.unaudited,
            issued_ms=NOW_MS,
        )
        return sign_with_recovery(attrs.evolve(message, **changes).encode(), self.poa_key)

    def directive(self, number: int, operation: int, parameter: int = 0, uid: str = UID) -> bytes:
        """The 512 bytes of a directive."""
        order = Directive(uid=uid, number=number, operation=operation, parameter=parameter)
        return sign_with_recovery(order.encode(), self.poa_key) + order.second_block


@cache
def _private_key(pki: DemoPki, name: str) -> PrivateKey:
    """Read once: proving the primes of an RSA key takes 60 ms each time."""
    return pki.private_key(name)


@cache
def country(environment: tuple[int, int] = (1, 9)) -> Country:
    """One country a test process and environment; its folder goes with the process."""
    folder = Path(tempfile.mkdtemp(prefix="tallystick-country-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    made = DemoPki.create(folder / "pki", environment=environment, organization="Test operator", country="AQ", at=NOW)
    return Country(made, folder)


@cache
def serving_country() -> Country:
    """The same country with a server's certificate of today, for listeners that real clients ask."""
    folder = Path(tempfile.mkdtemp(prefix="tallystick-country-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    shutil.copytree(country().folder, folder, dirs_exist_ok=True)
    made = DemoPki.load(folder / "pki", environment=(1, 9))
    made.issue_tls(("localhost", "127.0.0.1"), datetime.now(UTC))
    return Country(made, folder)


@cache
def rsa_key(number: int) -> PrivateKey:
    """RSA keys that tests share, since making one costs a tenth of a second."""
    assert number >= 0
    return generate_rsa_key()


def new_card(
    folder: Path,
    *,
    home: Country | None = None,
    uid: str = UID,
    limit: Money = Money.of(1_000),
    max_category_order_id: int = 3,
    version: tuple[int, int, int] = (3, 2, 8),
    quirks: Quirks | None = None,
    invoices_signed: int = 0,
    sign_certificate_for: Callable[[bytes], bytes] | None = None,
) -> Path:
    """Personalise a card in `folder` and give the folder."""
    home = home or country()
    subject = home.subject(uid)
    personalise(
        folder,
        uid=uid,
        pin=PIN,
        limit=limit,
        max_category_order_id=max_category_order_id,
        sign_certificate_for=sign_certificate_for or (lambda key: home.pki.issue_secure_element(subject, key, at=NOW)),
        pki_certificate_for=lambda key: home.pki.issue_pki_client(subject, key, at=NOW),
        tax_core_public_key=home.pki.public_key("package"),
        poa_public_key=home.pki.public_key("poa"),
        version=version,
        keys=(rsa_key(0), rsa_key(1)),
        quirks=quirks,
        invoices_signed=invoices_signed,
    )
    return folder


def ready(card: VirtualCard, *, crc: bool = False) -> SecureElement:
    """A session with the applet selected and the PIN given."""
    session = SecureElement(card, crc=crc)
    session.select()
    session.verify_pin(PIN)
    return session


def sale(
    number: int = 0,
    amount: str = "10",
    *,
    kind: InvoiceType = InvoiceType.NORMAL,
    direction: TransactionType = TransactionType.SALE,
    categories: tuple[tuple[int, str], ...] = ((1, "1.6667"),),
    buyer_id: bytes = b"",
) -> SignRequest:
    """A sign request; `number` milliseconds after the test country's noon."""
    return SignRequest(
        time_ms=unix_ms(NOW + timedelta(milliseconds=number)),
        tin=TIN,
        buyer_id=buyer_id,
        invoice_type=kind,
        transaction_type=direction,
        amount=Money.of(amount),
        categories=tuple((order_id, Money.of(tax)) for order_id, tax in categories),
    )
