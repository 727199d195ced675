"""Certificate profiles of the house as data: what each kind contains and how long it lives (security 2.3, wire 11.1).

A country pack may lay other lifetimes over them (`with_days`); what a certificate means is not the pack's to change.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import attrs

from tallystick.crypto.keys import KeyKind
from tallystick.crypto.national_oids import OCSP_SIGNING, TIME_STAMPING, NationalArc
from tallystick.crypto.taxcore_oids import CLIENT_AUTH, SERVER_AUTH, CertificateClass, Environment

_DAYS_A_YEAR = 365
_RSA = frozenset({KeyKind.RSA})
_P256 = frozenset({KeyKind.P256})
_P384 = frozenset({KeyKind.P384})


@attrs.frozen(slots=True, kw_only=True)
class Profile:
    """What a certificate of one kind contains.

    ``usages`` are dotted extended key usages; ``key_kinds`` the keys that may be certified. With ``has_points`` it says
    where its revocation list, OCSP and issuer are found; ``no_check`` asks nobody to look its own revocation up.
    """

    name: str
    lifetime: timedelta
    key_usage: frozenset[str]
    usages: tuple[str, ...] = ()
    usages_are_critical: bool = False
    key_kinds: frozenset[KeyKind] = _P256
    is_authority: bool = False
    path_length: int | None = None
    is_taxcore: bool = False
    has_points: bool = True
    no_check: bool = False

    def with_days(self, days: Mapping[str, int]) -> Profile:
        """This profile with the lifetime that a country gives its name, if it gives one."""
        if self.name not in days:
            return self
        return attrs.evolve(self, lifetime=timedelta(days=days[self.name]))


_AUTHORITY = frozenset({"key_cert_sign", "crl_sign"})
_SIGNATURE = frozenset({"digital_signature"})
_CARD_USE = _SIGNATURE | {"key_encipherment"}

ROOT = Profile(
    name="root",
    lifetime=timedelta(days=25 * _DAYS_A_YEAR),
    key_usage=_AUTHORITY,
    key_kinds=_P384,
    is_authority=True,
    path_length=1,
    has_points=False,
)
SECURE_ELEMENT_YEARS = 4
ISSUES_FOR = timedelta(days=5 * _DAYS_A_YEAR)
"""How long an issuing authority issues; the rest of its life it only revokes (security 2.2)."""


def issuing_authority(usages: tuple[str, ...]) -> Profile:
    """An issuing authority constrained to the usages that it may give."""
    return Profile(
        name="issuing",
        lifetime=timedelta(days=8 * _DAYS_A_YEAR),
        key_usage=_AUTHORITY,
        usages=usages,
        key_kinds=_P384,
        is_authority=True,
        path_length=0,
    )


def _taxcore(
    name: str, environment: Environment, classes: CertificateClass, years: int, key_usage: frozenset[str], *more: str
) -> Profile:
    return Profile(
        name=name,
        lifetime=timedelta(days=years * _DAYS_A_YEAR),
        key_usage=key_usage,
        usages=(environment.usage_oid(classes), *more),
        key_kinds=_RSA,
        is_taxcore=True,
    )


def secure_element(environment: Environment, *, years: int = SECURE_ELEMENT_YEARS) -> Profile:
    """Signing on the secure element applet (V33); 3 to 5 years are customary (S2-024)."""
    return _taxcore("secure-element", environment, CertificateClass.V33, years, _CARD_USE, CLIENT_AUTH)


def pki_client(environment: Environment, *, years: int = SECURE_ELEMENT_YEARS) -> Profile:
    """The PKI applet's TLS client (V34)."""
    return _taxcore("pki-client", environment, CertificateClass.V34, years, _CARD_USE, CLIENT_AUTH)


def pos_client(environment: Environment, *, years: int = SECURE_ELEMENT_YEARS) -> Profile:
    """The TLS client of a POS towards the V-SDC (V32)."""
    return _taxcore("pos-client", environment, CertificateClass.V32, years, _CARD_USE, CLIENT_AUTH)


def hosted_signer(environment: Environment, *, years: int = SECURE_ELEMENT_YEARS) -> Profile:
    """A signing element of the V-SDC (V35): signs invoices and opens no session."""
    return _taxcore("hosted-signer", environment, CertificateClass.V35, years, _SIGNATURE)


