"""Certificates of cards: how identity and environment are read, and how a chain is followed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cards import NOW, Country, country, rsa_key
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from outcomes import fault_code

from tallystick.crypto.certificates import (
    Trusted,
    TrustStore,
    der_of,
    pem_of,
    read_card_certificate,
    read_extension_text,
    verify_chain,
)
from tallystick.crypto.keys import rsa_private
from tallystick.crypto.policy import install_registry
from tallystick.crypto.taxcore_oids import CertificateClass, Environment, read_usage
from tallystick.kernel.algorithms import REGISTRY, Algorithm, AlgorithmRule, Purpose, Status
from tallystick.kernel.faults import Fault

ISSUER_KEY = ec.generate_private_key(ec.SECP256R1())


def build(
    *,
    usages: Sequence[str] = ("1.3.6.1.4.1.49952.5.2.3.3",),
    texts: Sequence[tuple[str, bytes]] = (("1.3.6.1.4.1.49952.5.2.6", b"021131682"),),
    subject: Sequence[tuple[x509.ObjectIdentifier, str]] = ((NameOID.SERIAL_NUMBER, "AB12CD34"),),
    digest: hashes.SHA224 | hashes.SHA256 | hashes.SHA512 | None = None,
) -> bytes:
    """A certificate as a foreign authority may have made it."""
    name = x509.Name([x509.NameAttribute(oid, value) for oid, value in subject])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Foreign ICA")]))
        .public_key(rsa_private(rsa_key(0)).public_key())
        .serial_number(5)
        .not_valid_before(NOW)
        .not_valid_after(NOW + timedelta(days=1000))
    )
    if usages:
        builder = builder.add_extension(x509.ExtendedKeyUsage([x509.ObjectIdentifier(o) for o in usages]), False)
    for oid, value in texts:
        builder = builder.add_extension(x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value), False)
    return builder.sign(ISSUER_KEY, digest or hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def test_s2_010_the_example_of_the_source() -> None:
    """From ...49952.5.2.3.3 the 4th and 3rd integers from the right are 5 and 2; the TIN stands in ...49952.5.2.6."""
    environment, certificate_class = read_usage(["1.3.6.1.4.1.49952.5.2.3.3"])
    assert environment.digits == (5, 2)
    assert certificate_class is CertificateClass.V33
    assert environment.tin_oid == "1.3.6.1.4.1.49952.5.2.6"
    assert environment.usage_oid(CertificateClass.V34) == "1.3.6.1.4.1.49952.5.2.3.4"
    assert read_card_certificate(build()).tin == "021131682"


@pytest.mark.parametrize("digits", [(1, 9), (3, 8), (5, 8), (5, 2)])
def test_k_12_s2_009_the_same_certificate_in_two_environments(digits: tuple[int, int]) -> None:
    """The TIN is found under the environment's own identifier only; one of another environment is not taken."""
    arc = Environment(*digits)
    usage = arc.usage_oid(CertificateClass.V33)
    found = read_card_certificate(
        build(usages=[usage], texts=[(arc.tin_oid, b"111"), (arc.api_url_oid, b"https://a/")])
    )
    assert (found.environment, found.tin, found.api_url) == (digits, "111", "https://a/")
    other = Environment(digits[0] + 1, digits[1])
    with pytest.raises(Fault) as caught:
        read_card_certificate(build(usages=[usage], texts=[(other.tin_oid, b"111")]))
    assert caught.value.code == "TS-1313"


def test_standard_usages_beside_the_environments_are_passed_over() -> None:
    """Wire 11.1: take the usage that starts with the prefix."""
    usages = ["1.3.6.1.5.5.7.3.2", "1.3.6.1.4.1.499520.1.2.3.3", "1.3.6.1.4.1.49952.5.8.3.4", "1.3.6.1.5.5.7.3.1"]
    assert read_usage(usages) == (Environment(5, 8), CertificateClass.V34)


@pytest.mark.parametrize(
    "usages",
    [
        [],
        ["1.3.6.1.5.5.7.3.2"],
        ["1.3.6.1.4.1.49952.3.3"],
        ["1.3.6.1.4.1.49952.5.8.3.99"],
        ["1.3.6.1.4.1.49952.5.8.4.3"],
    ],
)
def test_a_certificate_of_no_environment_is_ts_1108(usages: list[str]) -> None:
    with pytest.raises(Fault) as caught:
        read_card_certificate(build(usages=usages))
    assert caught.value.code == "TS-1108"


