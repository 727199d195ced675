"""TLS settings proved by handshakes in memory: versions, ciphers, the optional certificate, expiry left to us."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cards import NOW, Country, country, rsa_key
from cryptography import x509

from tallystick.crypto.certificates import pem_of
from tallystick.crypto.issuing import Authority, Order
from tallystick.crypto.keys import load_private_key, store_private_key
from tallystick.crypto.pki import DemoPki
from tallystick.crypto.policy import install_registry
from tallystick.crypto.profiles import pki_client
from tallystick.crypto.signers import KeySigner
from tallystick.crypto.tls import least_version, tls_client_context, tls_server_context
from tallystick.kernel.algorithms import REGISTRY, Algorithm, AlgorithmRule, Purpose, Status


@pytest.fixture
def current(tmp_path: Path) -> Country:
    """A country whose server certificate is valid now, since a TLS client reads the real clock."""
    now = datetime.now().astimezone()
    made = DemoPki.create(tmp_path / "pki", environment=(1, 9), organization="Test operator", country="AQ", at=now)
    return Country(made, tmp_path)


def client_files(home: Country, folder: Path, at: datetime) -> tuple[Path, Path]:
    der = home.pki.issue_pki_client(home.subject(), rsa_key(1).public.spki, at=at)
    folder.mkdir(exist_ok=True)
    (folder / "pki.pem").write_bytes(pem_of(der))
    store_private_key(folder / "pki-key.pem", rsa_key(1))
    return folder / "pki.pem", folder / "pki-key.pem"


def shake(
    server: ssl.SSLContext, client: ssl.SSLContext, name: str = "127.0.0.1"
) -> tuple[ssl.SSLObject, ssl.SSLObject]:
    """Let both ends talk through memory until both are done, and a byte has gone each way."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    far = server.wrap_bio(to_server, to_client, server_side=True)
    near = client.wrap_bio(to_client, to_server, server_hostname=name)
    waiting = [near, far]
    for _ in range(20):
        for end in list(waiting):
            try:
                end.do_handshake()
                waiting.remove(end)
            except ssl.SSLWantReadError:
                pass
        if not waiting:
            near.write(b"?")
            assert far.read(1) == b"?"
            far.write(b"!")
            assert near.read(1) == b"!"
            return far, near
    raise AssertionError("the handshake does not end")


def client(home: Country, *certificate: Path) -> ssl.SSLContext:
    return tls_client_context(home.pki.files.root, *certificate)


def test_s2_092_without_a_certificate_the_connection_stands_and_shows_none(current: Country) -> None:
    """A missing certificate gets a coded 401 from the endpoint, not a broken handshake."""
    far, near = shake(tls_server_context(current.pki.files.folder), client(current))
    assert far.getpeercert(binary_form=True) is None
    assert near.version() == "TLSv1.3"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_s2_092_the_cards_certificate_is_shown(current: Country, tmp_path: Path, version: ssl.TLSVersion) -> None:
    files = client_files(current, tmp_path / "card", datetime.now().astimezone())
    context = client(current, *files)
    context.maximum_version = version
    far, near = shake(tls_server_context(current.pki.files.folder), context)
    shown = far.getpeercert(binary_form=True)
    assert shown is not None
    assert pem_of(shown) == files[0].read_bytes()
    cipher = near.cipher()
    assert cipher is not None
    assert "GCM" in cipher[0] or "CHACHA20" in cipher[0]


def test_an_expired_card_is_left_to_the_application(current: Country, tmp_path: Path) -> None:
    """X509_V_FLAG_NO_CHECK_TIME: the application answers TS-1103 instead of a TLS alert."""
    authority_start = NOW - timedelta(days=365 * 5)
    old = DemoPki.create(
        tmp_path / "old", environment=(1, 9), organization="Test operator", country="AQ", at=authority_start
    )
    home = Country(old, tmp_path)
    files = client_files(home, tmp_path / "card", authority_start)
    home.pki.issue_tls(["127.0.0.1"], datetime.now().astimezone())
    far, _ = shake(tls_server_context(home.pki.files.folder), client(home, *files))
    assert far.getpeercert(binary_form=True) is not None


