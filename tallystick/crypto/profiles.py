"""Certificate profiles of the house: what each kind contains and how long it lives (security 2.3, wire 11.1)."""

from __future__ import annotations

from datetime import timedelta

import attrs

from tallystick.crypto.taxcore_oids import CLIENT_AUTH, SERVER_AUTH, CertificateClass, Environment


@attrs.frozen(slots=True, kw_only=True)
class Profile:
    """What a certificate of one kind contains. ``usages`` are dotted extended key usages."""

    name: str
    lifetime: timedelta
    key_usage: frozenset[str]
    usages: tuple[str, ...] = ()
    is_authority: bool = False
    path_length: int | None = None
    is_taxcore: bool = False


_AUTHORITY = frozenset({"key_cert_sign", "crl_sign"})
_SIGNATURE = frozenset({"digital_signature"})

ROOT = Profile(name="root", lifetime=timedelta(days=25 * 365), key_usage=_AUTHORITY, is_authority=True, path_length=1)
SECURE_ELEMENT_YEARS = 4


def issuing_authority(usages: tuple[str, ...]) -> Profile:
    """An issuing authority constrained to the usages that it may give."""
    return Profile(
        name="issuing",
        lifetime=timedelta(days=8 * 365),
        key_usage=_AUTHORITY,
        usages=usages,
        is_authority=True,
        path_length=0,
    )


def secure_element(environment: Environment, *, years: int = SECURE_ELEMENT_YEARS) -> Profile:
    """Signing on the secure element applet (V33); 3 to 5 years are customary (S2-024)."""
    return Profile(
        name="secure element",
        lifetime=timedelta(days=years * 365),
        key_usage=_SIGNATURE | {"key_encipherment"},
        usages=(environment.usage_oid(CertificateClass.V33), CLIENT_AUTH),
        is_taxcore=True,
    )


def pki_client(environment: Environment, *, years: int = SECURE_ELEMENT_YEARS) -> Profile:
    """The PKI applet's TLS client (V34)."""
    return Profile(
        name="PKI applet client",
        lifetime=timedelta(days=years * 365),
        key_usage=_SIGNATURE | {"key_encipherment"},
        usages=(environment.usage_oid(CertificateClass.V34), CLIENT_AUTH),
        is_taxcore=True,
    )


def pos_client(environment: Environment, *, years: int = SECURE_ELEMENT_YEARS) -> Profile:
    """The TLS client of a POS towards the V-SDC (V32)."""
    return Profile(
        name="POS client",
        lifetime=timedelta(days=years * 365),
        key_usage=_SIGNATURE | {"key_encipherment"},
        usages=(environment.usage_oid(CertificateClass.V32), CLIENT_AUTH),
        is_taxcore=True,
    )


def hosted_signer(environment: Environment, *, years: int = SECURE_ELEMENT_YEARS) -> Profile:
    """A signing element of the V-SDC (V35): signs invoices and opens no session."""
    return Profile(
        name="hosted signer",
        lifetime=timedelta(days=years * 365),
        key_usage=_SIGNATURE,
        usages=(environment.usage_oid(CertificateClass.V35),),
        is_taxcore=True,
    )


def tls_server(environment: Environment) -> Profile:
    """A web server (V31), 90 days."""
    return Profile(
        name="TLS server",
        lifetime=timedelta(days=90),
        key_usage=_SIGNATURE,
        usages=(SERVER_AUTH, environment.usage_oid(CertificateClass.V31)),
        is_taxcore=True,
    )


def encryption(environment: Environment) -> Profile:
    """The authority's encryption certificate (V36): its key is on every card."""
    return Profile(
        name="encryption",
        lifetime=timedelta(days=7 * 365),
        key_usage=frozenset({"key_encipherment"}),
        usages=(environment.usage_oid(CertificateClass.V36),),
        is_taxcore=True,
    )