@pytest.mark.parametrize(
    "value",
    [
        b"RS111",
        b"\x0c\x05RS111",
        b"\x13\x05RS111",
        b"\x16\x05RS111",
        b"\x04\x05RS111",
        b"\x04\x07\x0c\x05RS111",
        b"\x0c\x81\x05RS111",
        b"\x1e\x0a\0R\0S\0" + b"1\0" * 2 + b"1",
        b"RS111\0",
        b"RS111\r\n",
    ],
)
def test_wire_11_1_an_extension_is_read_raw_or_inside_a_tag(value: bytes) -> None:
    assert read_extension_text(value) == "RS111"


def test_text_that_looks_like_a_tag_is_still_text() -> None:
    assert read_extension_text(b"") == ""
    assert read_extension_text("Ж/д".encode()) == "Ж/д"
    assert read_extension_text(b"0123") == "0123"
    with pytest.raises(Fault):
        read_extension_text(b"\xff\xfe")


def test_s2_011_s2_012_the_subject_is_mapped_with_cyrillic() -> None:
    home = country()
    found = read_card_certificate(home.pki.issue_secure_element(home.subject(), rsa_key(0).public.spki, at=NOW))
    assert found.uid == "AB12CD34"
    assert found.common_name == "AB12 Радња 7"
    assert (found.given_name, found.surname) == ("Мира", "Перић")
    assert found.seller == home.subject().seller
    assert (found.seller.location_name, found.seller.business_name) == ("Радња 7", "Продавница д.о.о.")
    assert (found.seller.address, found.seller.city, found.seller.district) == (
        "Кнеза Милоша 1",
        "Београд",
        "Стари Град",
    )
    assert (found.api_url, found.vsdc_url) == ("https://127.0.0.1:8443/", "https://127.0.0.1:8443/vsdc/")
    assert found.public_key == rsa_key(0).public
    assert len(found.sha256) == 32
    assert "-----" not in repr(found)


def test_s2_007_the_certificate_says_when_it_expires() -> None:
    """S2-027, K-25: valid from its first moment on, refused from its end on."""
    home = country()
    found = read_card_certificate(
        home.pki.issue_secure_element(home.subject(), rsa_key(0).public.spki, at=NOW, years=3)
    )
    assert found.not_after - found.not_before == timedelta(days=3 * 365, seconds=-1)
    assert found.is_valid_at(found.not_before)
    assert found.is_valid_at(found.not_after - timedelta(milliseconds=1))
    assert not found.is_valid_at(found.not_after)
    assert not found.is_valid_at(found.not_before - timedelta(milliseconds=1))


@pytest.mark.parametrize("uid", ["", "ab12cd34", "AB12CD3", "AB12CD345", "AB-2CD34"])
def test_a_certificate_without_a_proper_uid_is_ts_1313(uid: str) -> None:
    with pytest.raises(Fault) as caught:
        read_card_certificate(build(subject=[(NameOID.SERIAL_NUMBER, uid)] if uid else []))
    assert caught.value.code == "TS-1313"


@pytest.mark.parametrize("der", [b"", b"\x30\x00", b"x" * 900, build()[:-1], build() + b"\0"])
def test_what_is_no_certificate_is_ts_1102(der: bytes) -> None:
    with pytest.raises(Fault) as caught:
        read_card_certificate(der)
    assert caught.value.code == "TS-1102"


def issued(home: Country, at: datetime = NOW) -> bytes:
    return home.pki.issue_secure_element(home.subject(), rsa_key(0).public.spki, at=at)


def test_a_chain_leads_to_our_root() -> None:
    """S0-038: from the card's certificate, which names device and merchant, over the issuer of cards to the root."""
    verify_chain(issued(country()), country().pki.trust_store(), NOW)


def refusal(der: bytes, trusted: Trusted, moment: datetime = NOW) -> str:
    with pytest.raises(Fault) as caught:
        verify_chain(der, trusted, moment)
    return caught.value.code


def test_an_expired_link_is_told_from_a_foreign_one() -> None:
    """TS-1103 against TS-1102; the moment is passed in."""
    der, trusted = issued(country()), country().pki.trust_store()
    certificate = read_card_certificate(der)
    assert refusal(der, trusted, certificate.not_after) == "TS-1103"
    assert refusal(der, trusted, certificate.not_before - timedelta(seconds=1)) == "TS-1103"
    verify_chain(der, trusted, certificate.not_after - timedelta(seconds=1))
    late = issued(country(), NOW + timedelta(days=365 * 4))
    assert refusal(late, trusted, NOW + timedelta(days=365 * 8 + 1)) == "TS-1103"


