"""A small country for E-SDC tests: a PKI made once, cards personalised with keys made once, the AQ pack's commands."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from cards import NOW, Country, country, rsa_key

from tallystick.crypto.envelope import PackageOpener
from tallystick.crypto.pki import CardSubject, DemoPki
from tallystick.device.applet import VirtualCard, personalise
from tallystick.device.esdc.card_slot import VirtualReader
from tallystick.device.esdc.device import Device
from tallystick.device.esdc.settings import EsdcSettings
from tallystick.kernel.country_pack import CountryPack
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.identifiers import Tin, Uid
from tallystick.kernel.invoice import Seller
from tallystick.ops.packs import load_pack
from tallystick.wire.audit_data import AuditData, read_audit_data
from tallystick.wire.audit_package import read_sealed
from tallystick.wire.configuration import Configuration, environment_parameters
from tallystick.wire.pos_invoice import encode_json
from tallystick.wire.tax_rates import tax_rate_groups_json
from tallystick.wire.taxcore_api import Command, CommandType

UID = "TL5SYCK1"
PIN = "2017"
PREFIX = "https://fdo.example/v/?vl="
START = NOW + timedelta(hours=1, milliseconds=123)


class TestClock:
    """A clock that stands until it is moved."""

    __test__ = False

    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        """The moment."""
        return self.now

    def forward(self, **by: float) -> None:
        """Move on."""
        self.now += timedelta(**by)


@cache
def pack() -> CountryPack:
    """The reference country."""
    return load_pack("AQ")


def calm_country() -> Country:
    """Authorities and keys as of the fixed day on which tests without a real clock play."""
    return country(pack().environment)


@cache
def live_country() -> Country:
    """The same as of today, for tests over real TLS."""
    folder = Path(tempfile.mkdtemp(prefix="tallystick-live-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    at = datetime.now(UTC) - timedelta(hours=2)
    made = DemoPki.create(folder / "pki", environment=pack().environment, organization="Live", country="AQ", at=at)
    return Country(made, folder)


def seller(tin: str = "123456789") -> Seller:
    """A shop."""
    return Seller(
        tin=Tin(tin),
        business_name="Sample Ltd",
        location_name="Sample Store",
        address="1 Sample Street",
        district="Sample",
        city="Sampleton",
        country="AQ",
    )


def make_card(
    folder: Path,
    *,
    uid: str = UID,
    limit: Money = Money(1_000_000_0000),
    at: datetime = START - timedelta(hours=1),
    years: int | None = None,
    api_url: str = "https://localhost:8443/",
    home: Country | None = None,
    keys: tuple[int, int] = (0, 1),
) -> VirtualCard:
    """Personalise a card in a folder and power it on."""
    made = (home or calm_country()).pki
    subject = CardSubject(uid=Uid(uid), seller=seller(), api_url=api_url)
    validity = {} if years is None else {"years": years}
    personalise(
        folder,
        uid=uid,
        pin=PIN,
        limit=limit,
        max_category_order_id=pack().max_category_order_id,
        sign_certificate_for=lambda spki: made.issue_secure_element(subject, spki, at=at, **validity),
        pki_certificate_for=lambda spki: made.issue_pki_client(subject, spki, at=at, **validity),
        tax_core_public_key=made.public_key("package"),
        poa_public_key=made.public_key("poa"),
        keys=(rsa_key(keys[0]), rsa_key(keys[1])),
    )
    return VirtualCard.open(folder)


def configuration(languages: tuple[str, ...] | None = None) -> Configuration:
    """The reference country's environment."""
    return Configuration(
        organization_name=pack().organization_name,
        server_time_zone=pack().server_time_zone,
        street=pack().street,
        city=pack().city,
        country="AQ",
        endpoints={"root": PREFIX, "taxCoreApi": "https://localhost:8443/"},
        environment_name="TEST",
        logo="",
        ntp_server="",
        supported_languages=pack().languages if languages is None else languages,
    )


def setup_commands(uid: str = UID) -> list[Command]:
    """The typical initialization set: rates, time server, verification URL, configuration."""
    rates = encode_json(tax_rate_groups_json(pack().tax_groups)).decode()
    environment = encode_json(environment_parameters(configuration())).decode()
    return [
        Command(f"{uid}-0000", CommandType.SET_TAX_RATES, rates, uid),
        Command(f"{uid}-0001", CommandType.SET_TIME_SERVER_URL, "0.pool.ntp.example", uid),
        Command(f"{uid}-0002", CommandType.SET_VERIFICATION_URL, PREFIX, uid),
        Command(f"{uid}-0007", CommandType.SET_TAX_CORE_CONFIGURATION, environment, uid),
    ]


def request(**changes: Any) -> dict[str, Any]:
    """A small basket as JSON members."""
    return {
        "invoiceType": "Normal",
        "transactionType": "Sale",
        "cashier": "Ana",
        "payment": [{"amount": 68.46, "paymentType": "Cash"}],
        "items": [{"name": "Helmet/kom", "quantity": 2, "unitPrice": 34.23, "labels": ["A"], "totalAmount": 68.46}],
        **changes,
    }


def body(**changes: Any) -> bytes:
    """The same as a POS sends it, without QR code."""
    return encode_json(request(options={"omitQRCodeGen": "1"}) | changes)


class Bench:
    """A folder with one card, its reader and its device, in the hand of a test."""

    def __init__(
        self,
        folder: Path,
        *,
        settings: EsdcSettings | None = None,
        made: Path | None = None,
        home: Path | None = None,
        **card: Any,
    ) -> None:
        self.folder = folder
        self.home = home
        self.clock = TestClock()
        self.settings = settings or EsdcSettings(mrc="99-0100-" + UID)
        if made is None:
            self.card = make_card(folder / UID, **card)
        else:  # a copy of a card that was personalised before
            shutil.copytree(made, folder / UID)
            self.card = VirtualCard.open(folder / UID)
        self.reader = VirtualReader(self.card)
        self.device = self.switch_on()

    def switch_on(self) -> Device:
        """A new start of the device over what is stored."""
        self.device = Device(self.reader, self.folder, self.settings, self.clock, home=self.home)
        self.device.refresh()
        return self.device

    def ready(self) -> Device:
        """Configured and unlocked."""
        self.device.obey_all(setup_commands())
        self.device.verify_pin(PIN)
        return self.device

    def __enter__(self) -> Bench:
        """For tests that need it only for a while."""
        return self

    def __exit__(self, *_: object) -> None:
        """Switched off, whatever happened."""
        self.close()

    def close(self) -> None:
        """Switch everything off."""
        self.device.close()
        self.card.power_off()


def benches(folder: Path, **options: Any) -> Iterator[Bench]:
    """For fixtures: a bench that is closed afterwards."""
    bench = Bench(folder, **options)
    yield bench
    bench.close()


def open_package(package: bytes, home: Country | None = None) -> AuditData:
    """Read a sealed package as the authority does."""
    sealed = read_sealed(package)
    opener = PackageOpener((home or calm_country()).package_key)
    return read_audit_data(opener.open(sealed.key, sealed.iv, sealed.payload))
