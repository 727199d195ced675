"""EST as foreign programs use it: curl as client, openssl for requests, chains and certificates."""

from __future__ import annotations

import base64
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cards import rsa_key
from pki_bench import csr, named, p256
from pki_live import TIN, Live, certificate_of, crl_pem, issuer, new_request, openssl, pkcs10, problem
from till_live import register_file

from tallystick.crypto.certificate_facts import read_facts
from tallystick.crypto.certificates import der_of, pem_of
from tallystick.crypto.est import read_certs_only
from tallystick.crypto.keys import load_private_key
from tallystick.crypto.passphrase_keys import store_under_passphrase
from tallystick.crypto.pki import CardSubject
from tallystick.device.ecr.device_files import DeviceFiles
from tallystick.device.ecr.enrolment import enrol, renew, renewal_moment
from tallystick.device.ecr.place import begin_register, open_register
from tallystick.device.ecr.setup_file import read_register_file
from tallystick.kernel.faults import Fault
from tallystick.kernel.identifiers import Tin, Uid
from tallystick.kernel.invoice import Seller

pytestmark = pytest.mark.skipif(
    shutil.which("openssl") is None or shutil.which("curl") is None, reason="needs openssl and curl as second opinions"
)


def test_s0_038_a_device_enrols_with_curl_and_openssl_believes_the_chain(live: Live) -> None:
    """From the root down: what EST gives is verified strictly by another program, revocation included."""
    live.register("EN000001")
    code = live.code("EN000001")
    request, _ = new_request(live, "EN000001", "/CN=anything")
    status, body = live.curl("simpleenroll", "-u", f"EN000001:{code}", *pkcs10(request))
    assert status == 200, body
    leaf = certificate_of(live, body)
    strict = ("verify", "-x509_strict", "-purpose", "sslclient", "-CAfile", live.pki.files.root)
    openssl(*strict, "-untrusted", issuer(live), leaf)
    crls = live.folder / "crls.pem"
    crls.write_bytes(crl_pem(live).read_bytes() + crl_pem(live, "root").read_bytes())
    openssl(*strict, "-crl_check_all", "-CRLfile", crls, "-untrusted", issuer(live), leaf)
    shown = openssl("x509", "-in", leaf, "-noout", "-subject", "-ext", "crlDistributionPoints,authorityInfoAccess")
    assert "EN000001" in shown
    assert "anything" not in shown
    assert f"URI:{live.pki.publication_url}crl/device-ca.crl" in shown
    assert f"OCSP - URI:{live.pki.publication_url}ocsp" in shown
    assert live.curl("simpleenroll", "-u", f"EN000001:{code}", *pkcs10(request)) == (200, body), "the same again"


def test_est_gives_the_chain_and_what_a_request_should_have(live: Live) -> None:
    status, body = live.curl("cacerts")
    assert status == 200
    chain = live.folder / "chain.p7"
    chain.write_bytes(b"-----BEGIN PKCS7-----\n" + body + b"-----END PKCS7-----\n")
    assert openssl("pkcs7", "-in", chain, "-print_certs").count("BEGIN CERTIFICATE") == 3
    status, body = live.curl("csrattrs")
    parsed = openssl("asn1parse", "-inform", "DER", stdin=base64.b64decode(body))
    assert "id-ecPublicKey" in parsed
    assert "prime256v1" in parsed
    assert "ecdsa-with-SHA256" in parsed


def test_s0_034_a_device_renews_with_the_certificate_that_it_has(live: Live) -> None:
    """Both sides by certificate; same names, another key."""
    certificate, key = live.old_device("RE000001")
    request, _ = new_request(live, "RE000001", "/serialNumber=RE000001")
    client = ("--cert", certificate, "--key", key)
    status, body = live.curl("simplereenroll", *client, *pkcs10(request))
    assert status == 200, body
    renewed = read_facts(der_of(certificate_of(live, body).read_bytes()))
    old = read_facts(der_of(certificate.read_bytes()))
    assert renewed.subject == old.subject
    assert renewed.key_hash != old.key_hash
    status, body = live.curl("simplereenroll", *pkcs10(request))
    assert (status, problem(body)) == (401, "TS-1101")


def test_a_card_or_a_stranger_cannot_renew_as_a_device(live: Live) -> None:
    """Another branch of our own hierarchy ends in a TLS alert, as does a self-made certificate."""
    seller = Seller(
        tin=Tin(TIN), business_name="S", location_name="L", address="a", district="d", city="c", country="AQ"
    )
    subject = CardSubject(Uid("CA000001"), seller, "https://127.0.0.1:8443/")
    key = live.folder / "card.key"
    key.write_bytes(rsa_key(1).pem)
    card = live.folder / "card.pem"
    card.write_bytes(pem_of(live.pki.issue_pki_client(subject, rsa_key(1).public.spki, at=datetime.now(UTC))))
    own = live.folder / "own.pem"
    openssl("req", "-x509", "-new", "-key", key, "-subj", "/CN=own", "-days", "3", "-out", own)
    request, _ = new_request(live, "CA000001", "/CN=x")
    for certificate in (card, own):
        assert live.curl("simplereenroll", "--cert", certificate, "--key", key, *pkcs10(request))[0] == 0


