"""The shops of the simulated country: who owns them, which secure element they have, and its making and registration.

Every step can be repeated: a run that was killed in the middle of a personalisation goes on with the next.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import attrs
import msgspec

from tallystick.authority.keys.operations import bind_card
from tallystick.authority.keys.queries import key_of
from tallystick.authority.keys.values import PACKAGE, POA
from tallystick.authority.reference.registry.operations import (
    create_user,
    let_user_act_for,
    register_premises,
    register_secure_element,
    register_taxpayer,
)
from tallystick.authority.reference.registry.values import Premises, SecureElementEntry, Taxpayer
from tallystick.authority.room_queries import Connection
from tallystick.crypto.keys import PrivateKey, PublicKey
from tallystick.crypto.pki import CardSubject, DemoPki
from tallystick.device.applet.factory import personalise
from tallystick.device.applet.identity import KEYS_FILE
from tallystick.kernel.country_pack import CountryPack
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.identifiers import Tin, Uid, parse_uid
from tallystick.kernel.invoice import Seller
from tallystick.kit.atomic_file import write_atomically
from tallystick.ops.pki_registry import enter_card
from tallystick.ops.processes.context import system_clock

SHOPS_PER_TAXPAYER = 3
_STREETS = ("Harbour Street", "Station Road", "Ice Runway", "Glacier Lane", "Observatory Hill", "Ross Avenue")
_DISTRICTS = ("North", "East", "South", "West")


class _Plan(msgspec.Struct, frozen=True):
    """What is written before a card is made: which shop gets which name and PIN."""

    uid: str
    pin: str


@attrs.frozen(kw_only=True)
class Shop:
    """A shop with its secure element: the folder holds the card and, later, the E-SDC's store."""

    store_id: int
    uid: Uid
    pin: str
    seller: Seller
    folder: Path


@attrs.frozen(kw_only=True)
class ShopMaker:
    """Makes and registers shops of one country."""

    pack: CountryPack
    pki: DemoPki
    api_url: str
    limit: Money
    plans: Path
    folder_of: Callable[[str], Path]

    def plan(self, store_id: int, rank: int) -> Shop:
        """Decide name, owner and PIN of a shop, or read what was decided before."""
        file = self.plans / f"{store_id}.json"
        if file.exists():
            plan = msgspec.json.decode(file.read_bytes(), type=_Plan)
        else:
            plan = _Plan(uid=f"TS{store_id:06d}", pin=f"{secrets.randbelow(10_000):04d}")
            self.plans.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_atomically(file, msgspec.json.encode(plan))
        return Shop(
            store_id=store_id,
            uid=parse_uid(plan.uid),
            pin=plan.pin,
            seller=self._seller(store_id, rank),
            folder=self.folder_of(plan.uid),
        )

    def _seller(self, store_id: int, rank: int) -> Seller:
        owner = rank // SHOPS_PER_TAXPAYER
        return Seller(
            tin=Tin(f"{100_000_000 + owner * 11}"),
            business_name=f"Grocers {owner + 1} Ltd",
            location_name=f"Store {store_id}",
            address=f"{store_id % 97 + 1} {_STREETS[store_id % len(_STREETS)]}",
            district=_DISTRICTS[store_id % len(_DISTRICTS)],
            city=self.pack.city,
            country=self.pack.country,
        )

    def make_card(self, shop: Shop, keys: tuple[PrivateKey, PrivateKey], at: datetime) -> None:
        """Personalise the shop's card; ``keys`` are its signing and its client key. The factory ends half-made ones."""
        subject = CardSubject(uid=shop.uid, seller=shop.seller, api_url=self.api_url)

        def certify(spki: bytes) -> bytes:
            der = self.pki.issue_secure_element(subject, spki, at=at)
            write_atomically(self._certificate_file(shop), der)
            return der

        def certify_client(spki: bytes) -> bytes:
            der = self.pki.issue_pki_client(subject, spki, at=at)
            write_atomically(self._client_file(shop), der)
            return der

        package, poa = self._card_keys(shop)
        personalise(
            shop.folder,
            uid=shop.uid,
            pin=shop.pin,
            limit=self.limit,
            max_category_order_id=self.pack.max_category_order_id,
            sign_certificate_for=certify,
            pki_certificate_for=certify_client,
            tax_core_public_key=package,
            poa_public_key=poa,
            keys=keys,
        )

    def _card_keys(self, shop: Shop) -> tuple[PublicKey, PublicKey]:
        """The authority's keys that the card gets; written down before, for they may change while it is made."""
        file = self.plans / f"{shop.store_id}.keys"
        if not file.exists():
            spkis = [self.pki.public_key(name).spki for name in (PACKAGE, POA)]
            write_atomically(file, msgspec.json.encode(spkis))
        package, poa = (PublicKey.from_spki(spki) for spki in msgspec.json.decode(file.read_bytes(), type=list[bytes]))
        return package, poa

    def has_card(self, shop: Shop) -> bool:
        """Whether the shop's card is finished."""
        return (shop.folder / KEYS_FILE).exists()

    def _certificate_file(self, shop: Shop) -> Path:
        return self.plans / f"{shop.store_id}.der"

    def _client_file(self, shop: Shop) -> Path:
        return self.plans / f"{shop.store_id}.pki.der"

    def register(self, conn: Connection, shop: Shop) -> SecureElementEntry:
        """Enter owner, premises and card into the registry; the same again changes nothing."""
        seller = shop.seller
        register_taxpayer(conn, Taxpayer(seller.tin, seller.business_name))
        create_user(conn, seller.tin, "!", seller.business_name, "taxpayer")
        let_user_act_for(conn, seller.tin, seller.tin)
        premises = Premises(
            tin=seller.tin,
            code=str(shop.store_id),
            name=seller.location_name,
            address=seller.address,
            city=seller.city,
            district=seller.district,
            country=seller.country,
        )
        premises_id = register_premises(conn, premises)
        certificate, now = self._certificate_file(shop).read_bytes(), system_clock()
        for profile, der in (("secure-element", certificate), ("pki-client", self._client_file(shop).read_bytes())):
            enter_card(conn, self.pki, profile, der, shop.uid, seller.tin, "process:factory", now)
        package, poa = self._card_keys(shop)
        bind_card(conn, shop.uid, key_of(conn, POA, poa).label)
        return register_secure_element(
            conn,
            certificate,
            environment=self.pack.environment,
            encryption_key=key_of(conn, PACKAGE, package).label,
            limit=self.limit,
            premises_id=premises_id,
        )
