"""Issuing: nothing is signed that the lint refuses, and weak keys get no certificate (security 2.4)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import attrs
import pytest
from cards import NOW, country, rsa_key
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from tallystick.crypto import issuing
from tallystick.crypto.certificate_lint import lint
from tallystick.crypto.issuing import Authority, Order, common_name, self_signed
from tallystick.crypto.key_checks import ROCA_PRIMES, check_key
from tallystick.crypto.keys import PublicKey, generate_p256_key, generate_p384_key, public_from_modulus
from tallystick.crypto.profiles import ROOT, Profile, issuing_authority, pki_client, secure_element, tls_server
from tallystick.crypto.signers import KeySigner
from tallystick.crypto.taxcore_oids import Environment
from tallystick.kernel.faults import Fault

ARC = Environment(1, 9)
ROOT_KEY = generate_p384_key()


def root() -> Authority:
    order = Order(profile=ROOT, public_key=ROOT_KEY.public, subject=((NameOID.COMMON_NAME, "Root"),))
    return self_signed(order, KeySigner(ROOT_KEY), NOW)


def card_order(**changes: Any) -> Order:
    base = Order(
        profile=secure_element(ARC),
        public_key=rsa_key(0).public,
        subject=((NameOID.COMMON_NAME, "AB12 Shop"), (NameOID.SERIAL_NUMBER, "AB12CD34")),
        texts=((ARC.tin_oid, "123"), (ARC.api_url_oid, "https://a/")),
    )
    return attrs.evolve(base, **changes)


def server_order(*hosts: str) -> Order:
    return Order(
        profile=tls_server(ARC),
        public_key=generate_p256_key().public,
        subject=((NameOID.COMMON_NAME, "x"),),
        hosts=hosts,
    )


def parsed(der: bytes) -> x509.Certificate:
    return x509.load_der_x509_certificate(der)


def test_a_proper_order_is_issued() -> None:
    certificate = parsed(root().issue(card_order(), NOW))
    assert certificate.version is x509.Version.v3
    assert certificate.not_valid_before_utc == NOW - timedelta(seconds=60)


def test_serial_numbers_are_128_random_bits() -> None:
    numbers = {parsed(root().issue(card_order(), NOW)).serial_number for _ in range(20)}
    assert len(numbers) == 20
    assert 118 < max(numbers).bit_length() <= 128


BROKEN: dict[str, dict[str, Any]] = {
    "UID is malformed": {"subject": ((NameOID.SERIAL_NUMBER, "ab12cd34"),)},
    "needs a UID": {"subject": ((NameOID.COMMON_NAME, "x"),)},
    "TIN is malformed": {"texts": ((ARC.tin_oid, "not a TIN!"),)},
    "prefix, two numbers and purpose": {"texts": (("1.3.6.1.4.1.49952.1.9.1.6", "123"),)},
    "attribute stands twice": {"subject": ((NameOID.SERIAL_NUMBER, "AB12CD34"), (NameOID.SERIAL_NUMBER, "AB12CD34"))},
    "attribute of the subject is empty": {"subject": ((NameOID.SERIAL_NUMBER, "AB12CD34"), (NameOID.COMMON_NAME, " "))},
    "not two single digits": {"profile": secure_element(Environment(1, 10)), "texts": ()},
    "needs critical alternative names": {"subject": (), "texts": ()},
    "names an environment": {"profile": attrs.evolve(secure_element(ARC), usages=("1.3.6.1.5.5.7.3.2",))},
}


@pytest.mark.parametrize("finding", BROKEN)
def test_ts_3006_what_the_lint_finds_is_not_signed(finding: str) -> None:
    with pytest.raises(Fault) as caught:
        root().issue(card_order(**BROKEN[finding]), NOW)
    assert caught.value.code == "TS-3006"
    assert finding in caught.value.detail


def test_a_certificate_does_not_outlive_its_issuer() -> None:
    with pytest.raises(Fault) as caught:
        root().issue(card_order(), NOW + timedelta(days=365 * 24))
    assert "after the issuer's" in caught.value.detail


def test_the_lint_sees_what_differs_from_the_profile() -> None:
    """The lint compares with the profile, it does not trust the builder: each altered profile is a finding."""
    certificate = parsed(root().issue(card_order(), NOW))
    profile = secure_element(ARC)
    assert lint(certificate, profile, root().certificate) == []
    altered: list[tuple[Profile, str]] = [
        (attrs.evolve(profile, lifetime=timedelta(days=1)), "longer than the profile"),
        (attrs.evolve(profile, key_usage=frozenset({"digital_signature"})), "key usage is not"),
        (attrs.evolve(profile, usages=()), "extended key usage is not"),
        (attrs.evolve(profile, is_authority=True), "basic constraints"),
        (pki_client(ARC), "extended key usage is not"),
    ]
    for other, finding in altered:
        assert any(finding in one for one in lint(certificate, other, root().certificate)), finding
    stranger = country().pki.authority("service-ca").certificate
    assert any("authority key identifier" in one for one in lint(certificate, profile, stranger))


def test_short_and_long_serial_numbers_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    for bad in (1, 2**63 - 1):
        monkeypatch.setattr(issuing, "_serial_number", lambda bad=bad: bad)
        with pytest.raises(Fault) as caught:
            root().issue(card_order(), NOW)
        assert "serial number" in caught.value.detail


@pytest.mark.parametrize("host", ["*.example", "a_b.example", "outside.example", "10.0.0.9"])
def test_a_server_name_must_be_plain_and_within_the_bounds_of_its_authority(host: str) -> None:
    key = generate_p384_key()
    order = Order(
        profile=issuing_authority(tls_server(ARC).usages),
        public_key=key.public,
        subject=((NameOID.COMMON_NAME, "Service CA"),),
        permitted_hosts=("localhost", "tax.example", "127.0.0.1"),
    )
    authority = Authority(parsed(root().issue(order, NOW)), KeySigner(key))
    authority.issue(server_order("localhost", "api.tax.example", "127.0.0.1"), NOW)
    with pytest.raises(Fault) as caught:
        authority.issue(server_order(host), NOW)
    assert "server name" in caught.value.detail


def test_ts_3003_keys_with_a_small_factor_or_the_roca_form_are_refused() -> None:
    check_key(rsa_key(0).public)
    for weak in (997 * (((1 << 2048) // 997 - 2) | 1), roca_modulus()):
        with pytest.raises(Fault) as caught:
            check_key(public_from_modulus(weak))
        assert caught.value.code == "TS-3003"
        with pytest.raises(Fault) as caught:
            root().issue(card_order(public_key=public_from_modulus(weak)), NOW)
        assert caught.value.code == "TS-3003"


def roca_modulus() -> int:
    """A number of the form that CVE-2017-15361 leaves: a power of 65537 modulo each small prime."""
    product = 1
    for prime in ROCA_PRIMES:
        product *= prime
    residue = pow(65_537, 4_711, product)
    high = (1 << 2047) // product + 1
    return next(
        high * product + residue + step * product
        for step in range(4)
        if (high * product + residue + step * product) & 1
    )


class Other:
    """A signer that signs other bytes than it is given."""

    public = ROOT_KEY.public

    def sign(self, tbs: bytes) -> bytes:
        return KeySigner(ROOT_KEY).sign(tbs + b"\0")


def test_the_authority_signs_the_bytes_that_were_linted() -> None:
    """What comes out holds the very bytes that passed both linters; a signature over others is caught."""
    authority = root()
    prepared = authority.prepare(card_order(), NOW)
    made = parsed(authority.sign(prepared))
    assert made.tbs_certificate_bytes == prepared.tbs
    made.verify_directly_issued_by(authority.certificate)
    with pytest.raises(Fault) as caught:
        attrs.evolve(authority, signer=Other()).sign(prepared)
    assert caught.value.code == "TS-1312"


def test_only_the_public_key_of_an_application_is_taken() -> None:
    """The subject comes from the order, and an application is no more than a key."""
    key = PublicKey.from_spki(rsa_key(1).public.spki)
    found = parsed(root().issue(card_order(public_key=key), NOW))
    assert isinstance(found.public_key(), rsa.RSAPublicKey)
    assert found.subject.get_attributes_for_oid(NameOID.SERIAL_NUMBER)[0].value == "AB12CD34"


@pytest.mark.parametrize("letter", ["x", "ж", "ა", "\U0001d11e"])
def test_common_names_fit_in_any_script_and_keep_their_ending(letter: str) -> None:
    """Libraries count bytes; what tells two authorities of one country apart stands at the end."""
    _, name = common_name(letter * 70, " secure element CA")
    assert name.endswith(f"{letter} secure element CA")
    assert 60 < len(name.encode()) <= 64
    assert common_name("short", " root") == (NameOID.COMMON_NAME, "short root")