def test_what_est_refuses_is_a_coded_problem(live: Live) -> None:
    live.register("BA000001")
    request, _ = new_request(live, "BA000001", "/serialNumber=BA000002")
    good = f"BA000001:{live.code('BA000001')}"
    huge, garbage = live.folder / "huge", live.folder / "garbage"
    huge.write_bytes(b"A" * 20_000)
    garbage.write_bytes(b"MIIB!!!!")
    cases = (
        ("simpleenroll", pkcs10(request), 401, "TS-3020"),
        ("simpleenroll", ("-H", "Authorization: Basic !", *pkcs10(request)), 401, "TS-3020"),
        ("simpleenroll", ("-u", "BA000001:AAAAAAAAAAAAAAAAAAAAAAAAAA", *pkcs10(request)), 403, "TS-3001"),
        ("simpleenroll", ("-u", good, *pkcs10(request)), 403, "TS-1313"),
        ("simpleenroll", ("-u", good, "--data-binary", f"@{request}"), 415, "TS-1002"),
        ("simpleenroll", ("-u", good, *pkcs10(garbage)), 400, "TS-3002"),
        ("simpleenroll", ("-u", good, *pkcs10(huge)), 413, "TS-1003"),
        ("simpleenroll", (), 404, "TS-1001"),
        ("serverkeygen", pkcs10(request), 404, "TS-1001"),
    )
    for operation, arguments, status, wanted in cases:
        got, body = live.curl(operation, *arguments)
        assert (got, problem(body)) == (status, wanted)


def test_a_request_that_names_its_own_device_is_taken(live: Live) -> None:
    live.register("NA000001")
    body = base64.b64encode(csr(p256(), named("NA000001")))
    request = live.folder / "bare.b64"
    request.write_bytes(body)
    status, answer = live.curl("simpleenroll", "-u", f"NA000001:{live.code('NA000001')}", *pkcs10(request))
    assert status == 200, answer


def test_s0_038_a_register_enrols_and_renews_by_itself(live: Live, tmp_path: Path) -> None:
    """Our own client: the key never leaves, a wrong code changes nothing, the certificate stands at the TLS door."""
    shutil.copy(live.pki.files.root, tmp_path / "authority.crt")
    register_file(
        tmp_path, uid="EN000009", enrolment=live.est.rstrip("/"), renewal=f"{live.pki.publication_url}pki/renewal-info"
    )
    live.register("EN000009")
    files = begin_register(tmp_path, "1234")
    file = read_register_file(tmp_path)
    with pytest.raises(Fault) as refused:
        enrol(files, file, "AAAAAAAAAAAAAAAAAAAAAAAAAA")
    assert refused.value.code == "TS-3264"
    assert "TS-3001" in refused.value.detail
    enrol(files, file, live.code("EN000009"))
    identity = DeviceFiles(tmp_path, "1234").identity()
    assert identity.not_after > datetime.now(UTC)
    moment = renewal_moment(file, identity)
    assert identity.not_before < moment < identity.not_after
    with pytest.raises(Fault) as early:
        renew(files, file)
    assert "TS-3008" in early.value.detail, "the TLS door knew us, the window is not open yet"
    with pytest.raises(Fault) as locked:
        _ = DeviceFiles(tmp_path, "4321").key
    assert locked.value.code == "TS-3263"


def test_s0_034_a_register_with_an_old_certificate_renews_with_a_new_key(live: Live, tmp_path: Path) -> None:
    certificate, key = live.old_device("EN000010")
    shutil.copy(live.pki.files.root, tmp_path / "authority.crt")
    register_file(tmp_path, uid="EN000010", enrolment=live.est.rstrip("/"))
    key.chmod(0o600)
    store_under_passphrase(tmp_path / "device.key", load_private_key(key), "1234")
    chain = live.curl("cacerts")[1]
    sent = [der_of(certificate.read_bytes()), *(one for one in read_certs_only(base64.b64decode(chain)))]
    (tmp_path / "device.crt").write_bytes(b"".join(map(pem_of, sent)))
    opened = open_register(tmp_path, "1234", lambda: datetime.now(UTC))
    before = DeviceFiles(tmp_path, "1234").identity()
    assert opened.renewal.look(opened.register, datetime.now(UTC))
    after = DeviceFiles(tmp_path, "1234").identity()
    assert opened.register.setup.certificate_hash == after.certificate_hash
    assert not opened.renewal.look(opened.register, datetime.now(UTC)), "the new one is young"
    opened.close()
    assert after.certificate_hash != before.certificate_hash
    assert after.not_after > before.not_after
