"""Makes what the hosted signer needs from several floors: signing elements with keys, and POS with their files."""

from __future__ import annotations

import re
import secrets
import string
from datetime import datetime

import attrs

from tallystick.authority.channels.vsdc import operations
from tallystick.authority.channels.vsdc.operations import SIGNER_UID_END, Enrolment
from tallystick.authority.reference.registry.values import SecureElementEntry
from tallystick.authority.room_queries import Connection
from tallystick.crypto.client_bundle import new_pac, new_password, write_bundle
from tallystick.crypto.hsm import KeyStore
from tallystick.crypto.keys import KeyKind, generate_rsa_key
from tallystick.crypto.pki import CardSubject, DemoPki
from tallystick.kernel.country_pack import CountryPack
from tallystick.kernel.faults import Fault
from tallystick.kernel.identifiers import Tin, Uid
from tallystick.kernel.invoice import Seller
from tallystick.ops.pki_registry import enter_card

_UID_ALPHABET = string.ascii_uppercase + string.digits
OPERATOR_TIN = Tin("000000000")
"""The operator stands in the registry as the owner of the signing elements; it sells nothing."""


@attrs.frozen(slots=True, kw_only=True)
class Addresses:
    """What certificates carry: TaxCore.API and V-SDC."""

    api_url: str
    vsdc_url: str


@attrs.frozen(slots=True, kw_only=True)
class PosPapers:
    """What is handed to a POS once: its UID, the file with key and certificate, the file's password, the PAC."""

    uid: Uid
    bundle: bytes = attrs.field(repr=False)
    password: str = attrs.field(repr=False)
    pac: str = attrs.field(repr=False)


def bundle_name(name: str) -> str:
    """The file's name as POS software expects it (wire: chapter 9); ``TS-1220`` for what is no plain name."""
    if re.fullmatch(r"[\w.-]{1,64}", name) is None or name.startswith("."):
        raise Fault("TS-1220", detail="a name has 1 to 64 letters, digits, '-', '_' or '.'")
    return f"{name}.nochain.p12"


def new_uid(end: str = "") -> Uid:
    """Eight random upper-case letters or digits, of which the last ones are given."""
    return Uid("".join(secrets.choice(_UID_ALPHABET) for _ in range(8 - len(end))) + end)


def make_signer(
    conn: Connection, pki: DemoPki, keys: KeyStore, pack: CountryPack, addresses: Addresses, at: datetime
) -> SecureElementEntry:
    """A new signing element: its key is made in the key store, certified (class 3.5) and entered.

    A crash in between leaves a key that nobody uses. Raises ``TS-5004`` when the key store is away.
    """
    uid = new_uid(SIGNER_UID_END)
    label = f"vsdc-{uid.lower()}"
    public = keys.generate(label, KeyKind.RSA)
    seller = Seller(
        tin=OPERATOR_TIN,
        business_name=pack.organization_name,
        location_name="Hosted signer",
        address=pack.street,
        district=pack.city,
        city=pack.city,
        country=pack.country,
    )
    subject = CardSubject(uid=uid, seller=seller, api_url=addresses.api_url, vsdc_url=addresses.vsdc_url)
    certificate = pki.issue_hosted_signer(subject, public.spki, at=at)
    enter_card(conn, pki, "hosted-signer", certificate, uid, OPERATOR_TIN, "process:vsdc-tool", at)
    return operations.add_signer(conn, certificate, label, environment=pack.environment)


def enrol(
    conn: Connection,
    pki: DemoPki,
    pack: CountryPack,
    seller: Seller,
    addresses: Addresses,
    at: datetime,
    *,
    pac_secret: bytes,
    premises_id: int | None = None,
) -> PosPapers:
    """A new POS of a seller: key, certificate (class 3.2), password and PAC; key and PAC are kept nowhere here.

    Raises ``TS-1220`` for a TIN that this country does not give: it would stand in every receipt.
    """
    if re.fullmatch(pack.tin_pattern, seller.tin) is None:
        raise Fault("TS-1220", detail=f"a TIN of this country has the form {pack.tin_pattern}")
    key, uid = generate_rsa_key(), new_uid()
    subject = CardSubject(uid=uid, seller=seller, api_url=addresses.api_url, vsdc_url=addresses.vsdc_url)
    certificate = pki.issue_pos_client(subject, key.public.spki, at=at)
    enter_card(conn, pki, "pos-client", certificate, uid, seller.tin, "process:vsdc-tool", at)
    password, pac = new_password(), new_pac()
    enrolment = Enrolment(certificate, pac, premises_id)
    operations.enrol_pos(conn, enrolment, environment=pack.environment, pac_secret=pac_secret)
    return PosPapers(uid=uid, bundle=write_bundle(str(uid), key, certificate, password), password=password, pac=pac)
