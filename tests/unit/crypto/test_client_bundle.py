"""The file of a POS: PKCS #12 without a chain, under a password (wire: chapters 0.3 and 9)."""

from __future__ import annotations

import re

import pytest
from cards import NOW, country, rsa_key

from tallystick.crypto.certificates import read_card_certificate
from tallystick.crypto.client_bundle import new_pac, new_password, read_bundle, write_bundle
from tallystick.crypto.taxcore_oids import CertificateClass


def test_password_and_pac_have_the_published_shapes() -> None:
    assert re.fullmatch("[A-Z0-9]{8}", new_password())
    assert re.fullmatch("[A-Z0-9]{6}", new_pac())
    assert len({new_pac() for _ in range(50)}) > 45


def test_a_bundle_opens_with_its_password_only() -> None:
    certificate = country().pki.issue_pos_client(country().subject(), rsa_key(0).public.spki, at=NOW)
    bundle = write_bundle("pos", rsa_key(0), certificate, "ABCD1234")
    key, pem, public = read_bundle(bundle, "ABCD1234")
    assert b"PRIVATE KEY" in key
    assert b"CERTIFICATE" in pem
    assert public == rsa_key(0).public
    with pytest.raises(ValueError, match="password"):
        read_bundle(bundle, "ABCD1235")


def test_classes_and_addresses_of_the_new_certificates() -> None:
    pki, subject = country().pki, country().subject()
    pos = read_card_certificate(pki.issue_pos_client(subject, rsa_key(0).public.spki, at=NOW))
    signer = read_card_certificate(pki.issue_hosted_signer(subject, rsa_key(0).public.spki, at=NOW))
    assert pos.certificate_class is CertificateClass.V32
    assert signer.certificate_class is CertificateClass.V35
    assert pos.vsdc_url == subject.vsdc_url