def test_a_chain_of_another_country_is_refused() -> None:
    """The other country's authorities have the same names: names are not enough."""
    other = country((5, 8))
    assert refusal(issued(other), country().pki.trust_store()) == "TS-1102"
    assert refusal(issued(country()), TrustStore(())) == "TS-1102"
    without_root = TrustStore.from_pem(country().pki.files.client_authority.read_bytes())
    assert refusal(issued(country()), without_root) == "TS-1102"


def made(
    name: str,
    issuer: tuple[str, ec.EllipticCurvePrivateKey],
    key: ec.EllipticCurvePrivateKey,
    constraints: x509.BasicConstraints | None,
    *,
    may_sign: bool = True,
) -> x509.Certificate:
    """A certificate of our own algorithms with any constraints."""
    usage = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only"), False
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer[0])]))
        .public_key(key.public_key())
        .serial_number(9)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=10))
        .add_extension(
            x509.KeyUsage(digital_signature=True, key_cert_sign=may_sign, crl_sign=False, decipher_only=False, **usage),
            True,
        )
    )
    if constraints is not None:
        builder = builder.add_extension(constraints, True)
    return builder.sign(issuer[1], hashes.SHA256())


ANY_AUTHORITY = x509.BasicConstraints(ca=True, path_length=None)
LEAF = x509.BasicConstraints(ca=False, path_length=None)
KEYS = [ec.generate_private_key(ec.SECP256R1()) for _ in range(3)]


def chain(middle: x509.BasicConstraints | None, *, root_length: int | None = 1, may_sign: bool = True) -> str | None:
    """Leaf under a middle certificate under a root, all trusted but the leaf: the code of its refusal."""
    root = made("R", ("R", KEYS[0]), KEYS[0], x509.BasicConstraints(ca=True, path_length=root_length))
    between = made("M", ("R", KEYS[0]), KEYS[1], middle, may_sign=may_sign)
    leaf = made("L", ("M", KEYS[1]), KEYS[2], LEAF)
    der = leaf.public_bytes(serialization.Encoding.DER)
    return fault_code(lambda: verify_chain(der, TrustStore((root, between)), NOW))


def test_only_an_authority_can_issue() -> None:
    """A card or a server that slipped into the trust store, or an authority below one too many, issues nothing."""
    assert chain(ANY_AUTHORITY) is None
    assert chain(x509.BasicConstraints(ca=True, path_length=0)) is None
    assert chain(LEAF) == "TS-1102"
    assert chain(None) == "TS-1102"
    assert chain(ANY_AUTHORITY, may_sign=False) == "TS-1102"
    assert chain(ANY_AUTHORITY, root_length=0) == "TS-1102"


def test_k_01_an_algorithm_of_a_chain_ends_with_its_date() -> None:
    """The registry is asked at the moment that is judged."""
    end = NOW + timedelta(days=100)
    rules = [
        AlgorithmRule(Algorithm.ECDSA_P384, Purpose.CERTIFICATE, Status.REQUIRED),
        AlgorithmRule(Algorithm.ECDSA_P384, Purpose.CERTIFICATE, Status.FORBIDDEN, end),
    ]
    der, trusted = issued(country()), country().pki.trust_store()
    install_registry(REGISTRY.changed_by(rules))
    try:
        verify_chain(der, trusted, end - timedelta(seconds=1))
        assert refusal(der, trusted, end) == "TS-1310"
    finally:
        install_registry(REGISTRY)


def test_a_chain_of_four_is_too_long() -> None:
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(4)]
    names = ["A", "B", "C", "D"]
    line = [made("A", ("A", keys[0]), keys[0], ANY_AUTHORITY)]
    line += [made(names[n], (names[n - 1], keys[n - 1]), keys[n], ANY_AUTHORITY) for n in range(1, 4)]
    store = TrustStore(tuple(line))
    verify_chain(line[2].public_bytes(serialization.Encoding.DER), store, NOW)
    assert refusal(line[3].public_bytes(serialization.Encoding.DER), store) == "TS-1102"


def test_k_01_a_certificate_signed_with_an_old_hash_is_refused() -> None:
    assert refusal(build(digest=hashes.SHA224()), country().pki.trust_store()) == "TS-1310"
    assert refusal(build(digest=hashes.SHA512()), country().pki.trust_store()) == "TS-1310"


def test_pem_and_der(tmp_path: Path) -> None:
    der = issued(country())
    assert der_of(pem_of(der)) == der
    with pytest.raises(ValueError):
        der_of(b"nothing")