def encryption(environment: Environment) -> Profile:
    """The authority's encryption certificate (V36): its key is on every card."""
    return _taxcore("encryption", environment, CertificateClass.V36, 7, frozenset({"key_encipherment"}))


def tls_server(environment: Environment) -> Profile:
    """A web server (V31), 90 days."""
    return Profile(
        name="tls-server",
        lifetime=timedelta(days=90),
        key_usage=_SIGNATURE,
        usages=(SERVER_AUTH, environment.usage_oid(CertificateClass.V31)),
        is_taxcore=True,
    )


def device(arc: NationalArc) -> Profile:
    """A register of software, a V-SDC host or an ERP system: opens sessions and signs documents."""
    return Profile(
        name="device", lifetime=timedelta(days=397), key_usage=_SIGNATURE, usages=(CLIENT_AUTH, arc.documents)
    )


def hardware_device(arc: NationalArc) -> Profile:
    """A certified register with write-once memory."""
    return attrs.evolve(device(arc), name="hardware-device")


def taxpayer_seal(arc: NationalArc) -> Profile:
    """A taxpayer's seal on e-invoices and declarations: three years."""
    return Profile(
        name="taxpayer-seal",
        lifetime=timedelta(days=3 * _DAYS_A_YEAR),
        key_usage=frozenset({"content_commitment"}),
        usages=(arc.seal,),
    )


def staff(arc: NationalArc) -> Profile:
    """An officer's or operator's card or passkey: one year."""
    return Profile(
        name="staff", lifetime=timedelta(days=_DAYS_A_YEAR), key_usage=_SIGNATURE, usages=(CLIENT_AUTH, arc.staff)
    )


TIMESTAMP = Profile(
    name="timestamp",
    lifetime=timedelta(days=3 * _DAYS_A_YEAR),
    key_usage=_SIGNATURE,
    usages=(TIME_STAMPING,),
    usages_are_critical=True,
)
"""A timestamp unit (RFC 3161, 2.3): as long as its key signs, so that it ends before its authority."""


def trust_list(arc: NationalArc) -> Profile:
    """Who signs the trust list, and nothing else: a year."""
    return Profile(
        name="trust-list",
        lifetime=timedelta(days=_DAYS_A_YEAR),
        key_usage=_SIGNATURE,
        usages=(arc.trust_list,),
        usages_are_critical=True,
    )


def device_commands(arc: NationalArc) -> Profile:
    """Who signs commands to devices, and nothing else: 90 days."""
    return attrs.evolve(
        trust_list(arc), name="device-commands", lifetime=timedelta(days=90), usages=(arc.device_commands,)
    )


OCSP_RESPONDER = Profile(
    name="ocsp-responder",
    lifetime=timedelta(days=30),
    key_usage=_SIGNATURE,
    usages=(OCSP_SIGNING,),
    usages_are_critical=True,
    has_points=False,
    no_check=True,
)
"""Who answers for an authority (RFC 6960, 4.2.2.2): short-lived, so nobody asks whether it is revoked."""


@attrs.frozen(slots=True)
class AuthorityPlan:
    """One issuing authority of the hierarchy: file and label, title in its name, and what it may issue."""

    name: str
    title: str
    profiles: tuple[Profile, ...]
    serves_hosts: bool = False
    """Whether it issues for servers, and so is bound to their names."""

    @property
    def usages(self) -> tuple[str, ...]:
        """Every usage that it may give, and its responder's."""
        found = [usage for profile in self.profiles for usage in profile.usages]
        return tuple(dict.fromkeys((*found, OCSP_SIGNING)))


def hierarchy(environment: Environment, arc: NationalArc) -> tuple[AuthorityPlan, ...]:
    """The issuing authorities below the root (security 2.2)."""
    cards = (secure_element(environment), pki_client(environment), pos_client(environment), hosted_signer(environment))
    units = (TIMESTAMP, trust_list(arc), device_commands(arc))
    services = (tls_server(environment), encryption(environment), *units)
    return (
        AuthorityPlan("taxpayer-ca", "taxpayer CA", (taxpayer_seal(arc),)),
        AuthorityPlan("device-ca", "device CA", (device(arc),)),
        AuthorityPlan("hardware-device-ca", "hardware device CA", (hardware_device(arc),)),
        AuthorityPlan("secure-element-ca", "secure element CA", cards),
        AuthorityPlan("service-ca", "service CA", services, serves_hosts=True),
        AuthorityPlan("staff-ca", "staff CA", (staff(arc),)),
    )