def test_a_foreign_certificate_ends_in_an_alert(current: Country, tmp_path: Path) -> None:
    files = client_files(country(), tmp_path / "card", NOW)
    with pytest.raises(ssl.SSLError):
        shake(tls_server_context(current.pki.files.folder), client(current, *files))


def test_a_server_certificate_does_not_pass_as_a_cards(current: Country) -> None:
    """The listener trusts the issuer of cards, not the root: the service CA's own certificates are foreign here."""
    files = current.pki.files
    with pytest.raises(ssl.SSLError):
        shake(tls_server_context(files.folder), client(current, files.certificate("tls"), files.private_key("tls")))


def test_a_certificate_of_another_branch_under_our_root_is_foreign(current: Country, tmp_path: Path) -> None:
    """Even one with client authentication, signed by the root itself."""
    files = current.pki.files
    key = KeySigner(load_private_key(files.private_key("root")))
    root = Authority(x509.load_pem_x509_certificate(files.root.read_bytes()), key)
    order = Order(
        profile=pki_client(current.pki.environment),
        public_key=rsa_key(1).public,
        subject=current.subject().attributes(),
        texts=current.subject().texts(current.pki.environment),
    )
    (tmp_path / "c.pem").write_bytes(pem_of(root.issue(order, datetime.now().astimezone())))
    store_private_key(tmp_path / "c-key.pem", rsa_key(1))
    with pytest.raises(ssl.SSLError):
        shake(tls_server_context(files.folder), client(current, tmp_path / "c.pem", tmp_path / "c-key.pem"))


def test_a_device_believes_only_its_root_and_the_right_name(current: Country) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        shake(tls_server_context(current.pki.files.folder), client(country()))
    with pytest.raises(ssl.SSLCertVerificationError):
        shake(tls_server_context(current.pki.files.folder), client(current), "127.0.0.2")


def test_s0_034_a_pack_ends_tls_1_2_by_a_date(current: Country) -> None:
    before, end = datetime(2028, 6, 30, tzinfo=UTC), datetime(2028, 7, 1, tzinfo=UTC)
    key = Algorithm.TLS_1_2, Purpose.TRANSPORT
    rules = [AlgorithmRule(*key, Status.ALLOWED), AlgorithmRule(*key, Status.FORBIDDEN, end)]
    try:
        install_registry(REGISTRY.changed_by(rules))
        assert least_version(before) is ssl.TLSVersion.TLSv1_2
        assert least_version(end) is ssl.TLSVersion.TLSv1_3
        install_registry(REGISTRY.changed_by([AlgorithmRule(*key, Status.FORBIDDEN)]))
        old = client(current)
        old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2
        with pytest.raises(ssl.SSLError):
            shake(tls_server_context(current.pki.files.folder), old)
    finally:
        install_registry(REGISTRY)


def test_old_versions_and_ciphers_are_refused(current: Country) -> None:
    """S0-034, security 3.2: 1.2 with ECDHE and AEAD only."""
    server = tls_server_context(current.pki.files.folder)
    old = client(current)
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    old.set_ciphers("ECDHE+AES:@SECLEVEL=0")
    _, near = shake(server, old)
    cipher = near.cipher()
    assert cipher is not None
    assert "GCM" in cipher[0]
    for ciphers in ("AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES128-SHA256"):
        old.set_ciphers(f"{ciphers}:@SECLEVEL=0")
        with pytest.raises(ssl.SSLError):
            shake(server, old)
    assert server.minimum_version == ssl.TLSVersion.TLSv1_2
    assert server.options & ssl.OP_NO_RENEGOTIATION
    assert server.options & ssl.OP_NO_TICKET
    assert server.verify_mode == ssl.CERT_OPTIONAL
    assert server.verify_flags & 0x200000
