"""The PKI of a test country: its files, its classes, and that another program believes it."""

from __future__ import annotations

import shutil
import stat
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from cards import NOW, country, rsa_key
from cryptography import x509

from tallystick.crypto.certificates import pem_of, read_card_certificate
from tallystick.crypto.pki import DemoPki
from tallystick.crypto.taxcore_oids import CertificateClass
from tallystick.kernel.faults import Fault


def test_private_keys_are_for_their_owner_only() -> None:
    folder = country().pki.files.folder
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    names = {file.name for file in folder.iterdir()}
    for key in ("root", "secure-element-ca", "service-ca", "tls", "package", "poa", "log"):
        assert f"{key}-key.pem" in names
    for file in folder.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == (0o600 if file.name.endswith("-key.pem") else 0o644), file.name


def test_package_and_proof_keys_are_separate() -> None:
    """Wire 15.1: no decryption key ever signs."""
    pki = country().pki
    assert pki.public_key("package") != pki.public_key("poa")
    assert pki.private_key("package").public == pki.public_key("package")
    assert pki.private_key("log").public == pki.public_key("log")


def test_classes_and_environment_of_what_is_issued() -> None:
    home = country((5, 8))
    element = read_card_certificate(home.pki.issue_secure_element(home.subject(), rsa_key(0).public.spki, at=NOW))
    client = read_card_certificate(home.pki.issue_pki_client(home.subject(), rsa_key(1).public.spki, at=NOW))
    assert (element.certificate_class, element.environment) == (CertificateClass.V33, (5, 8))
    assert (client.certificate_class, client.environment) == (CertificateClass.V34, (5, 8))
    encryption = x509.load_der_x509_certificate(home.pki.encryption_certificate)
    usage = encryption.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert [oid.dotted_string for oid in usage] == ["1.3.6.1.4.1.49952.5.8.3.6"]


def test_s2_009_the_extension_holds_the_bare_text() -> None:
    """Wire 11.1: no inner tag, since vendor code reads the raw content as text."""
    home = country()
    certificate = x509.load_der_x509_certificate(
        home.pki.issue_secure_element(home.subject(), rsa_key(0).public.spki, at=NOW)
    )
    raw = {
        e.oid.dotted_string: e.value.value
        for e in certificate.extensions
        if isinstance(e.value, x509.UnrecognizedExtension)
    }
    assert raw["1.3.6.1.4.1.49952.1.9.6"] == b"123456789"
    assert raw["1.3.6.1.4.1.49952.1.9.5"] == b"https://127.0.0.1:8443/"


def test_a_folder_is_opened_again_and_issues_on(tmp_path: Path) -> None:
    folder = tmp_path / "pki"
    shutil.copytree(country().pki.files.folder, folder)
    again = DemoPki.load(folder, environment=(1, 9))
    again.issue_secure_element(country().subject(), rsa_key(0).public.spki, at=NOW)
    before = again.files.certificate("tls").read_bytes()
    again.issue_tls(["127.0.0.1"], NOW + timedelta(days=60))
    assert again.files.certificate("tls").read_bytes() != before
    with pytest.raises(Fault):
        again.issue_tls(["elsewhere.example"], NOW)
    with pytest.raises(OSError):
        DemoPki.load(tmp_path / "nothing", environment=(1, 9))


def test_the_servers_certificate_is_renewed_in_the_last_third_of_its_life(tmp_path: Path) -> None:
    folder = tmp_path / "pki"
    shutil.copytree(country().pki.files.folder, folder)
    pki = DemoPki.load(folder, environment=(1, 9))
    tls = pki.files.certificate("tls")
    first = tls.read_bytes()
    assert not pki.renew_tls(NOW + timedelta(days=59))
    assert tls.read_bytes() == first
    assert pki.renew_tls(NOW + timedelta(days=61))
    assert not pki.renew_tls(NOW + timedelta(days=62))
    assert tls.read_bytes() != first
    tls.unlink()
    assert pki.renew_tls(NOW)


def test_a_process_that_issues_nothing_needs_no_authority_key(tmp_path: Path) -> None:
    """The serving processes open the folder without reading the key of any certificate authority."""
    folder = tmp_path / "pki"
    shutil.copytree(country().pki.files.folder, folder)
    for name in ("root", "secure-element-ca", "service-ca"):
        (folder / f"{name}-key.pem").unlink()
    pki = DemoPki.load(folder, environment=(1, 9))
    assert len(pki.trust_store().authorities) == 2
    with pytest.raises(OSError):
        pki.issue_tls(["127.0.0.1"], NOW)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the openssl program as a second opinion")
def test_another_program_follows_our_chains(tmp_path: Path) -> None:
    home = country()
    leaf = tmp_path / "leaf.pem"
    subject = home.subject()
    element = home.pki.issue_pki_client(subject, rsa_key(1).public.spki, at=NOW)
    leaf.write_bytes(pem_of(element))
    files = home.pki.files
    when = str(int(NOW.timestamp()))
    chains = [
        (files.client_authority, leaf, "sslclient"),
        (files.certificate("service-ca"), files.certificate("tls"), "sslserver"),
    ]
    for authority, certificate, purpose in chains:
        done = subprocess.run(
            ["openssl", "verify", "-x509_strict", "-attime", when, "-purpose", purpose, "-CAfile", files.root,
             "-untrusted", authority, certificate],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
