"""Orders for certificates of the national channels, from what the registry knows (security 2.3)."""

from __future__ import annotations

import attrs
from cryptography import x509
from cryptography.x509.oid import NameOID

from tallystick.crypto import profiles
from tallystick.crypto.der import integer, utf8_string
from tallystick.crypto.issuing import Order, common_name
from tallystick.crypto.keys import PublicKey
from tallystick.crypto.national_oids import NationalArc
from tallystick.crypto.profiles import OCSP_RESPONDER, Profile
from tallystick.kernel.device_policy import DeviceClass

_NAME_CHARACTERS = 64
_WORDS = {
    DeviceClass.SOFTWARE: "Software register",
    DeviceClass.HARDWARE: "Hardware register",
    DeviceClass.VSDC: "V-SDC",
    DeviceClass.ERP: "ERP system",
}


@attrs.frozen(slots=True, kw_only=True)
class DeviceFacts:
    """Who a device is, by the registry. ``premises`` is their number as text, or empty."""

    uid: str
    device_class: DeviceClass
    tin: str
    taxpayer: str
    premises: str
    premises_name: str


def device_profile(device_class: DeviceClass, arc: NationalArc) -> Profile:
    """Which profile a class of device gets."""
    return profiles.hardware_device(arc) if device_class is DeviceClass.HARDWARE else profiles.device(arc)


def device_authority(device_class: DeviceClass) -> str:
    """Which authority certifies it: the one for write-once memory is a branch of its own."""
    return "hardware-device-ca" if device_class is DeviceClass.HARDWARE else "device-ca"


def device_order(facts: DeviceFacts, key: PublicKey, arc: NationalArc, profile: Profile) -> Order:
    """The certificate of a device."""
    return Order(
        profile=profile,
        public_key=key,
        subject=(
            _name(NameOID.COMMON_NAME, f"{_WORDS[facts.device_class]} {facts.uid}"),
            _name(NameOID.SERIAL_NUMBER, facts.uid),
            _name(NameOID.ORGANIZATIONAL_UNIT_NAME, facts.premises_name),
            _name(NameOID.ORGANIZATION_NAME, facts.taxpayer),
        ),
        values=(
            (arc.tin, utf8_string(facts.tin)),
            (arc.premises, utf8_string(facts.premises) if facts.premises else b""),
            (arc.device_class, integer(facts.device_class)),
        ),
    )


def seal_order(tin: str, taxpayer: str, country: str, key: PublicKey, arc: NationalArc, profile: Profile) -> Order:
    """The seal of a taxpayer."""
    return Order(
        profile=profile,
        public_key=key,
        subject=(
            _name(NameOID.COUNTRY_NAME, country),
            _name(NameOID.ORGANIZATION_NAME, taxpayer),
            _name(NameOID.ORGANIZATION_IDENTIFIER, f"VAT{country}-{tin}"),
            _name(NameOID.COMMON_NAME, taxpayer),
        ),
        values=((arc.tin, utf8_string(tin)),),
    )


def staff_order(
    username: str, name: str, organization: str, role: str, key: PublicKey, arc: NationalArc, profile: Profile
) -> Order:
    """The certificate of an officer or operator."""
    return Order(
        profile=profile,
        public_key=key,
        subject=(
            _name(NameOID.COMMON_NAME, name),
            _name(NameOID.SERIAL_NUMBER, username),
            _name(NameOID.ORGANIZATION_NAME, organization),
        ),
        values=((arc.role, utf8_string(role)),),
    )


def responder_order(authority: str, key: PublicKey, profile: Profile = OCSP_RESPONDER) -> Order:
    """The OCSP responder of an authority."""
    return Order(profile=profile, public_key=key, subject=(_name(NameOID.COMMON_NAME, f"OCSP {authority}"),))


def unit_order(organization: str, country: str, what: str, key: PublicKey, profile: Profile) -> Order:
    """A unit of the operator that signs for everybody: timestamps, the trust list."""
    return Order(
        profile=profile,
        public_key=key,
        subject=(
            _name(NameOID.COUNTRY_NAME, country),
            _name(NameOID.ORGANIZATION_NAME, organization),
            common_name(organization, f" {what}"),
        ),
    )


def _name(oid: x509.ObjectIdentifier, text: str) -> tuple[x509.ObjectIdentifier, str]:
    """Cut to what X.520 allows; libraries count bytes for a common name."""
    cut = text[:_NAME_CHARACTERS]
    return oid, cut.encode()[:_NAME_CHARACTERS].decode(errors="ignore") if oid == NameOID.COMMON_NAME else cut
